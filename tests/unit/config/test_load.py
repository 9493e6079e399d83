"""The configuration is refused in one go, a line per wrong key; the shipped ones pass."""

import shutil
from pathlib import Path

import pytest
import yaml
from tests.unit.overlays import merged
from tests.voc_archives import EXPECTED_IMAGES, sbd_files, voc_files, voc_test_files, write_folder

from mdc.config.load import check_config, check_files, load_schema, typed
from mdc.runtime.errors import InputError

ROOT = Path(__file__).parents[3]


def problems(config: dict) -> list[str]:
    with pytest.raises(InputError) as error:
        check_config(config)
    headline, *lines = str(error.value).splitlines()
    assert headline == "the configuration cannot be used:"
    return [line.strip() for line in lines]


@pytest.fixture
def paper() -> dict:
    """Return config/config.yaml."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    config["segmenter"]["training"] = dict(config["classifier"]["training"])  # YAML's anchor makes them one
    return config


def test_the_papers_config_passes_without_any_file(paper, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    check_config(paper)


def test_the_demo_passes_without_any_file(monkeypatch, tmp_path):
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    demo = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    check_config(merged(config, demo))


OVERLAYS = sorted(str(path.relative_to(ROOT / "config")) for path in (ROOT / "config").rglob("*.yaml"))
BELOW = {"paper-small.yaml": ["demo.yaml"], "study/shapes.yaml": ["demo.yaml"], "study/photos.yaml": ["own.yaml"]}


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_names_keys_that_exist(name, paper):
    config = paper
    for overlay in (*BELOW.get(name, []), name):
        config = merged(config, yaml.safe_load((ROOT / "config" / overlay).read_text()) or {})
    try:
        check_config(config)
    except InputError as error:  # files of the user that are not there are no fault of the overlay
        lines = str(error).splitlines()[1:]
        assert all("there is no folder" in line or "there is no file" in line for line in lines), lines


@pytest.mark.parametrize(
    ("section", "key", "line"),
    [
        ((), "shard", "shard: there is no such key; did you mean shards?"),
        (("masks",), "treshold", "masks.treshold: there is no such key; did you mean threshold?"),
        (
            ("classifier", "training"),
            "learning_rates",
            "classifier.training.learning_rates: there is no such key; known are batch_size, micro_batches",
        ),
        (("data", "shapes"), "sides_px", "data.shapes.sides_px: there is no such key; did you mean side_px?"),
    ],
)
def test_an_unknown_key_is_named_with_what_may_be_meant(paper, section, key, line):
    part = paper
    for name in section:
        part = part[name]
    part[key] = 1
    (found,) = problems(paper)
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("section", "value", "line"),
    [
        ("seeds", [-1], "seeds.0: -1 is less than the minimum of 0"),
        ("seeds", [], "seeds: [] should be non-empty"),
        ("masks.threshold", 2.5, "masks.threshold: 2.5 is greater than the maximum of 2 (Pixels above it"),
        ("backbone.output_stride", 32, "backbone.output_stride: 32 is not one of [4, 8, 16]"),
        ("backbone.widths", [8, 8, 8, 8, 12], "backbone.widths.4: 12 is not a multiple of 8"),
        ("classifier.training.lr", "1e-3", "classifier.training.lr: '1e-3' is not of type 'number'"),
        ("segmenter.settings", ["weak-D1"], "segmenter.settings.0: 'weak-D1' does not match"),
        ("run", "a b", "run: 'a b' is not possible: Name of the run, of letters, digits,"),
        ("downloads.voc.hash", "6cd6e144f989b92b", "downloads.voc.hash: '6cd6e144f989b92b' is not possible: What the"),
        (
            "downloads.sbd.hash",
            "md5:" + 33 * "0",
            "downloads.sbd.hash: 'md5:00000000",
        ),
        (
            "downloads.timeout_seconds",
            float("inf"),
            "downloads.timeout_seconds: inf is not of type",
        ),
        ("downloads.sbd.urls", ["ftp://host/a"], "downloads.sbd.urls.0: 'ftp://host/a' is not possible: An"),
        ("data.train_list", "trainval", "data.train_list: 'trainval' is not one of ['train', 'trainaug',"),
        ("classifier.blocks", {"a-b": [1]}, "classifier.blocks: 'a-b' does not match"),
        ("classifier.training.lr", float("nan"), "classifier.training.lr: nan is not of type 'number'"),
        ("masks.threshold", float("nan"), "masks.threshold: nan is not of type 'number', 'string'"),
        ("shards", 2.0, "shards: 2.0 is not of type 'integer'"),
        ("shards", 10**400, "shards: 1000000"),
        ("seeds", [2**32], "seeds.0: 4294967296 is greater than the maximum of 4294967295"),
        ("segmenter.fc_width", 10**6, "segmenter.fc_width: 1000000 is greater than the maximum of 16384"),
        ("run", "demo\n", "run: 'demo\\n' holds a control character: remove it"),
        ("figures.figure5", ["a\0"], "figures.figure5.0: 'a\\x00' holds a control character: remove it"),
        ("device", "gpu", "device: 'gpu' is not one of ['auto', 'cpu', 'cuda']"),
    ],
)
def test_a_value_out_of_bounds_is_named_with_its_bound(paper, section, value, line):
    *parts, last = section.split(".")
    part = paper
    for name in parts:
        part = part[name]
    part[last] = value
    (found,) = problems(paper)
    assert found.startswith(line)


def test_messages_do_not_repeat_values_without_end(paper):
    paper["classifier"]["training"]["lr"] = "x" * 100_000
    (found,) = problems(paper)
    assert found.startswith("classifier.training.lr: 'xxx") and len(found) < 1100


def test_whole_numbers_written_with_a_point_are_whole_numbers():
    assert repr(typed({"shards": 2.0, "seeds": [1.0, 1.5]}, load_schema())) == "{'shards': 2, 'seeds': [1, 1.5]}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("run: a\nmasks: {}\nrun: b\n", "the key run stands in line 1 and in line 3: remove one"),
        ("masks:\n  threshold: 1\n  threshold: 2\n", "the key threshold stands in line 2 and in line 3: remove one"),
        ("a: &a [*a]\n", "an alias stands for something that holds the alias itself: remove it"),
        (
            "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 20)),
            "has more than 100000 values with its aliases: write it without them",
        ),
    ],
)
def test_what_loading_a_file_hides_is_refused(tmp_path, text, line):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        check_files([ROOT / "config" / "config.yaml", tmp_path / "own.yaml"])
    assert str(error.value) == f"the configuration cannot be used:\n  {tmp_path / 'own.yaml'}: {line}"


def test_the_shipped_files_and_json_hide_nothing(tmp_path):
    (tmp_path / "own.json").write_text('{\t"run": "a"}')
    check_files([*(ROOT / "config" / name for name in OVERLAYS), tmp_path / "own.json"])


def test_a_missing_key_is_named(paper):
    del paper["crf"]["iterations"]
    (found,) = problems(paper)
    assert found.startswith("crf: 'iterations' is a required property")


def test_all_wrong_keys_are_listed_at_once(paper):
    paper["masks"] |= {"threshold": -1, "colour": 1}
    paper["crf"]["iterations"] = 0
    found = problems(paper)
    assert sorted(line.split(":")[0] for line in found) == ["crf.iterations", "masks.colour", "masks.threshold"]


@pytest.mark.parametrize(
    ("overlay", "lines"),
    [
        ({"data": {"source": "devkit", "root": "nowhere"}}, ["data.root: there is no folder nowhere"]),
        ({"data": {"source": "devkit"}}, ["data.root: there is no folder (empty)"]),
        (
            {"data": {"voc_root": "."}},
            [
                "data.voc_root: . is no folder of VOC 2012, it lacks JPEGImages, Annotations, SegmentationClass, "
                "ImageSets/Segmentation/train.txt, ImageSets/Segmentation/val.txt: name VOCdevkit/VOC2012"
            ],
        ),
        ({"data": {"voc_root": "nowhere"}}, ["data.voc_root: there is no folder nowhere: name VOCdevkit/VOC2012 of"]),
        ({"data": {"voc_root": str(__file__)}}, [f"data.voc_root: {__file__} is a file, not a folder: name VOCdevkit"]),
        ({"data": {"sbd_root": "nowhere"}}, ["data.sbd_root: there is no folder nowhere: name benchmark_RELEASE/"]),
        (
            {"saliency": {"folder": "."}},
            ["saliency.folder: is not read with source rbd: set that to folder"],
        ),
        ({"classifier": {"weights": "."}}, ["classifier.weights: . is a folder; name your file with VGG16's weights"]),
        ({"data": {"sbd_root": "."}}, ["data.sbd_root: . is no folder of SBD, it lacks cls, train.txt, val.txt: name"]),
        ({"data": {"voc_test_archive": "a.tar"}}, ["data.voc_test_archive: there is no file a.tar; name VOC2012test"]),
        ({"predictions": {"splits": ["test"]}}, ["predictions.splits: there are no test images; name VOC2012test.tar"]),
        (
            {"data": {"train_list": "trainvalaug"}},
            ["predictions.splits: with data.train_list trainvalaug val is trained on and has no scores"],
        ),
        ({"data": {"classes": ["cat"]}}, ["data.classes: source voc has VOC's 20 classes"]),
        (
            {"downloads": {"weights": {"enum": "IMAGENET1K_FEATURES"}}},
            ["downloads.weights.enum: IMAGENET1K_FEATURES has no fc6 and fc7, which segmenter.init imagenet needs"],
        ),
        ({"data": {"source": "folder", "root": ""}}, ["data.root: there is no folder (empty)"]),
        ({"data": {"source": "folder", "root": "."}}, ["data.tags_csv: there is no file tags.csv"]),
        ({"saliency": {"source": "folder"}}, ["saliency.folder: there is no folder (empty)"]),
        ({"predict": {"photos": "nowhere"}}, ["predict.photos: there is no folder nowhere; name the folder of the"]),
        ({"classifier": {"weights": "w.pth"}}, ["classifier.weights: there is no file w.pth; name your file with"]),
        ({"classifier": {"init": "file"}}, ["classifier.weights: there is no file (empty); name the weights.pt of"]),
        ({"segmenter": {"init": "file", "weights": "w.pt"}}, ["segmenter.weights: there is no file w.pt"]),
        (
            {"segmenter": {"loss_resolution": "image", "view": {"crop_px": 320}}},
            ["segmenter.view.crop_px: loss_resolution image needs a multiple of 8 plus 1, not 320"],
        ),
        ({"classifier": {"view": {"resize_long_side_px": [320]}}}, ["classifier.view.resize_long_side_px: [320] is"]),
        (
            {"classifier": {"view": {"resize_long_side_px": [64, 32]}}},
            ["classifier.view.resize_long_side_px: [64, 32]"],
        ),
        (
            {"segmenter": {"view": {"resize_long_side_px": [64, 32]}}},
            ["segmenter.view.resize_long_side_px: [64, 32] is neither empty nor [lowest, highest]"],
        ),
        ({"masks": {"own_masks": "nowhere"}, "segmenter": {"settings": ["weak-own"]}}, ["masks.own_masks: there is"]),
        (
            {"cams": {"own_maps": "maps/{split}.h5"}},
            ["cams.own_maps: there is no file maps/train.h5", "cams.own_maps: there is no file maps/val.h5"],
        ),
        (
            {"segmenter": {"settings": ["weak-d12", "true-masks"]}},
            ["segmenter.settings: weak-d12 needs maps that no classifier has; there are d1, d3, d6, d9, fusion, mean"],
        ),
        (
            {
                "backbone": {"norm": "batch"},
                "classifier": {"init": "random"},
                "segmenter": {"init": "random", "training": {"micro_batches": 30}},
            },
            ["training.micro_batches: batch normalisation needs at least 2 images at a time"],
        ),
        (
            {"classifier": {"training": {"micro_batches": 4}}},
            ["classifier.training.micro_batches: 30 images cannot be divided into 4 equal parts"],
        ),
        (
            {"backbone": {"widths": [8, 8, 8, 8, 8]}, "segmenter": {"fc_width": 512}},
            ["classifier.init: imagenet", "segmenter.init: imagenet", "segmenter.fc_width: init imagenet subsamples"],
        ),
    ],
)
def test_keys_that_contradict_each_other_or_name_no_file(paper, overlay, lines, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = problems(merged(paper, overlay))
    assert len(found) == len(lines)
    for line, start in zip(found, lines, strict=True):
        assert line.startswith(start)


def test_contradictions_are_listed_at_once(paper):
    paper["data"] |= {"source": "devkit", "root": "nowhere"}
    paper["saliency"]["source"] = "folder"
    paper["segmenter"]["settings"].append("weak-d7")
    found = problems(paper)
    assert [line.split(":")[0] for line in found] == ["data.root", "saliency.folder", "segmenter.settings"]


@pytest.mark.parametrize(
    "overlay",
    [
        {"classifier": {"view": {"crop_px": 320}}, "segmenter": {"loss_resolution": "image"}},  # has no masks
        {"segmenter": {"view": {"crop_px": 320}}},  # the loss is at network resolution
        {"classifier": {"view": {"resize_long_side_px": []}}},
        {"classifier": {"init": "random", "weights": ""}},
        {"classifier": {"blocks": {"same": [1, 1, 1, 1]}}, "segmenter": {"settings": ["weak-d1_2", "weak-d9"]}},
        {"data": {"source": "shapes", "root": "nowhere"}},
        {"segmenter": {"settings": ["semi500-fusion", "semi7-d1"]}},
        {"data": {"source": "shapes"}, "segmenter": {"settings": ["semi2913-d9"]}, "predictions": {"splits": ["test"]}},
        {"saliency": {"source": "none"}},
        {"data": {"train_list": "trainvalaug"}, "predictions": {"splits": []}},
        {"downloads": {"weights": {"enum": "IMAGENET1K_FEATURES"}}, "segmenter": {"init": "classifier"}},
        {"backbone": {"norm": "batch"}, "classifier": {"init": "random"}, "segmenter": {"init": "random"}},
    ],
)
def test_what_is_possible_passes(paper, overlay):
    check_config(merged(paper, overlay))


def test_another_methods_masks_need_no_classifier_weights(paper, tmp_path):
    overlay = {"masks": {"own_masks": str(tmp_path)}, "segmenter": {"settings": ["weak-own"]}}
    check_config(merged(paper, overlay | {"classifier": {"weights": "nowhere"}}))


def test_folders_of_voc_and_sbd_are_found_from_their_parents_too(paper, tmp_path):
    paper["data"]["expected_images"] = EXPECTED_IMAGES
    write_folder(tmp_path / "voc", voc_files() | voc_test_files())
    write_folder(tmp_path / "sbd", sbd_files())
    for voc_root in ("voc", "voc/VOCdevkit", "voc/VOCdevkit/VOC2012"):
        for sbd_root in ("sbd", "sbd/benchmark_RELEASE", "sbd/benchmark_RELEASE/dataset"):
            data = {"voc_root": str(tmp_path / voc_root), "sbd_root": str(tmp_path / sbd_root)}
            check_config(merged(paper, {"data": data, "predictions": {"splits": ["val", "test"]}}))


@pytest.mark.parametrize("folder", ["file", "link", "file/below"])
def test_a_folder_for_downloads_that_cannot_be_one_is_refused(paper, folder, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    paper["downloads"]["folder"] = str(tmp_path / folder)
    (found,) = problems(paper)
    bad = tmp_path / folder.split("/")[0]
    assert found == f"downloads.folder: {bad} is a file or a link to nothing: remove it or name another folder"


def test_what_a_folder_lacks_is_named(paper, tmp_path):
    root = write_folder(tmp_path, voc_files() | sbd_files())
    shutil.rmtree(root / "VOCdevkit/VOC2012/Annotations")
    (root / "benchmark_RELEASE/dataset/val.txt").unlink()
    paper["data"] |= {"voc_root": str(root / "VOCdevkit"), "sbd_root": str(root / "benchmark_RELEASE")}
    kit, dataset = f"{root}/VOCdevkit/VOC2012", f"{root}/benchmark_RELEASE/dataset"
    voc, sbd = problems(paper)
    assert voc.startswith(f"data.voc_root: {kit} is no folder of VOC 2012, it lacks Annotations: name VOCdevkit")
    assert sbd.startswith(f"data.sbd_root: {dataset} is no folder of SBD, it lacks val.txt: name benchmark_")


def test_another_year_of_voc_is_found_out_by_its_lists(paper, tmp_path):
    root = write_folder(tmp_path, voc_files()) / "VOCdevkit/VOC2012"
    paper["data"]["voc_root"] = str(root)
    (found,) = problems(paper)
    assert found.startswith(
        f"data.voc_root: {root} lists 3 and 2 images in train and val, not 1464 and 1449 as VOC 2012"
    )


def test_a_folder_of_sbd_that_is_not_needed_is_not_looked_at(paper):
    check_config(merged(paper, {"data": {"sbd_root": "nowhere", "train_list": "train"}}))


def test_a_list_without_the_test_photos_is_no_test_split(paper, tmp_path):
    lists = {name: content for name, content in voc_test_files().items() if name.endswith("test.txt")}
    write_folder(tmp_path, voc_files() | lists)
    data = {"voc_root": str(tmp_path), "expected_images": EXPECTED_IMAGES}
    (found,) = problems(merged(paper, {"data": data, "predictions": {"splits": ["test"]}}))
    assert found.startswith("predictions.splits: there are no test images")


def test_a_key_written_with_dots_is_told_how_to_nest(paper):
    paper["data.train_list"] = "train"
    assert problems(paper) == ["data.train_list: keys are nested in YAML: write data: {train_list: ...}"]


def test_the_home_folder_and_empty_keys_in_paths(paper, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    paper["downloads"]["folder"] = "~/data"
    paper["data"] |= {"voc_root": None, "sbd_root": "~/sbd", "voc_test_archive": "a~b"}
    paper["classifier"]["weights"] = "~/vgg16.pth"
    paper["run"] = "~"
    found = typed(paper, load_schema())
    assert found["downloads"]["folder"] == "/home/me/data"
    assert found["data"]["voc_root"] == "" and found["data"]["sbd_root"] == "/home/me/sbd"
    assert found["data"]["voc_test_archive"] == "a~b"
    assert found["classifier"]["weights"] == "/home/me/vgg16.pth" and found["run"] == "~"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"segmenter": {"settings": ["weak-d1@best"]}},
            "segmenter.settings: weak-d1@best: there is no variant best; variants has none",
        ),
        (
            {"masks": {"variants": ["d12@low"]}, "variants": {"low": {"masks": {"threshold": 0.1}}}},
            "masks.variants: d12@low needs maps that no classifier has; there are d1, d3, d6, d9, fusion, mean",
        ),
        (
            {"variants": {"other": {"saliency": {"source": "folder"}}}},
            "variants.other: saliency.source folder needs the key saliency.folder, which is empty",
        ),
        (
            {"cams": {"own_maps": __file__}, "variants": {"raw": {"cams": {"network": "untrained"}}}},
            "cams.network: untrained is about the classifier, which own_maps and own_masks replace",
        ),
        (
            {"saliency": {"source": "none"}, "segmenter": {"settings": ["weak-salient-d1"]}},
            "segmenter.settings: weak-salient-d1 needs saliency maps, which this configuration does not use",
        ),
        (
            {
                "segmenter": {"settings": ["weak-salient-d1@bare"]},
                "variants": {"bare": {"saliency": {"source": "none"}}},
            },
            "segmenter.settings: weak-salient-d1@bare needs saliency maps, which this configuration does not use",
        ),
        (
            {
                "segmenter": {"settings": ["weak-d1@on", "true-masks@on", "weak-salient-d1@high"]},
                "masks": {"variants": ["d1@on", "d3@high"]},
                "variants": {"on": {"segmenter": {"online_term": True}}, "high": {"masks": {"threshold": 0.6}}},
            },
            "segmenter.settings: weak-salient-d1@high is the same as weak-salient-d1: the variant high changes nothing "
            "for it",
        ),
        (
            {"masks": {"own_masks": ".", "variants": ["own@x"]}, "variants": {"x": {"masks": {"threshold": 0.1}}}},
            "masks.variants: own@x: masks.own_masks are taken as they are: this variant cannot change them",
        ),
        (
            {"study": {"runs": {"photos": ["gone"]}}},
            "study.runs: there is no results/gone/scores/summary.csv: finish the run gone first, or start `make study`",
        ),
        (
            {"segmenter": {"settings": ["semi2913-fusion"]}},
            "segmenter.settings: semi2913-fusion learns from the true masks of val (segmenter.strong.with_val) and can "
            "be scored on test only: add test to predictions.splits, or leave it out",
        ),
        (
            {"segmenter": {"online_warmup_epochs": 15, "settings": ["true-masks", "weak-d1", "weak-d3"]}},
            "segmenter.settings: weak-d1 gets no online term: segmenter.online_warmup_epochs is 15 of 15 epochs: lower "
            "it, or set segmenter.online_term to false",
        ),
        (
            {"scores": {"table3": ["mdc/weak-d1@best"]}},
            "scores.table3: weak-d1@best: there is no variant best; variants has none",
        ),
        (
            {"segmenter": {"settings": ["semi500-d2"]}},
            "segmenter.settings: semi500-d2 needs maps that no classifier has; there are d1, d3, d6, d9, fusion, mean",
        ),
        ({"run": "study"}, "run: results/study is where the tables of `make study` lie: give the run another name"),
    ],
)
def test_variants_that_cannot_be_are_told(paper, changes, line):
    assert line in problems(merged(paper, changes))


def test_variants_that_change_nothing_are_told_one_by_one(paper):
    changes = {
        "segmenter": {"settings": ["weak-d1@on", "true-masks@high", "weak-d3@high"]},
        "masks": {"variants": ["d1@on", "d1@low-saliency", "d1@bare"]},
        "variants": {
            "on": {"segmenter": {"online_term": True}},
            "high": {"masks": {"threshold": 0.6}},
            "low-saliency": {"masks": {"background_below": 0.3}},  # read without saliency only
            "bare": {"masks": {"background_below": 0.3}, "saliency": {"source": "none"}},
        },
    }
    same = [line.split(" is the same as")[0] for line in problems(merged(paper, changes))]
    assert same == [
        "segmenter.settings: weak-d1@on",
        "segmenter.settings: true-masks@high",
        "masks.variants: d1@on",
        "masks.variants: d1@low-saliency",
    ]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"variants": {"x": {"segmenter": {"init": "imagenet"}}}}, "variants.x.segmenter.init: 'imagenet'"),
        ({"variants": {True: {"masks": {"threshold": 0.2}}}}, "True"),
        ({"study": {"runs": {"my_photos": ["a"]}}}, "letters and digits, with single spaces or - between them"),
        ({"variants": {"x": {"masks": {"treshold": 0.2}}}}, "variants.x.masks.treshold: there is no such key"),
        ({"variants": {"x": {"classifier": {"epochs": 2}}}}, "variants.x.classifier: there is no such key"),
        ({"variants": {"with-crf": {"masks": {"threshold": 0.2}}}}, "with-crf"),
        ({"masks": {"threshold": "bets"}}, "masks.threshold: 'bets' is not possible"),
    ],
)
def test_variants_have_keys_of_their_sections_only(paper, changes, part):
    assert any(part in line for line in problems(typed(merged(paper, changes), load_schema())))


def test_a_threshold_may_be_a_number_as_text_or_the_word(paper):
    schema = load_schema()
    for text, value in (("0.25", 0.25), ("best", "best"), ("1", 1)):
        assert typed({"masks": {"threshold": text}}, schema)["masks"]["threshold"] == value
    check_config(merged(paper, {"masks": {"threshold": "best"}}))


def test_maps_in_a_folder_may_be_a_variant(paper, tmp_path):
    changes = {
        "saliency": {"source": "rbd", "folder": str(tmp_path)},
        "variants": {"other": {"saliency": {"source": "folder"}}},
    }
    check_config(merged(paper, changes))


def test_figures_of_what_there_is_not_are_refused(paper, tmp_path):
    paper["figures"] = {"figure5": ["2007000032"], "figure6": ["2007_000033"]}
    assert problems(paper) == ['figures.figure5: 2007000032 is no id of VOC; write ids in quotes: "2007_000032"']
    paper["figures"]["figure5"] = ["2007_000032"]
    check_config(paper)
    paper["predictions"]["splits"] = []
    paper["masks"]["own_masks"] = str(tmp_path)
    paper["segmenter"]["settings"] = ["weak-own"]
    assert [line.split(": ")[0] for line in problems(paper)] == ["figures.figure5", "figures.figure6"]
