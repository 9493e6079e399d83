"""MATLAB files with other content."""

import io
import struct
import zlib

import numpy as np
from scipy.io import loadmat, savemat

from tests.fuzz.mutations import Rng, pick


def mat_content(rng: Rng, data: bytes) -> bytes:
    """Change what an SBD file holds, or how."""
    mask = loadmat(io.BytesIO(data))["GTcls"]["Segmentation"].item()
    spoilt = mask.astype(float)
    spoilt[0, 0] = pick(rng, [np.nan, np.inf, 1.5, -1, 21, 255, 1e300])
    masks = [
        *(mask, spoilt, spoilt, spoilt, mask.astype("i4"), mask.astype("f4"), mask > 0, mask[None], mask[:0], mask[0]),
        *(mask.astype(complex), "text", [], {"a": mask}, np.array([[mask]], object), mask[:-5], mask[:, :-5]),
    ]
    content = pick(rng, masks)
    whole = [{"GTcls": {"Segmentation": content}}] * 6
    whole += [{"GTcls": content}, {"GTcls": {"Other": content}}, {"Other": {"Segmentation": mask}}, {}]
    whole += [{"GTcls": np.array([{"Segmentation": mask}, {"Segmentation": mask}], object)}]
    buffer = io.BytesIO()
    version = pick(rng, ["5", "5", "5", "5", "4"])
    chosen = pick(rng, whole)
    try:
        savemat(buffer, chosen, do_compression=rng.uniform() < 0.5, format=version)
    except (TypeError, ValueError, AttributeError):
        return data
    return buffer.getvalue()


def mat_stream(rng: Rng, data: bytes) -> bytes:
    """Change bytes of the decompressed elements and compress them again."""
    (length,) = struct.unpack("<I", data[132:136])
    stream = bytearray(zlib.decompress(data[136 : 136 + length]))
    for _ in range(int(rng.integers(1, 4))):
        stream[int(rng.integers(min(len(stream), 4000)))] = int(rng.integers(256))
    packed = zlib.compress(bytes(stream))
    return data[:132] + struct.pack("<I", len(packed)) + packed


MAT = (mat_content, mat_content, mat_stream)
