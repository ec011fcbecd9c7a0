"""What a period's object says, for the commands that show it: pure, and lenient towards any status."""
