"""The paper's numbers stand beside results on its data and of its networks alone."""

import pytest

from mdc.config.config import Config
from mdc.config.paper import departures
from tests.unit.config.configs import nested
from tests.unit.overlays import merged

SLIM = {"name": "vgg", "widths": [16, 16, 32, 64, 64], "depths": [1, 1, 2, 2, 2], "norm": "batch"}


def departing(classifier: str = "mdc", **keys: object) -> list[str]:
    """Return the departures of the paper's configuration with these keys, whose dots are written as __."""
    values: dict = {}
    for key, value in keys.items():
        values = merged(values, nested(key.replace("__", "."), value))
    return departures(Config.model_validate(values), classifier)


def test_the_papers_networks_depart_in_nothing_and_its_ablations_in_what_they_are():
    assert departing("mdc") == []
    assert departing("same") == ["classifier dilations"]
    assert departing("stride16") == ["classifier encoder.output_stride"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"data__source": "synthetic"}, ["data.source"]),
        ({"data__train_list": "train"}, ["data.train_list"]),
        ({"cams__external_maps": "maps/{split}.h5"}, ["cams.external_maps"]),
        ({"cams__network": "untrained"}, ["cams.network"]),
        ({"classifier__init": "random"}, ["classifier init"]),
        (
            {"classifier__head": "shared", "classifier__block_norm": "batch"},
            ["classifier block_norm", "classifier head"],
        ),
        ({"segmenter__init": "classifier"}, ["segmenter init"]),
        ({"segmenter__fc_width": 128}, ["segmenter fc_width"]),
        ({"segmenter__fc6_dilation": 6}, ["segmenter fc6_dilation"]),
        ({"segmenter__head": "plain", "segmenter__fc_width": 128}, ["segmenter head"]),  # which has no fc6 and fc7
        (
            {"encoder": SLIM},
            [f"{stage} encoder.{key}" for stage in ("classifier", "segmenter") for key in ("widths", "depths", "norm")],
        ),
        ({"segmenter__encoder": SLIM}, [f"segmenter encoder.{key}" for key in ("widths", "depths", "norm")]),
        # the same network of other weights of VGG16, or trained or cut otherwise
        ({"encoder": {"name": "vgg", "weights": "caffe.pth", "weights_input": "caffe_bgr"}}, []),
        ({"segmenter__training__lr": 0.01, "masks__threshold": "best", "saliency__source": "none"}, []),
    ],
)
def test_departures(keys, expected):
    assert departing(**keys) == expected
