"""What the pure core and the reading of evidence cost, told as ratios where that makes sense. Nothing here gates a test: wall clocks differ from machine to machine."""
