"""What runs on the far side of a link."""
