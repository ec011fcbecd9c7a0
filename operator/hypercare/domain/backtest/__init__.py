"""What a period would have said and done over a stretch of history, by the same rules as live."""
