"""Mutated files through the functions that read them, counted; see `tests.fuzz.__main__`."""
