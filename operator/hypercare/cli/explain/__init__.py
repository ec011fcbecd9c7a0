"""`kubectl hypercare explain`: the effective spec of a period, with the origin of each value."""
