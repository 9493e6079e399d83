"""Mutators that know a format: what they write is whole, with right checksums, but holds something else."""
