"""Saliency maps, the background cue of paper 4.1."""
