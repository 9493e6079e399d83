"""Class scores of the segmenter."""
