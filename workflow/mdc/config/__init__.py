"""The configuration: its keys, their checks, and the plan of a run."""
