"""The files that stages hand on: HDF5 files of arrays per image, and tables of pictures."""
