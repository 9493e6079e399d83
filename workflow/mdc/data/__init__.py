"""Photos, tags and masks: reading, checking and listing them."""
