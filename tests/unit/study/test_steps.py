"""What each step brings, on the runs of two images of `test_study.py`."""

import pandas as pd
import pytest

from mdc.config.config import Config
from mdc.study.steps import saliency_alone_of, steps_of, tabulate_steps
from tests.unit.study.test_study import HITS, miou, write, write_run

STEPS = {
    "variants": {"trained": {"saliency": {"source": "folder"}}, "flip": {"cams": {"flip": True}}},
    "saliency": {"source": "rbd", "folder": "maps"},
    "segmenter": {"settings": ["weak-d1", "weak-fusion@flip", "weak-fusion@trained", "weak-salient-fusion@trained"]},
}
FLIPPED, TRAINED, ALONE = ("weak-fusion@flip", "weak-fusion@trained", "weak-salient-fusion@trained")


@pytest.fixture
def run(tmp_path, monkeypatch):
    for seed in (0, 1):
        monkeypatch.setitem(HITS, (FLIPPED, seed), {"a": 6, "b": 6})  # as d1 with seed 1, more with seed 0
        monkeypatch.setitem(HITS, (TRAINED, seed), {"a": 8, "b": 8})
        monkeypatch.setitem(HITS, (ALONE, seed), {"a": 9, "b": 9})
        monkeypatch.setitem(HITS, ("true-masks", seed), {"a": 9, "b": 10})
    settings = [f"{name}-crf" for name in (*STEPS["segmenter"]["settings"], "true-masks")]
    return write_run(tmp_path / "run", settings=settings, **STEPS)


def test_a_step_is_compared_with_the_first_setting_and_salient_pixels_with_the_fused_maps_of_the_same_variant():
    config = Config.model_validate({"data": {"root": "photos"}} | STEPS)
    assert [(step.words, step.first, step.second) for step in steps_of(config)] == [
        ("as configured", "d1", "d1"),
        ("cams.flip: true", "fusion@flip", "d1"),
        ("saliency.source: folder", "fusion@trained", "d1"),
        ("salient pixels, class by the maps, saliency.source: folder", "salient-fusion@trained", "d1"),
    ]
    (alone,) = saliency_alone_of(config)
    assert (alone.first, alone.second) == ("salient-fusion@trained", "fusion@trained")


def test_the_page_has_scores_differences_shares_and_costs(run, tmp_path):
    for folder, seconds in (
        ("dump_cams/mdc/seed0/main", 4),
        ("fuse_masks/mdc/seed0/fusion@trained", 2),
        ("dump_cams/mdc/seed0/flip", 8),
        ("compute_saliency/rbd", 1),
    ):
        write(run / "benchmarks" / folder / "train.0-of-1.tsv", "s", [(seconds,)])
    tabulate_steps(runs={"tiny": [run]}, draws=50, folder=tmp_path / "study")
    steps = pd.read_csv(tmp_path / "study/steps.csv").set_index(["first", "second"])
    assert steps.loc[("fusion@flip", "d1"), "difference"] == pytest.approx((miou(12, 2) - miou(10, 2)) / 2, abs=1e-3)
    more = miou(18, 2) - miou(16, 2)  # alike with both seeds and in every sample of images
    row = steps.loc[("salient-fusion@trained", "fusion@trained"), ["difference", "low", "high"]]
    assert row.to_list() == pytest.approx(3 * [more], abs=1e-3)
    classes = pd.read_csv(tmp_path / "study/steps_classes.csv").set_index(["masks", "class"])["iou"]
    assert classes["fusion@trained", "cat"] == pytest.approx(100 * 16 / 20)
    costs = pd.read_csv(tmp_path / "study/steps_costs.csv").set_index("masks")["seconds"]
    # of three training images; the folder's maps cost nothing
    assert costs.to_dict() == pytest.approx(
        {"d1": 5 / 3, "fusion@flip": 9 / 3, "fusion@trained": 6 / 3, "salient-fusion@trained": 4 / 3}, abs=1e-3
    )
    page = (tmp_path / "study/steps.md").read_text()
    lines = {line.split("`")[1]: line.split(" | ") for line in page.splitlines() if line.startswith("| `")}
    assert lines["fusion@trained"][-2:] == [f"{100 * miou(16, 2) / miou(19, 2):.1f}", "2.00 |"]
    # b twice: 6 and 6 of d1 against 8, a twice: 4 and 6 against 8
    low, high = (miou(16, 2) - (miou(seed0, 2) + miou(seed1, 2)) / 2 for seed0, seed1 in ((12, 12), (8, 12)))
    assert f"[{low:+.1f}, {high:+.1f}]**)" in lines["fusion@trained"][4]
    assert "**" not in lines["fusion@flip"][4]  # with seed 1 there is no difference
    assert f"`salient-fusion@trained` has the highest mIoU: {miou(18, 2):.1f}, " in page
    assert f"`salient-fusion@trained` over `fusion@trained`: {more:+.1f} [{more:+.1f}, {more:+.1f}], shown." in page
    assert "steps.png" not in page  # photographs are not drawn
