"""What is thrown at the channel, through every entrance."""
