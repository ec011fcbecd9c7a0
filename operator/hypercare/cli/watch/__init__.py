"""`kubectl hypercare watch`: periods as they change."""
