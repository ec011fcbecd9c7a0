"""Raising capacity, and the holds that bring every changed value back."""
