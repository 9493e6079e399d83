"""From localization maps to pseudo masks (paper 3.2 and 4.1)."""
