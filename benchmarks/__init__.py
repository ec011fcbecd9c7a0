"""What the pure core and the reading of evidence cost, told as ratios where that says more than seconds.

Nothing here gates a test: wall clocks differ from machine to machine.
"""
