"""Who may ask, what can be read, and runs that are partial, damaged or written to meanwhile."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from werkzeug.test import Client

from mdc.config.config import Config
from mdc.explore.app import ANSWERS, Explorer
from mdc.explore.command import found_runs, make_explorer, page_address
from mdc.explore.runs import Run
from mdc.runtime.errors import InputError

from .conftest import asking, measured
from .made_run import CONFIG, NETWORK, SIDE

FUSION = f"masks/{NETWORK}/fusion"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


@pytest.mark.parametrize(
    "path, headers, status",
    [
        ("/", {}, 200),
        ("/", {"Host": "127.0.0.1"}, 200),
        ("/", {"Host": "[::1]:8600"}, 200),
        ("/", {"Host": "evil.example:8600"}, 403),  # a site whose name leads here
        ("/", {"Host": "localhost.evil.example"}, 403),
        ("/", {"Host": ""}, 403),
        ("/", LINK, 200),
        ("/api/run", LINK, 403),
        ("/api/run", {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8600"}, 200),
        ("/api/run", {"Origin": "http://evil.example"}, 403),
        ("/api/run", {"Origin": "null"}, 403),
        ("/api/run", {"Origin": "http://localhost:3000"}, 403),
        ("/style.css", {}, 200),
        ("/made_run.py", {}, 404),
        ("/../app.py", {}, 404),
    ],
)
def test_only_the_page_itself_may_ask(ask, path, headers, status):
    assert ask(path, headers=headers).status_code == status


@pytest.mark.parametrize(
    "host, origin, status",
    [
        ("maps.example", "https://maps.example", 200),
        ("maps.example", "http://maps.example:8080", 200),  # nginx's $host has no port
        ("localhost:8600", "https://maps.example", 200),  # the proxy asks under the name it knows
        ("maps.example", "https://evil.example", 403),
        ("other.example", "https://maps.example", 403),
    ],
)
def test_behind_a_proxy_the_page_has_the_name_that_was_given(run, host, origin, status):
    client = Client(Explorer([run], hosts={"maps.example"}))
    assert client.get("/main.js", headers={"Host": host, "Origin": origin}).status_code == status


@pytest.mark.parametrize(
    "arguments",
    [{"run": "../made"}, {"split": "../data/train"}, {"id": "../../../data/images/b"}, {"result": "masks/../data"}],
)
def test_what_is_in_no_table_is_not_read(ask, arguments):
    response = ask("/mask", **({"id": "b", "result": FUSION} | arguments))
    assert response.status_code == 422


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


def test_no_answer_writes_into_the_run(ask, run):
    before = contents(run)
    for path in ANSWERS:
        response = ask(path, id="a/1", result=FUSION, source="rbd", cams=f"cams/{NETWORK}/main", map="d1", class_=1)
        assert response.status_code == (422 if path == "/probability" else 200), (path, response.text)
    assert contents(run) == before


def test_a_partial_run_says_what_is_missing_and_shows_the_rest(copied):
    for part in ("masks", "cams", "config.yaml"):
        shutil.rmtree(copied / part) if (copied / part).is_dir() else (copied / part).unlink()
    ask = asking(copied)
    train = ask("/api/run").json["splits"]["train"]
    assert train["missing"] == ["config.yaml is not there yet (target report): settings start from the paper's"]
    assert ask("/api/image", id="a/1").json["usual"] is None
    assert ask("/saliency", id="a/1", source="rbd").status_code == 200
    assert "no localization maps" in ask("/api/what_if", id="a/1").json["error"]


@pytest.mark.parametrize(
    "file, path",
    [
        (f"{FUSION}/train/a/1.png", "/mask"),
        (f"scores/{NETWORK}/train/pseudo-fusion.images.csv", "/api/run"),
        (f"scores/{NETWORK}/train/pseudo-fusion.images.csv", "/api/images"),
        (f"cams/{NETWORK}/main/train.0-of-1.h5", "/api/image"),
        ("data/train.csv", "/api/run"),
    ],
)
def test_a_damaged_file_is_named(copied, file, path):
    data = (copied / file).read_bytes()
    (copied / file).write_bytes(data[: len(data) // 2] if file.endswith(("png", "h5")) else data[:-3])
    response = asking(copied)(path, id="a/1", result=FUSION)
    told = response.json.get("error") or response.json["problems"][0]
    assert str(copied / file) in told


def test_masks_of_runs_with_other_classes_are_not_compared(run, copied):
    (copied / "data/classes.txt").write_text("dog\ncat\n")
    response = asking(run, copied)("/mask", id="a/1", result=FUSION, result_run="copy")
    assert response.json["error"] == "copy and made have different classes: compare runs of the same ones"


def test_masks_of_another_photo_with_the_same_id_are_not_compared(run, copied):
    """In the copy, `b` is another photo, `c` has another size, and of `a/1` only the true mask differs."""
    Image.fromarray(np.full((SIDE, SIDE, 3), 200, np.uint8)).save(copied / "data/images/b.png")
    table = pd.read_csv(copied / "data/train.csv", dtype=str, keep_default_na=False).set_index("id", drop=False)
    table["digest"] = "another"
    table.loc["c", ["own_width", "width"]] = "12"
    table.to_csv(copied / "data/train.csv", index=False)
    ask = asking(run, copied)
    statuses = {
        (path, one): ask(path, id=one, result=FUSION, result_run="copy").status_code
        for path in ("/mask", "/mask_small")
        for one in ("a/1", "b", "c")
    }
    assert statuses == {key: 200 if key[1] == "a/1" else 422 for key in statuses}
    told = [f"{one} of train is another photo in copy than in made: not compared" for one in ("b", "c")]
    assert ask("/mask", id="b", result=FUSION, result_run="copy").json["error"] == told[0]
    for sort in ("table", "iou", "iou_difference", "differs"):
        answer = measured(ask, result=FUSION, other=FUSION, other_run="copy", sort=sort)
        assert sorted(answer["problems"]) == told
        assert [image["other_iou"] for image in answer["images"]] == [pytest.approx(0.7), None, None]
        if sort in ("iou_difference", "differs"):
            assert [image["value"] for image in answer["images"]] == [0, None, None]


def test_what_a_copy_lacks_is_shown_from_the_run_it_was_copied_from_and_said(run, copied):
    copied = copied.rename(run.parent / "copied")  # beside the original, as results of one project are
    try:
        ask = asking(copied)
        files = {"data/images/b.png": "/photo", f"{FUSION}/train/b.png": "/mask"}
        answers = [ask(path, id="b", result=FUSION).data for path in files.values()]
        assert ask("/api/image", id="b", result=FUSION).json["problems"] == []
        for file in files:
            (copied / file).unlink()
        ask = asking(copied)
        told = [f"{copied} has no {file}: {run / file} is shown" for file in files]
        assert [ask(path, id="b", result=FUSION).data for path in files.values()] == answers
        assert ask("/api/image", id="b", result=FUSION).json["problems"] == told
        assert ask("/api/images", result=FUSION).json["problems"] == told
        assert asking(run)("/api/images", other=FUSION, other_run="copied").json["problems"] == told
    finally:
        shutil.rmtree(copied)


@pytest.mark.parametrize(
    "changes, split, missing",
    [
        ({}, "val", [f"{stage}/{NETWORK}/weak-fusion" for stage in ("predictions", "crf")]),
        ({"masks": {"compare_maps": True}, "segmenter": {"settings": []}}, "val", []),  # maps are of what is predicted
        ({"segmenter": {"settings": ["semi2-fusion"], "strong": {"with_val": 2}}}, "val", []),  # it learns from val
        ({"masks": {"external_masks": "m"}, "segmenter": {"settings": []}}, "train", [f"masks/{NETWORK}/external"]),
        (
            {"variants": {"flip": {"cams": {"flip": True}}}, "segmenter": {"settings": ["weak-d1@flip"]}},
            "train",
            [f"cams/{NETWORK}/flip", f"masks/{NETWORK}/d1@flip"],
        ),
    ],
)
def test_only_what_the_configuration_makes_is_not_there_yet(copied, changes, split, missing):
    base = CONFIG | {"masks": {"compare_maps": False}, "segmenter": {"settings": ["weak-fusion"]}}
    config = Config.model_validate(base | changes)
    (copied / "config.yaml").write_text(yaml.safe_dump(config.model_dump(exclude_none=True)))
    assert [line.split(": no ")[0] for line in Run(copied).missing(split)] == missing


def test_a_damaged_mask_is_left_out_of_a_measure(copied):
    path = copied / f"{FUSION}/train/b.png"
    path.write_bytes(path.read_bytes()[:50])
    answer = measured(asking(copied), result=FUSION, sort="ignored")
    assert [image["value"] for image in answer["images"]] == [0, pytest.approx(1 / 9), None]
    assert str(path) in answer["problems"][0]


def test_a_file_that_changes_is_read_again(copied):
    ask = asking(copied)
    assert ask("/api/images", search="b").json["total"] == 1
    table = copied / "data/train.csv"
    table.write_text("".join(line for line in table.read_text().splitlines(True) if not line.startswith("b,")))
    os.utime(table, ns=(0, 0))
    assert ask("/api/images", search="b").json["total"] == 0


def test_folders_that_are_no_runs_or_have_one_name_are_refused(run, tmp_path):
    with pytest.raises(InputError, match="not a run"):
        found_runs([tmp_path])
    (tmp_path / "made/data").mkdir(parents=True)
    with pytest.raises(InputError, match="another run is called made"):
        found_runs([run, tmp_path / "made"])


@pytest.mark.parametrize(
    "listen, address",
    [("127.0.0.1", "http://localhost:80/"), ("::1", "http://[::1]:80/"), ("10.0.0.1", "http://10.0.0.1:80/")],
)
def test_the_address_of_the_page_is_one_for_browsers(listen, address):
    assert page_address(listen, 80) == address


def test_a_port_that_is_taken_is_named(run):
    server = make_explorer([run], port=0)
    with pytest.raises(InputError, match=f"port {server.port}"):
        make_explorer([run], port=server.port)
    server.server_close()
