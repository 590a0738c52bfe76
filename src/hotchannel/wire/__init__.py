"""What travels: payloads and their encoding."""
