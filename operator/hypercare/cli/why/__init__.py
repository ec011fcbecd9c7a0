"""`kubectl hypercare why`: what blocks the exit of a period, and what to do about it."""
