"""`kubectl hypercare report`: what a run left behind."""
