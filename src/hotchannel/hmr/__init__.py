"""What an edit means. Pure."""
