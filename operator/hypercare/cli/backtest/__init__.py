"""`kubectl hypercare backtest`: a period tried against history."""
