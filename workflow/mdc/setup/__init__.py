"""The configuration for a folder of one's own photos, and what the data stage will find there."""
