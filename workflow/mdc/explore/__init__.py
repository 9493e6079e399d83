"""A local web page on what a run wrote: its images, maps and masks, and what other settings would make of them."""
