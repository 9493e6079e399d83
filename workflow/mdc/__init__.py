"""Weakly and semi-supervised semantic segmentation with multi-dilation localization maps (MDC, CVPR 2018)."""
