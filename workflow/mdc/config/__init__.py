"""The configuration: its keys, how they are checked, and what a run consists of."""
