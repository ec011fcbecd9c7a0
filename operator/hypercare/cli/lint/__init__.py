"""`kubectl hypercare lint`: what the API server and the operator would say about files, before they are applied."""
