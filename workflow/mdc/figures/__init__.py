"""Figures at the width of a page."""
