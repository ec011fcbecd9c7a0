"""`kubectl hypercare list`: all periods of a namespace, or of the cluster."""
