"""The shell that makes a folder hot."""
