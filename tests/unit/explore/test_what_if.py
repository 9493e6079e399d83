"""Other settings than the run's: masks and scores by hand, and those of the workflow where they are the run's."""

import base64
import io
import json

import numpy as np
import pytest
import yaml
from PIL import Image

from mdc.config.config import Config
from mdc.config.experiments import Experiment
from mdc.data.mask_files import read_mask
from mdc.explore.runs import Run
from mdc.explore.what_if import config_lines, run_settings
from mdc.runtime.errors import InputError

from .made_run import CONFIG, NETWORK, columns

VOID = 255


def tried(ask, **settings) -> tuple[np.ndarray, dict]:
    response = ask("/api/what_if", id="a/1", **settings)
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(response.json["mask_png"])))), response.json


@pytest.mark.parametrize("maps", ["fusion", "d1"])
@pytest.mark.parametrize("image_id", ["a/1", "b", "c"])
def test_with_the_runs_settings_the_mask_is_the_stored_one(ask, run, maps, image_id):
    result = f"masks/{NETWORK}/{maps}"
    response = ask("/api/what_if", id=image_id, result=result).json
    made = np.asarray(Image.open(io.BytesIO(base64.b64decode(response["mask_png"]))))
    assert (made == read_mask(run / f"{result}/train/{image_id}.png")).all()
    known = ask("/api/image", id=image_id).json["scores"].get(result)
    assert known == (response["scores"]["miou"] if response["scores"] else None)


@pytest.mark.parametrize(
    "settings, labels, miou",
    [
        # cat x < 2.4; columns 3 and 4 are salient and nothing: cat 3/4, background 4/5
        ({"threshold": 0.7}, [1, 1, 1, VOID, VOID, 0, 0, 0, 0], 0.775),
        # background where the map is at most 0.1: column 8; cat in columns 0 to 5: 4/6, background 1/5
        ({"source": "none"}, [1, 1, 1, 1, 1, 1, VOID, VOID, 0], (4 / 6 + 1 / 5) / 2),
        ({"source": "none", "background_below": 0.25}, [1, 1, 1, 1, 1, 1, 0, 0, 0], (4 / 6 + 3 / 5) / 2),
        ({"background_conflict": "object"}, [1, 1, 1, 1, 1, 1, 0, 0, 0], (4 / 6 + 3 / 5) / 2),
        # the map of d3 is 0: no objects
        ({"maps": "d3"}, [VOID, VOID, VOID, VOID, VOID, 0, 0, 0, 0], (0 + 4 / 5) / 2),
        # twice the map of d1 is above 1.25 where x < 3
        ({"weights": "2,1", "relative_to": "absolute", "threshold": 1.25}, 3 * [1] + 2 * [VOID] + 4 * [0], 0.775),
    ],
)
def test_masks_of_other_settings_by_hand(ask, settings, labels, miou):
    mask, told = tried(ask, **settings)
    assert (mask == columns(*labels)).all()
    assert told["scores"]["miou"] == pytest.approx(miou)
    assert told["ignored"] == pytest.approx(labels.count(VOID) / 9)
    assert told["usual_scores"]["miou"] == pytest.approx(0.7)


def test_the_lines_to_copy_are_the_keys_that_differ(ask):
    _, told = tried(ask, threshold=0.7, source="none", maps="d1", background_below=0.1)
    assert yaml.safe_load(told["config"]) == {
        "masks": {"threshold": 0.7},
        "saliency": {"source": "none"},
        "segmenter": {"settings": ["weak-d1"]},
    }
    assert yaml.safe_load(tried(ask)[1]["config"]) is None


def test_a_sample_scores_all_images_with_true_masks_together(ask):
    last = json.loads(ask("/api/sample", threshold=0.7).data.splitlines()[-1])
    # a/1 and c: cat 3/4; background: true in 5 and 9 columns, predicted in 4 and 9, and both in 4 and 9
    assert (last["done"], last["total"], last["skipped"]) == (2, 2, 0)
    assert last["tried"]["miou"] == pytest.approx((3 / 4 + 13 / 14) / 2)
    assert last["usual"]["miou"] == pytest.approx((4 / 5 + 12 / 14) / 2)
    assert last["config"].startswith("# mIoU 83.9 on 2 images of train; with the run's settings 82.9\n")


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"threshold": "3"}, "threshold: 3 is not between 0 and 2"),
        ({"threshold": "nan"}, "threshold: nan is not between 0 and 2"),
        ({"threshold": "best"}, "the threshold is a number here, not best"),
        ({"background_below": "-1"}, "background_below: -1 is too small, the least is 0"),
        ({"weights": "1,2,3"}, "there are 2 blocks and 3 weights"),
        ({"weights": "0,0"}, "weights are between 0 and 10, and not all 0"),
        ({"class_conflict": "x"}, "class_conflict: 'x' is not a valid value; choose from 'ignore' or 'highest'"),
        ({"maps": "d9"}, "unknown maps d9; known: d1, d3, fusion, mean"),
        ({"source": "../data"}, "unknown saliency ../data; known: none, rbd"),
    ],
)
def test_impossible_settings_are_refused(ask, settings, said):
    response = ask("/api/what_if", id="a/1", **settings)
    assert response.status_code == 422
    assert said in response.json["error"]


def test_a_variant_starts_from_its_own_settings_and_its_lines_from_the_runs(copied):
    changes = {
        "best": {"masks": {"threshold": "best"}},
        "both": {"cams": {"flip": True}, "saliency": {"source": "none"}},
    }
    config = Config.model_validate(CONFIG | {"variants": changes})
    (copied / "config.yaml").write_text(yaml.safe_dump(config.model_dump(exclude_none=True)))
    sweep = copied / f"masks/{NETWORK}/fusion/sweep.csv"
    sweep.write_text("maps,threshold,miou\nfusion,0.3,0.5\nfusion,0.6,0.7\n")
    run = Run(copied)
    base, best, both = (
        run_settings(run, NETWORK, Experiment.of_masks(name)) for name in ("fusion", "fusion@best", "fusion@both")
    )
    assert (base.recipe.threshold, best.recipe.threshold) == (0.3, 0.6)
    assert (both.cams, both.source) == (f"cams/{NETWORK}/both", "none")
    for tried, keys in ((best, {"masks": {"threshold": 0.6}}), (both, changes["both"])):
        assert yaml.safe_load(config_lines(run, tried, base, blocks=["d1", "d3"], said="")) == keys
    sweep.unlink()
    with pytest.raises(InputError, match="sweep.csv"):
        run_settings(run, NETWORK, Experiment.of_masks("fusion@best"))
