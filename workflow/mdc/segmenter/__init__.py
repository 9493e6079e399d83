"""Training the segmenter (paper 3.3)."""
