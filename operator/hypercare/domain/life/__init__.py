"""The life of a run: its window, its stages, and what moves it from one phase to the next."""
