"""What a served file says. Pure."""
