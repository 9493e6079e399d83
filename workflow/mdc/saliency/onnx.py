"""Saliency maps by a trained salient-object network in an ONNX file, run by onnxruntime."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import onnxruntime
import pandas as pd
from PIL import Image

from mdc.config.salient_networks import Scaling
from mdc.data.images import read_image
from mdc.data.manifest import read_manifest
from mdc.runtime.devices import torch_device
from mdc.runtime.errors import InputError
from mdc.runtime.files import write_whole
from mdc.runtime.hashes import file_digest
from mdc.runtime.logs import logger
from mdc.runtime.progress import progress
from mdc.storage.image_tables import COLUMNS, png_path

INPUT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
ROUNDING = 1e-3  # by which probabilities may leave 0..1
FLAT = 1e-6  # a range of saliency below this is rounding, not contrast


@dataclass(frozen=True)
class SalientNetwork:
    """A network and what it takes: photos of `height` x `width` as `scaling` says."""

    path: Path
    session: onnxruntime.InferenceSession
    height: int
    width: int
    scaling: Scaling

    @classmethod
    def load(cls, path: Path, scaling: dict[str, Any], *, device: str, gpus: int = 0, threads: int) -> Self:
        """Return the network in an ONNX file.

        Args:
            scaling: the fields of `Scaling`.
            device, gpus: as of `mdc.runtime.devices.torch_device`; a GPU needs the package onnxruntime-gpu.

        Raises:
            InputError: the file is damaged or takes something else than one RGB photo of a known size.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # its warnings are about the file's own graph
        try:
            session = onnxruntime.InferenceSession(path, options, providers=_providers(device, gpus))
        except InputError:
            raise
        except Exception as error:  # one class per reason, which share no other base
            raise InputError(
                f"{path}: onnxruntime cannot load it ({_first_line(error)}): name another file in saliency.model, or "
                "download it again"
            ) from error
        keys = Scaling(**scaling)
        inputs, side = session.get_inputs(), keys.side_px
        shape = inputs[0].shape
        if len(inputs) != 1 or inputs[0].type not in INPUT_TYPES or len(shape) != 4 or shape[1] not in (3, None):
            found = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise InputError(f"{path}: its input is {found}; saliency.model must take one float image (1, 3, H, W)")
        height, width = (size if isinstance(size, int) else side for size in shape[2:])
        if side and (height, width) != (side, side):
            raise InputError(f"saliency.scaling.side_px: is {side}, but {path} takes {height} x {width}: set it to 0")
        if not (height and width):
            raise InputError(
                f"saliency.scaling.side_px: {path} takes images of any size; set this to the one it was trained on"
            )
        return cls(path, session, height, width, keys)

    @property
    def provider(self) -> str:
        """What of onnxruntime runs it: CUDAExecutionProvider or CPUExecutionProvider."""
        return self.session.get_providers()[0]

    def output(self, photo: np.ndarray) -> np.ndarray:
        """Return the first output for a photo, uint8 (H, W, 3) RGB, as it comes: float32 (h, w).

        Raises:
            InputError: it is not one channel, or not finite; or the network fails.
        """
        # antialiased, as its authors and rembg resize
        resized = Image.fromarray(photo).resize((self.width, self.height), Image.Resampling.LANCZOS)
        values = (np.asarray(resized, np.float32) / 255 - self.scaling.mean) / self.scaling.std
        entry = self.session.get_inputs()[0]
        batch = np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=INPUT_TYPES[entry.type])
        try:
            found = self.session.run([self.session.get_outputs()[0].name], {entry.name: batch})[0]
        except Exception as error:  # as above
            raise InputError(
                f"{self.path}: the network failed on an image of {self.height} x {self.width} ({_first_line(error)}): "
                "correct saliency.scaling.side_px, or give the rule more memory (mem_mb)"
            ) from error
        if found.ndim not in (3, 4) or found.size != np.prod(found.shape[-2:]):
            raise InputError(
                f"{self.path}: its first output is {found.shape}, expected one channel, (1, 1, H, W) or (1, H, W): "
                "name a salient-object network in saliency.model"
            )
        if not np.isfinite(found).all():
            raise InputError(f"{self.path}: its output is not finite: correct saliency.scaling, or use 32-bit weights")
        return found.reshape(found.shape[-2:]).astype(np.float32)

    def saliency(self, photo: np.ndarray) -> np.ndarray:
        """Return how salient each pixel of a photo, uint8 (H, W, 3) RGB, is: float32 (H, W) in 0..1.

        Raises what `output` raises.
        """
        values = scaled(self.output(photo), output=self.scaling.output, stretch=self.scaling.stretch)
        height, width = photo.shape[:2]
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)


