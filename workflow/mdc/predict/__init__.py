"""The trained segmenter on new photos."""
