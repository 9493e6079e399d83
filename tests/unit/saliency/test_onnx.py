"""Maps of a salient-object network: what it is given, what becomes of its output, and what is refused."""

import numpy as np
import pytest
from onnx import TensorProto

from mdc.data.manifest import read_manifest
from mdc.runtime.errors import InputError
from mdc.saliency.maps import read_saliency
from mdc.saliency.onnx import SalientNetwork, check_network, scaled, write_network_saliency
from tests.unit.saliency.networks import write_network

PLAIN = {"mean": [0, 0, 0], "std": [1, 1, 1]}
ONE_CPU = {"device": "cpu", "threads": 1}


def grey(values: list[int], *, rows: int = 4) -> np.ndarray:
    """Return a photo uint8 (rows, W, 3) whose columns are grey."""
    return np.repeat(np.repeat(np.array([values], np.uint8), rows, 0)[..., None], 3, 2)


@pytest.fixture
def network(tmp_path):
    """Return a function that loads a network made of `write_network`'s arguments."""

    def load(scaling: dict = PLAIN, **arguments) -> SalientNetwork:
        return SalientNetwork.load(write_network(tmp_path / "n.onnx", **arguments), scaling, **ONE_CPU)

    return load


def test_a_photo_is_standardised_channel_by_channel(network):
    photo = np.zeros((4, 4, 3), np.uint8)
    photo[:] = (255, 51, 0)  # 1, .2 and 0
    found = network({"mean": [0.5, 0.1, 0], "std": [1, 0.1, 2]}).output(photo)
    np.testing.assert_allclose(found, np.full((4, 4), (0.5 + 1 + 0) / 3), rtol=1e-6)


@pytest.mark.parametrize(
    "arguments", [{}, {"kept": False}, {"dtype": TensorProto.FLOAT16}, {"shape": (1, 3, "h", "w")}]
)
def test_the_map_has_the_size_of_the_photo_and_keeps_its_values(network, arguments):
    found = network(PLAIN | {"side_px": 4}, **arguments).saliency(grey([0, 51, 102, 255]))
    np.testing.assert_allclose(found, np.tile([0, 0.2, 0.4, 1], (4, 1)), atol=1e-3)  # of half precision
    wide = network(PLAIN | {"side_px": 4}, **arguments).saliency(grey([102] * 9, rows=6))
    assert wide.dtype == np.float32 and wide.shape == (6, 9)
    np.testing.assert_allclose(wide, 0.4, atol=1e-3)


@pytest.mark.parametrize(
    ("output", "stretch", "values", "expected"),
    [
        ("probabilities", False, [0.1, 0.3, 0.5], [0.1, 0.3, 0.5]),
        ("probabilities", False, [-0.0005, 0.3, 1.0005], [0, 0.3, 1]),
        ("probabilities", True, [0.1, 0.2, 0.5], [0, 0.25, 1]),
        ("probabilities", True, [0.3, 0.3, 0.3], [0, 0, 0]),  # nothing stands out
        ("logits", False, [0, np.log(3), -1000], [0.5, 0.75, 0]),
        ("logits", True, [0, np.log(3), -1000], [2 / 3, 1, 0]),
    ],
)
def test_the_output_becomes_saliency(output, stretch, values, expected):
    found = scaled(np.array([values], np.float32), output=output, stretch=stretch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [expected], atol=1e-6)


def test_maps_are_written_image_by_image(tmp_path, network, write_split):
    table = read_manifest(
        write_split("t", {"x/1": (grey([0, 51, 102, 255]), "a", None), "b": (grey([204] * 4, rows=2), "", None)})
    )
    found = write_network_saliency(table, network(), folder=tmp_path / "maps")
    assert list(found["id"]) == ["x/1", "b"]
    assert list(found["path"]) == [str(tmp_path / "maps/x/1.png"), str(tmp_path / "maps/b.png")]
    np.testing.assert_allclose(read_saliency(tmp_path / "maps/x/1.png"), np.tile([0, 0.2, 0.4, 1], (4, 1)), atol=1e-6)
    np.testing.assert_allclose(read_saliency(tmp_path / "maps/b.png"), np.full((2, 4), 0.8), atol=1e-6)


@pytest.fixture
def train_csv(write_split):
    return write_split("train", {"i": (grey([0, 51, 102, 255]), "a", None)})


def test_the_check_tells_shapes_and_range(tmp_path, train_csv):
    found = check_network(write_network(tmp_path / "n.onnx"), PLAIN, train_csv=train_csv, **ONE_CPU)
    assert found | {"lowest": 0, "highest": 1} == {
        **{"input": [1, 3, 4, 4], "output": [4, 4], "lowest": 0, "highest": 1, "image": "i"},
        "provider": "CPUExecutionProvider",
    }
    assert (found["lowest"], found["highest"]) == pytest.approx((0, 1))


@pytest.mark.parametrize(
    ("arguments", "scaling", "said"),
    [
        ({"shape": (1, 3, "h", "w")}, {}, r"saliency\.scaling\.side_px: .* takes images of any size; set this"),
        ({}, {"side_px": 8}, r"saliency\.scaling\.side_px: is 8, but .* takes 4 x 4: set it to 0"),
        ({"shape": (1, 1, 4, 4)}, {}, r"its input is image tensor\(float\) \[1, 1, 4, 4\]; saliency\.model must take"),
        ({"shape": (3, 4, 4)}, {}, r"its input is image tensor\(float\) \[3, 4, 4\]"),
        ({"dtype": TensorProto.DOUBLE}, {}, r"its input is image tensor\(double\)"),
        ({"outputs": 2}, {}, r"its first output is \(1, 2, 4, 4\), expected one channel"),
        ({"times": float("nan")}, {}, "its output is not finite"),
        (
            {"times": 9},
            {},
            r"saliency\.scaling\.output: .* gives 0 to 9 for the image i, .* no probabilities: .* to logits",
        ),
        ({}, {"output": "logits"}, r"gives 0 to 1 for the image i, which are no logits: set this to probabilities"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_before_any_work(tmp_path, train_csv, arguments, scaling, said):
    with pytest.raises(InputError, match=said):
        check_network(write_network(tmp_path / "n.onnx", **arguments), PLAIN | scaling, train_csv=train_csv, **ONE_CPU)


def test_a_file_that_is_no_network_is_refused(tmp_path):
    (tmp_path / "n.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match=r"n\.onnx: onnxruntime cannot load it \(.*\): name another file"):
        SalientNetwork.load(tmp_path / "n.onnx", PLAIN, **ONE_CPU)


def test_cuda_that_onnxruntime_lacks_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(
        InputError, match="config key device is cuda, but onnxruntime has no CUDA: install onnxruntime-gpu"
    ):
        SalientNetwork.load(write_network(tmp_path / "n.onnx"), PLAIN, device="cuda", threads=1)
