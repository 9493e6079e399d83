"""The two networks: the multi-dilation classifier and the LargeFOV segmenter."""
