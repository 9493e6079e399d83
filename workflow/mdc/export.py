"""The export stage: a segmenter as an ONNX file for images of any size, checked against PyTorch."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn import functional

from mdc.networks.largefov import SegmentationNetwork
from mdc.networks.weight_files import weights_hash
from mdc.predict.segmenter import Segmenter
from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole
from mdc.runtime.logs import logger
from mdc.version import VERSION

TRACED_SIZE = (61, 78)  # of no consequence: height and width are dynamic
CHECKED_SIZES = ((65, 97), (50, 131), (96, 40))
SIDES = ("height", "width")
TOLERANCE = 1e-4  # largest difference of a logit, relative to the largest absolute logit


class ImageToLogits(nn.Module):
    """All of a segmenter's way from an image of any size to logits of the same size, for the exporter."""

    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network
        grid = network.encoder.grid
        if grid.offset not in (0, (grid.stride - 1) / 2):
            raise InputError(
                f"an encoder with stride {grid.stride} and offset {grid.offset} cannot be exported to ONNX"
            )

    def forward(self, image: Tensor) -> Tensor:
        """Return logits float32 (1, C, H, W) of an RGB image uint8 (1, 3, H, W)."""
        stride, border = self.network.encoder.grid.stride, round(2 * self.network.encoder.grid.offset)
        height, width = image.shape[2:]
        # `Grid.padded_side` without negative numbers, which ONNX divides towards 0 and Python downwards
        rows, columns = ((side + stride - 2 - border) // stride * stride + 1 for side in (height, width))
        standardised = self.network.encoder.standardise(image.float())
        padding = (0, columns + border - width, 0, rows + border - height)
        logits = self.network(functional.pad(standardised, padding))
        # features on the outermost pixels, or in the middle of patches: the two grids that interpolation knows
        size = rows + border, columns + border
        enlarged = functional.interpolate(logits, size, mode="bilinear", align_corners=border == 0)
        return enlarged[:, :, :height, :width]


def export_segmenter(*, weights_pt: Path, onnx_file: Path, threads: int) -> None:
    """Write a segmenter as an ONNX file; it gets its name once it has given the logits that PyTorch gives.

    Input `image`: RGB, uint8 (1, 3, H, W), H and W any. Output `logits`: float32 (1, C, H, W). Standardisation, padding
    to the network's grid and enlarging are inside. Metadata: `classes`, a JSON list, "background" first; `max_side_px`,
    the longest side of an image in training; `weights`, see `mdc.networks.weight_files.weights_hash`; `mdc_version`.

    Raises:
        InputError: the weights are of no segmenter.
    """
    torch.set_num_threads(threads)
    segmenter = Segmenter.load(weights_pt, device="cpu")
    with written_whole(onnx_file) as temporary:
        onnx.save(to_onnx(segmenter), temporary)
        difference = largest_difference(temporary, segmenter, threads=threads)
        if not difference <= TOLERANCE:
            raise RuntimeError(f"{temporary}: its logits differ from PyTorch's by {difference:.1e} of the largest")
    megabytes = onnx_file.stat().st_size / 1e6
    logger.info("%s: %.1f MB, logits within %.1e of PyTorch's largest", onnx_file, megabytes, difference)


def to_onnx(segmenter: Segmenter) -> onnx.ModelProto:
    """Return the ONNX model that `export_segmenter` describes; the segmenter's network must be on the CPU."""
    # of the two exporters of PyTorch the one that keeps arithmetic with sizes symbolic; the older one is deprecated
    sides = {2 + axis: torch.export.Dim(name, min=2) for axis, name in enumerate(SIDES)}
    program = torch.onnx.export(
        ImageToLogits(segmenter.network).eval(),
        (torch.zeros(1, 3, *TRACED_SIZE, dtype=torch.uint8),),
        dynamo=True,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes={"image": sides},
        verbose=False,
    )
    model = program.model_proto
    for part in (model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]  # the exporter's, with the paths of its source code on this machine
    for dimension, name in zip(model.graph.output[0].type.tensor_type.shape.dim[2:], SIDES, strict=True):
        dimension.dim_param = name  # the crop makes it a formula, whose value is the side
    metadata = {
        "classes": json.dumps(list(segmenter.classes), ensure_ascii=False),
        "max_side_px": str(segmenter.max_side_px),
        "weights": weights_hash(segmenter.network.state_dict()),
        "mdc_version": VERSION,
    }
    onnx.helper.set_model_props(model, metadata)
    return model


def largest_difference(onnx_file: Path, segmenter: Segmenter, *, threads: int) -> float:
    """Return the largest difference between an ONNX file's logits and PyTorch's, over the largest absolute logit.

    On images of noise of several sizes other than the one that the exporter saw. The file is checked for being valid
    ONNX before.
    """
    onnx.checker.check_model(str(onnx_file), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx_file, options, providers=["CPUExecutionProvider"])
    direct = ImageToLogits(segmenter.network).eval()
    rng = np.random.default_rng(0)
    differences = []
    for size in CHECKED_SIZES:
        image = rng.integers(0, 256, (1, 3, *size), np.uint8)
        (found,) = session.run(None, {"image": image})
        with torch.inference_mode():
            expected = direct(torch.from_numpy(image)).numpy()
        differences.append(np.abs(found - expected).max() / np.abs(expected).max())
    return float(max(differences))
