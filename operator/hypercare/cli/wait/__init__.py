"""`kubectl hypercare wait`: until a period is protected, or over; for pipelines."""
