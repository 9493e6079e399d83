"""Damaged and odd files, given to the functions that the stages call, and counted: `python -m tests.fuzz --seed 0`.

A mutant is an artifact of a small run, or a file that people bring along, of which bytes were changed at random, or
which a writer of its format has written with something else in it. It ends as one of five:

- right result: what comes out is what the file says, or the change made no difference.
- clear sentence: `InputError`, or Snakemake's `WorkflowError`, whose text names the file (or the key) and is no
  traceback and no page of somebody's values. What Snakemake itself says to a file of configuration that it cannot load,
  before our code is asked, counts as one; the last line tells how many these were.
- left out: given to nobody, because it is known what it would do and was decided not to look for it. Each kind of file
  says which and why: `lacks_rows` of pictures, `has_endless_heap` and `has_unknown_texts` of maps.
- traceback: any other exception, a process that died, more than `runner.SECONDS` or `runner.MEMORY_BYTES`.
- wrong result: the file was accepted, and
  - what came out is not what another reading of its bytes gives: Pillow and a PNG reader of ours for pictures, minidom,
    the csv module and PyYAML for texts, h5py, torch and tarfile for containers that one of their writers has written;
  - or it is beyond what the stage says it returns: a mask with an index above the classes, values that are not finite,
    a tag that is no class, weights of other shapes, a file outside of its folder;
  - or a value was dropped or became zeros: keys and ids that stand twice, rows that are cut off, arrays that were never
    written;
  - or the file tells that it is damaged: a checksum (PNG, zlib, zip, HDF5), a missing end, a JPEG of which a part is
    missing; `pictures.png_damage` names the two checksums of PNGs that are not asked for;
  - or its bytes were changed at random, its format has checksums of everything that is read, and yet something else
    came out than any intact file holds;
  - or code that it carries was run.

Plain tar archives and other methods' HDF5 files have no checksums of their content: there, a changed value that can be
one is read as it stands, which is right. The last two columns must be 0.
"""
