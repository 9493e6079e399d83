"""Comparing masks with ground truth, and the tables made of it (paper 4)."""
