"""What is left of acknowledged rows when something is killed, cut off or full."""
