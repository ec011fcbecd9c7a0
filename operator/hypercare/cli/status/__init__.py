"""`kubectl hypercare status`: one period at a glance."""
