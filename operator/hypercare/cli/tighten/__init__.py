"""`kubectl hypercare tighten`: what hypercare would make of the alerts of rule files."""
