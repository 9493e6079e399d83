"""Damaged and odd files, given to the functions that read them, and counted: `python -m tests.fuzz --seed 0`.

A mutant is an artifact of a small run, or a file that people bring along, with bytes changed at random, or written by a
library of its format with something else in it. It ends as one of four:

- right result: another reading of its bytes gives the same (Pillow, minidom, the csv module, the JSON schema, h5py,
  torch, SciPy, tarfile), or the change made no difference.
- clear sentence: `InputError`, or Snakemake's own error about a file of configuration, that names the file or the key.
- traceback: any other exception, a process that died or took more than `SECONDS` or `MEMORY_BYTES`.
- wrong result: another one was accepted; a file outside of its folder was written; code that the file carries was run;
  or the format has checksums of everything, bytes were changed at random, and not the intact content came out.

The last two columns must be 0.
"""
