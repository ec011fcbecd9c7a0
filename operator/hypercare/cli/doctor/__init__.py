"""`kubectl hypercare doctor`: what keeps hypercare from working in a cluster, and what to do about it."""
