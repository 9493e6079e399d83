"""Reading and writing masks: palette PNGs in VOC's colours."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mdc.data.decoding import BITS_AT, upright
from mdc.data.integrity import damage
from mdc.data.labels import BACKGROUND, PALETTE, VOID
from mdc.data.mask_sizes import size_problem
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole

_GREY_STEP = {1: 1, 2: 85, 4: 17, 8: 1}  # what Pillow multiplies grey values of so many bits by


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write `mask`, uint8 (H, W) class indices, as an 8-bit palette PNG in VOC's colours, whole or not at all."""
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise ValueError(f"a mask is uint8 (H, W), not {mask.dtype} {mask.shape}")
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    write_whole(path, buffer.getvalue())


def read_mask(
    path: Path,
    *,
    classes: int = VOID - 1,
    size: tuple[int, int] | None = None,
    reduced: tuple[int, int] | None = None,
) -> np.ndarray:
    """Return the class indices of a palette or grey PNG: uint8 (H, W), 0 background, 255 void.

    Indices are the stored values; the palette's colours and the bit depth do not matter. A rotation flag is applied.

    Args:
        classes: the largest index that a class can have.
        size: (height, width) of its photo, None if it may have any.
        reduced: that of the photo once reduced, if the mask may have this one as well.

    Raises:
        InputError: the file is missing, does not decode, is damaged, holds colours or an index above `classes`, or is
            of another size.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            turned = upright(image)
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such mask: restore it or, if the workflow made it, run its rule again with --forcerun "
            "(results/README.md)"
        ) from error
    except Exception as error:  # what Pillow raises for a damaged file depends on which byte is damaged
        raise InputError(f"{path}: does not decode as a PNG mask: save or copy it again ({error})") from error
    problem = damage(data)
    if problem:
        raise InputError(f"{path}: is damaged, {problem}: save or copy the mask again")
    if turned.mode not in ("P", "L", "1"):
        kind = "has 16 bits per pixel" if turned.mode.startswith("I") else "is a colour picture"
        raise InputError(f"{path}: {kind}, not class indices: save the mask as an 8-bit palette or grey PNG")
    step = _GREY_STEP[data[BITS_AT]] if turned.mode == "L" else 1
    mask = np.array(turned, dtype=np.uint8) // np.uint8(step)
    problem = size_problem(mask.shape, size=size, reduced=reduced) if size else ""
    if problem:
        raise InputError(f"{path}: the mask is {problem}")
    if mask[mask != VOID].max(initial=BACKGROUND) > classes:
        strange = sorted(set(np.unique(mask).tolist()) - {*range(classes + 1), VOID})
        raise InputError(f"{path}: the indices {strange} are not classes; there are {classes}: make the mask again")
    return mask
