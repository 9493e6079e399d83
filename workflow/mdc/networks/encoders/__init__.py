"""Encoders, a file each: a class `Keys` of `mdc.config.encoders.EncoderKeys`, which builds the encoder.

To add one, add its file; its name is the value of the config key `encoder.name`, and its fields are the other keys of
that section. `tests/unit/networks/test_encoders.py` holds every encoder to the same contract.
"""
