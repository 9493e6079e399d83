"""The built-in dataset: drawn scenes in VOC's folder layout."""
