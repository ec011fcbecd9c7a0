"""What the pure core costs, told as ratios. Nothing here gates a test: wall clocks differ from machine to machine."""