def _providers(device: str, gpus: int) -> list:
    available = CUDA in onnxruntime.get_available_providers()
    if device == "cuda" and not available:
        raise InputError(
            "config key device is cuda, but onnxruntime has no CUDA: install onnxruntime-gpu in the place of "
            "onnxruntime, or set device to auto or cpu"
        )
    if not available:
        logger.info("computing on the CPU: onnxruntime has no CUDA (the package onnxruntime-gpu has)")
        return [CPU]
    place = torch_device(device, gpus=gpus)
    return [CPU] if place.type == "cpu" else [(CUDA, {"device_id": place.index}), CPU]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]


def scaled(values: np.ndarray, *, output: str, stretch: bool) -> np.ndarray:
    """Return a network's output (h, w) as saliency in 0..1: float32 (h, w).

    Args:
        output: what it is, `probabilities` or `logits`.
        stretch: whether its lowest and highest value become 0 and 1; a map without contrast becomes 0 everywhere.
    """
    if output == "logits":
        values = 1 / (1 + np.exp(-values.clip(-80, 80)))  # beyond, exp overflows
    if stretch:
        lowest, contrast = values.min(), np.ptp(values)
        values = (values - lowest) / contrast if contrast > FLAT else np.zeros_like(values)
    return values.clip(0, 1).astype(np.float32)


def check_network(
    path: Path, scaling: dict[str, Any], *, train_csv: Path, device: str, gpus: int = 0, threads: int
) -> dict[str, Any]:
    """Return what one photo, the first of the training images, shows of a network, as plain values.

    `input` and `output`, their shapes; `lowest` and `highest`, the range of its output; `image`, the photo's id; and
    `provider`, what runs it.

    Raises:
        InputError: it cannot be used, or its output is not what `scaling` says; see `SalientNetwork`.
    """
    network = SalientNetwork.load(path, scaling, device=device, gpus=gpus, threads=threads)
    image_id, photo = read_manifest(train_csv)[["id", "image"]].iloc[0]
    values = network.output(read_image(Path(photo)))
    lowest, highest = float(values.min()), float(values.max())
    is_probability = -ROUNDING <= lowest and highest <= 1 + ROUNDING
    if is_probability != (network.scaling.output == "probabilities"):
        other = "probabilities" if is_probability else "logits"
        raise InputError(
            f"saliency.scaling.output: {path} gives {lowest:.3g} to {highest:.3g} for the image {image_id}, which are "
            f"no {network.scaling.output}: set this to {other}"
        )
    logger.info("%s: gives %.3g to %.3g for the image %s, by %s", path, lowest, highest, image_id, network.provider)
    return {
        "input": [1, 3, network.height, network.width],
        "output": list(values.shape),
        "lowest": lowest,
        "highest": highest,
        "image": image_id,
        "provider": network.provider,
    }


def write_network_saliency(table: pd.DataFrame, network: SalientNetwork, *, folder: Path) -> pd.DataFrame:
    """Write the map of every image of a manifest to `folder`/id.png; return the table of `write_saliency`.

    Raises:
        InputError: see `SalientNetwork.output`; or an image does not decode.
    """
    rows = []
    for row in progress(table.itertuples(), total=len(table), label="saliency"):
        grey = np.rint(255 * network.saliency(read_image(Path(row.image)))).astype(np.uint8)
        path = png_path(folder, row.id)
        write_whole(path, cv2.imencode(".png", grey)[1].tobytes())
        rows.append((row.id, str(path), file_digest(path)))
    return pd.DataFrame(rows, columns=COLUMNS)
