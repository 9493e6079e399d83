"""Class activation maps of every block (paper 3.2)."""
