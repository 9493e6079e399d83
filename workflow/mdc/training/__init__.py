"""The training engine of both networks."""
