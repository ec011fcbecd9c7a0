"""The rules of hypercare, pure: no I/O, no clock, no Kubernetes client. Time and facts are passed in."""
