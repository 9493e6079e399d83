"""The ONNX file of a segmenter: what it computes at any size, what it says about itself, and that it is checked."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from mdc import export
from mdc.export import export_segmenter
from mdc.networks.checkpoints import load_network, save_network
from mdc.networks.encoder import Encoder
from mdc.networks.grid import Grid
from mdc.networks.largefov import LargeFov, SegmenterDescription
from mdc.networks.weight_files import weights_hash
from mdc.predict.segmenter import Segmenter
from mdc.runtime.errors import InputError
from tests.unit.networks.slim_networks import slim_encoder, slim_segmenter
from tests.unit.predict.bright_photos import CLASSES, THRESHOLD, WHITE, mask, photo, save

TOLERANCE = 1e-5  # of the largest absolute logit


@dataclass(frozen=True)
class Exported:
    """A segmenter as PyTorch and as ONNX runtime have it."""

    weights: Path
    file: Path
    segmenter: Segmenter
    session: onnxruntime.InferenceSession

    def logits(self, image: np.ndarray) -> np.ndarray:
        """Return ONNX runtime's logits (C, H, W) of an image (H, W, 3)."""
        return self.session.run(["logits"], {"image": image.transpose(2, 0, 1)[None]})[0][0]


def exported(weights: Path) -> Exported:
    file = weights.with_suffix(".onnx")
    export_segmenter(weights_pt=weights, onnx_file=file, threads=1)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return Exported(weights, file, Segmenter.load(weights, device="cpu"), session)


@pytest.fixture(scope="module")
def bright(tmp_path_factory) -> Exported:
    """The segmenter that calls bright photos cats."""
    return exported(save(tmp_path_factory.mktemp("bright") / "weights.pt"))


@pytest.fixture(scope="module")
def random(tmp_path_factory) -> Exported:
    """A segmenter with random weights, all kinds of layers, and stride 4."""
    description = slim_segmenter(
        classes=["a", "b", "é"],
        encoder=slim_encoder(norm="batch", output_stride=4, keep_stride1_pools=True),
        fc_width=16,
        fc6_dilation=3,
        fc_norm="batch",
        max_side_px=200,
    )
    torch.manual_seed(0)
    model = description.build()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(layer.running_var, 0.2, 2)
    torch.nn.init.normal_(model.score.weight)
    path = tmp_path_factory.mktemp("random") / "weights.pt"
    save_network(path, model, description, settings={})
    return exported(path)


SIZES = [(33, 33), (50, 71), (2, 3)]


@pytest.mark.parametrize("size", [*SIZES, (1, 21)])
def test_logits_by_hand(bright, size):
    found = bright.logits(photo(*size))
    assert found.shape == (3, *size) and found.dtype == np.float32
    np.testing.assert_allclose(found[0], THRESHOLD, rtol=1e-5)
    np.testing.assert_allclose(found[2], -1, rtol=1e-5)
    # no white is seen at pixel 8, and from pixel 16 on there is; between them cat's score rises in a line
    expected = WHITE * np.clip((np.arange(size[1]) - 8) / 8, 0, 1) if size[1] > 20 else np.zeros(size[1])
    np.testing.assert_allclose(found[1], np.broadcast_to(expected, size), rtol=1e-5, atol=1e-5)
    if size[1] > 20:
        np.testing.assert_array_equal(found.argmax(0), mask(*size))


@pytest.mark.parametrize("size", SIZES)
def test_logits_are_those_of_pytorch_on_the_networks_grid(random, noise, size):
    image = noise(1, *size)
    network = random.segmenter.network
    with torch.inference_mode():
        photo = torch.from_numpy(image.transpose(2, 0, 1)[None])
        scores = network(network.encoder.prepare(photo))[0].numpy()
    expected = Grid(4).upsample(scores, height=size[0], width=size[1])
    np.testing.assert_allclose(random.logits(image), expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


def test_the_file_says_what_goes_in_and_out(random):
    (image,), (logits,) = random.session.get_inputs(), random.session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", [1, 3, "height", "width"])
    assert (logits.name, logits.type, logits.shape) == ("logits", "tensor(float)", [1, 4, "height", "width"])
    told = random.session.get_modelmeta().custom_metadata_map
    assert json.loads(told["classes"]) == ["background", "a", "b", "é"]
    assert told["max_side_px"] == "200"
    assert told["weights"] == weights_hash(load_network(random.weights, SegmenterDescription)[0].state_dict())


def test_a_file_that_computes_something_else_gets_no_name(bright, tmp_path, monkeypatch):
    wrong = onnx.load(bright.file)
    (bias,) = [tensor for tensor in wrong.graph.initializer if list(tensor.dims) == [len(CLASSES)]]
    bias.CopyFrom(onnx.numpy_helper.from_array(np.float32([THRESHOLD, 0.001, -1]), bias.name))
    monkeypatch.setattr(export, "to_onnx", lambda segmenter: wrong)
    with pytest.raises(RuntimeError, match=r"its logits differ from PyTorch's by 4\.\de-04 of the largest"):
        export_segmenter(weights_pt=bright.weights, onnx_file=tmp_path / "a.onnx", threads=1)  # 0.001 / WHITE
    assert not (tmp_path / "a.onnx").exists()


def test_a_grid_that_interpolation_does_not_know_is_refused():
    encoder = Encoder(torch.nn.Conv2d(3, 8, 1), channels=8, grid=Grid(8, 2), mean=(0, 0, 0), std=(1, 1, 1))
    network = LargeFov(encoder=encoder, classes=2, fc_width=8, fc6_dilation=1, dropout=0.0, norm="none")
    with pytest.raises(InputError, match="an encoder with stride 8 and offset 2 cannot be exported to ONNX"):
        export.to_onnx(Segmenter(network, classes=["background", "a"], max_side_px=100))
