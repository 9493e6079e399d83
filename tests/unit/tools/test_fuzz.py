"""The judges of mutated files tell wrong results from right ones, and mutants can be made again."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.fuzz.__main__ import mutated
from tests.fuzz.readers import KINDS, judge

TREE = b"<annotation><object><name>a</name></object></annotation>"
GREY = io.BytesIO()
Image.new("L", (2, 2), 3).save(GREY, "PNG")
MASK = np.full((2, 2), 3, np.uint8)


@pytest.mark.parametrize(
    ("kind", "data", "right", "wrong"),
    [
        ("annotation", TREE, {"a"}, set()),
        ("table", b"id,path,digest\na,a.png,1\n", [["a", "a.png"]], [["a", "b.png"]]),
        ("true-mask", GREY.getvalue(), MASK, MASK + 1),
    ],
)
def test_a_wrong_result_is_told_from_a_right_one(kind, data, right, wrong):
    assert judge(kind, data, right, is_whole=True) == ""
    assert "instead of" in judge(kind, data, wrong, is_whole=True)


def test_mutants_depend_on_seed_kind_and_number_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in KINDS.values():
        path = tmp_path / "originals" / kind.originals[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(20 * TREE)
    assert mutated("annotation", 0, 0)[:2] == (20 * TREE, "intact")
    made = [[mutated("annotation", number, seed)[0] for number in range(20, 30)] for seed in (0, 0, 1)]
    assert made[0] == made[1] != made[2]
