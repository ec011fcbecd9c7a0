"""What a run leaves behind when it is over."""
