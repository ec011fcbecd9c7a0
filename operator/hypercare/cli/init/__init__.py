"""`kubectl hypercare init`: a first period for what a namespace has."""
