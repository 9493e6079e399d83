"""Keys that contradict each other and files that are not there: found before anything runs, a sentence each."""

import pytest

from tests.voc_archives import EXPECTED_IMAGES, sbd_files, voc_files, voc_test_files, write_folder

from .configs import config, nested, problems

RANDOM = {"classifier": {"init": "random"}, "segmenter": {"init": "random"}}
EXTERNAL = {"masks": {"external_masks": "."}, "segmenter": {"settings": ["weak-external"]}}
ONE_BY_ONE = {"micro_batches": 30}
THERE_ARE = "there are d1, d3, d6, d9, fusion, mean"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Run a test in an empty folder, in which nothing is there but `file`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()


def refused(overlays: list[dict], *starts: str) -> None:
    """Assert that a configuration is refused with one sentence per start, in this order."""
    found = problems(*overlays)
    assert len(found) == len(starts), found
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("run", "study", "results/study is the folder of the study's tables"),
        ("classifier.networks", {"mdc": {"encoder": {"output_stride": 4}}}, "mdc has no dilations: write [1, 3, 6, 9]"),
        ("classifier.augmentation.resize_long_side_px", [320], "[320] must be empty or [lowest, highest]"),
        ("segmenter.augmentation.resize_long_side_px", [64, 32], "[64, 32] must be empty or [lowest, highest]"),
        ("classifier.training.micro_batches", 4, "30 images cannot be divided into 4 equal parts"),
        ("segmenter.settings", ["weak-d12", "true-masks"], f"weak-d12 needs maps that no classifier has; {THERE_ARE}"),
        ("segmenter.settings", ["weak-external"], f"weak-external needs maps that no classifier has; {THERE_ARE}"),
        ("segmenter.settings", ["weak-d1@best"], "weak-d1@best: unknown variant best; variants has none"),
        ("scores.table3", ["mdc/weak-d1@best"], "weak-d1@best: unknown variant best; variants has none"),
        ("segmenter.settings", ["semi2913-d1"], "semi2913-d1 learns from the true masks of val"),
        ("saliency.model_hash", "md5:01234567", "is for a URL in saliency.model"),
        ("saliency.scaling", {"stretch": True}, "isnet-general-use has its own"),
        ("saliency.folder", ".", "is not read with saliency.source rbd"),
        ("data.classes", ["cat"], "source voc has VOC's 20 classes"),
        ("figures.figure5", ["2007000032"], '2007000032 is not an id of VOC; write ids in quotes: "2007_000032"'),
        ("data.voc_root", "nowhere", "there is no folder nowhere"),
        ("data.voc_root", "file", "file is a file, not a folder"),
        ("data.voc_root", ".", ". is not a folder of VOC 2012: it lacks JPEGImages, Annotations, SegmentationClass, "),
        ("data.sbd_root", ".", ". is not a folder of SBD: it lacks cls, train.txt, val.txt"),
        ("data.voc_test_archive", "a.tar", "there is no file a.tar"),
        ("predictions.splits", ["test"], "there are no test images"),
        ("predict.photos", "nowhere", "there is no folder nowhere"),
        ("downloads.folder", "file/below", "file is a file or a broken link"),
        ("study.runs", {"photos": ["gone"]}, "there is no results/gone/scores/summary.csv"),
        ("study.steps", {"photos": ["gone"]}, "there is no results/gone/scores/summary.csv"),
        ("data", {"source": "voc_layout", "root": ".", "classes": ["seed", "mIoU"]}, "rename the class 'mIoU'"),
        ("data", {"source": "folder", "root": ""}, "there is no folder (empty)"),
        ("data", {"train_list": "trainvalaug"}, "with data.train_list trainvalaug val is trained on and has no scores"),
        (
            "saliency",
            {"source": "onnx", "model": "https://a.org/b.onnx"},
            "is empty; a network at a URL needs",
        ),
        ("saliency", {"source": "onnx", "model": "u2ent"}, "there is no file u2ent; name u2net, u2netp, "),
        ("segmenter", {"init": "file", "weights": "w.pt"}, "there is no file w.pt"),
        ("segmenter", {"encoder": {"norm": "group"}}, "pretrained weights fit VGG16 only"),
        ("encoder", {"weights": "IMAGENET1K_FEATURES"}, "IMAGENET1K_FEATURES has no fc6 and fc7, which segmenter.init"),
    ],
)
def test_one_key_that_cannot_be(key, value, words):
    (line,) = problems(nested(key, value))
    at, said = line.split(": ", 1)
    assert said.startswith(words) and (at.startswith(key) or key == "data")


UNTRAINED = {"raw": {"cams": {"network": "untrained"}}}
TWO_SCALES = {"two": {"cams": {"scales": [1, 2]}}}
LOWER = {"x": {"masks": {"threshold": 0.1}}}


@pytest.mark.parametrize(
    ("overlay", "starts"),
    [
        (
            {"segmenter": {"loss_resolution": "image", "augmentation": {"crop_px": 320}}},
            ["segmenter.augmentation.crop_px: loss_resolution image needs a multiple of 8 plus 1, not 320"],
        ),
        # batch normalisation, wherever it is and is trained
        (
            {
                "encoder": {"name": "resnet"},
                "classifier": {"training": ONE_BY_ONE | {"freeze": 5}},
                "segmenter": {"training": ONE_BY_ONE | {"freeze": 4}},
            },
            ["segmenter.training.micro_batches: batch normalisation needs at least 2 images at a time"],
        ),
        (
            {"encoder": {"norm": "batch"}} | {**RANDOM, "classifier": {"init": "random", "training": ONE_BY_ONE}},
            ["classifier.training.micro_batches: batch normalisation needs at least 2 images at a time"],
        ),
        (
            {"classifier": {"block_norm": "batch", "training": ONE_BY_ONE}},
            ["classifier.training.micro_batches: batch normalisation needs at least 2 images at a time"],
        ),
        (
            {"segmenter": {"init": "random", "fc_norm": "batch", "training": ONE_BY_ONE}},
            ["segmenter.training.micro_batches: batch normalisation needs at least 2 images at a time"],
        ),
        # weights
        (
            {"encoder": {"widths": [8] * 5}, "segmenter": {"fc_width": 512}},
            [
                "classifier.init: pretrained weights fit VGG16 only: encoder {widths: [64, 128, 256, 512, 512], ",
                "segmenter.init: pretrained weights fit VGG16 only: ",
                "segmenter.init: pretrained takes VGG16's fc6 and fc7: set segmenter.fc_width to 1024",
            ],
        ),
        (
            {"classifier": {"ablations": {"slim": {"encoder": {"widths": [8] * 5}}}}},
            ["classifier.init: pretrained weights fit VGG16 only: "],
        ),
        (
            {"classifier": {"training": {"freeze": "encoder"}, "init": "random"}},
            ["classifier.training.freeze: encoder keeps pre-trained weights, but classifier.init is random: set it to"],
        ),
        (
            {
                "segmenter": {"training": {"freeze": "encoder"}, "settings": ["weak-d1", "weak-d1@scratch"]},
                "variants": {"scratch": {"segmenter": {"init": "random"}}},
            },
            ["segmenter.training.freeze: encoder keeps pre-trained weights, but segmenter.init is random: set it to"],
        ),
        (
            {"classifier": {"training": {"freeze": 6}}, "segmenter": {"training": {"freeze": 5}, "init": "classifier"}},
            ["classifier.training.freeze: 6 is too large, the most is 5, the number of stages of the encoder vgg"],
        ),
        (
            {"segmenter": {"training": {"freeze": "2"}, "init": "random"}},  # text, as the command line has it
            ["segmenter.training.freeze: 2 keeps pre-trained weights, but segmenter.init is random: set it to"],
        ),
        # another method's maps or masks
        (EXTERNAL | {"masks": {"external_masks": "nowhere"}}, ["masks.external_masks: there is no folder nowhere"]),
        (
            {"cams": {"external_maps": "maps/{split}.h5"}},
            ["cams.external_maps: there is no file maps/train.h5", "cams.external_maps: there is no file maps/val.h5"],
        ),
        ({"cams": {"external_maps": "file"}, "variants": UNTRAINED}, ["cams.network: untrained needs a classifier"]),
        (
            {**EXTERNAL, "cams": {"flip": True}, "variants": TWO_SCALES},
            ["cams.scales: [1.0, 2.0] needs a classifier", "cams.flip: True needs a classifier"],
        ),
        (
            {**EXTERNAL, "masks": {"external_masks": ".", "variants": ["external@x"]}, "variants": LOWER},
            ["masks.variants: external@x: masks.external_masks are used as they are"],
        ),
        (EXTERNAL | {"figures": {"figure5": ["a"]}}, ["figures.figure5: there are no localization maps to show"]),
        (
            {"figures": {"figure6": ["a"]}, "predictions": {"splits": []}},
            ["figures.figure6: nothing is predicted: leave it empty"],
        ),
        (
            {"data": {"source": "synthetic", "root": "pho{to}s"}},
            ["data.root: pho{to}s has braces, which Snakemake takes for a pattern: rename it, or name a link to it"],
        ),
        (
            {"data": {"source": "folder", "root": "."}},
            ["data.root: nothing in . says which tags its photos have; write tags.csv with"],
        ),
        (
            {
                "data": {"source": "voc_layout", "root": "nowhere"},
                "saliency": {"source": "folder"},
                "segmenter": {"settings": ["weak-d7"]},
            },
            ["segmenter.settings: weak-d7", "data.root: there is", "saliency.folder: there is no folder (empty)"],
        ),
    ],
)
def test_keys_that_contradict_each_other(overlay, starts):
    refused([overlay], *starts)


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"classifier": {"augmentation": {"crop_px": 320}}, "segmenter": {"loss_resolution": "image"}},  # has no masks
        {"classifier": {"networks": {"same": [1, 1, 1, 1]}}, "segmenter": {"settings": ["weak-d1_2", "weak-d9"]}},
        {"data": {"source": "synthetic", "root": "nowhere", "classes": ["cat"]}},
        {"segmenter": {"settings": ["semi500-fusion", "semi7-d1"]}},
        {  # a plain head has nothing of fc6 and fc7
            "encoder": {"weights": "IMAGENET1K_FEATURES"},
            "segmenter": {"head": "plain", "fc_norm": "batch", "training": ONE_BY_ONE},
        },
        {
            "data": {"source": "synthetic"},
            "segmenter": {"settings": ["semi2913-d9"]},
            "predictions": {"splits": ["test"]},
        },
        {"data": {"train_list": "trainvalaug"}, "predictions": {"splits": []}},
        {"data": {"sbd_root": "nowhere", "train_list": "train"}},  # SBD is not needed
        {"encoder": {"weights": "IMAGENET1K_FEATURES"}, "segmenter": {"init": "classifier"}},
        {"encoder": {"weights": "file"}},
        {"encoder": {"weights": "nowhere", "norm": "batch"}, **RANDOM},
        EXTERNAL | {"classifier": {"init": "file", "weights": "nowhere"}},  # no classifier is needed
        EXTERNAL
        | {
            "segmenter": {"settings": ["weak-external", "weak-external@off"]},
            "variants": {"off": {"segmenter": {"online_term": False}}},
        },
        {"saliency": {"folder": "."}, "variants": {"other": {"saliency": {"source": "folder"}}}},
        {"segmenter": {"online_warmup_epochs": 15, "online_term": False}},
        {"figures": {"figure5": ["2007_000032"], "figure6": ["2007_000033"]}},
    ],
)
def test_what_is_possible_passes(overlay):
    config(**overlay)


# -- variants ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "overlay", "line"),
    [
        ({"masks": {"threshold": 0.1}}, {"masks": {"variants": ["d12@x"]}}, "masks.variants: d12@x needs maps that no"),
        ({"saliency": {"source": "folder"}}, {}, "variants.x: saliency.source folder needs the key saliency.folder"),
        ({}, {}, "variants.x: changes nothing"),
        (
            {"saliency": {"source": "none"}},
            {"segmenter": {"settings": ["weak-salient-d1@x"]}},
            "segmenter.settings: weak-salient-d1@x needs saliency maps",
        ),
        (
            {"masks": {"threshold": 0.6}},
            {"segmenter": {"settings": ["weak-densecrf-d1@x"]}},
            "segmenter.settings: weak-densecrf-d1@x is the same as weak-densecrf-d1",
        ),
        (
            {"masks": {"threshold": 0.6}},
            {"segmenter": {"settings": ["weak-salient-d1@x"]}, "masks": {"variants": ["d3@x"]}},
            "segmenter.settings: weak-salient-d1@x is the same as weak-salient-d1",
        ),
    ],
)
def test_variants_that_cannot_be(variant, overlay, line):
    assert problems(overlay | {"variants": {"x": variant}})[0].startswith(line)


def test_variants_that_change_nothing_for_an_experiment_are_told_one_by_one():
    found = problems({
        "segmenter": {"settings": ["weak-d1@on", "true-masks@high", "weak-d3@high", "true-masks@random"]},
        "masks": {"variants": ["d1@on", "d1@low-saliency", "d1@bare", "d1@untrained", "salient-d1@untrained"]},
        "scores": {"table3": ["mdc/weak-d1@on"]},
        "variants": {
            "on": {"segmenter": {"online_term": True}},
            "high": {"masks": {"threshold": 0.6}},
            "random": {"segmenter": {"init": "random"}},
            "low-saliency": {"masks": {"background_below": 0.3}},  # read without saliency only
            "bare": {"masks": {"background_below": 0.3}, "saliency": {"source": "none"}},
            "untrained": {"cams": {"network": "untrained"}},
        },
    })  # fmt: skip
    assert [line.split(" is the same as ")[0] for line in found] == [
        "segmenter.settings: weak-d1@on",
        "segmenter.settings: true-masks@high",
        "masks.variants: d1@on",
        "masks.variants: d1@low-saliency",
        "scores.table3: weak-d1@on",
    ]


# -- VOC and SBD -------------------------------------------------------------------------------------------------------


def test_folders_of_voc_and_sbd_are_found_from_their_parents_too(tmp_path):
    write_folder(tmp_path / "voc", voc_files() | voc_test_files())
    write_folder(tmp_path / "sbd", sbd_files())
    for voc_root in ("voc", "voc/VOCdevkit", "voc/VOCdevkit/VOC2012"):
        for sbd_root in ("sbd", "sbd/benchmark_RELEASE", "sbd/benchmark_RELEASE/dataset"):
            data = {"voc_root": voc_root, "sbd_root": sbd_root, "expected_images": EXPECTED_IMAGES}
            config(data=data, predictions={"splits": ["val", "test"]})


def test_another_year_of_voc_is_found_out_by_its_lists(tmp_path):
    root = write_folder(tmp_path, voc_files()) / "VOCdevkit/VOC2012"
    start = f"data.voc_root: {root} lists 3 and 2 images in train and val, not 1464 and 1449 as VOC 2012"
    refused([{"data": {"voc_root": str(root)}}], start)


def test_a_list_without_the_test_photos_is_no_test_split(tmp_path):
    lists = {name: content for name, content in voc_test_files().items() if name.endswith("test.txt")}
    write_folder(tmp_path, voc_files() | lists)
    data = {"voc_root": ".", "expected_images": EXPECTED_IMAGES}
    refused([{"data": data, "predictions": {"splits": ["test"]}}], "predictions.splits: there are no test images")


@pytest.mark.parametrize("looking", ["may_have_tags", "watched_files"])
def test_a_folder_that_may_not_be_read_is_named_with_its_key(tmp_path, monkeypatch, looking):
    def not_permitted(*_, **__):
        raise PermissionError(13, "Permission denied", "photos")

    (tmp_path / "tags.csv").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"mdc.data.locate.{looking}", not_permitted)
    refused(
        [{"data": {"source": "folder", "root": "."}}],
        "data.root: photos may not be read: ask its owner for access, or name another one",
    )


def test_a_file_that_may_not_be_read_is_named_with_its_key(tmp_path, monkeypatch):
    (tmp_path / "w.pt").touch()
    monkeypatch.setattr("os.access", lambda path, *_, **__: not str(path).endswith("w.pt"))
    refused(
        [{"classifier": {"init": "file", "weights": str(tmp_path / "w.pt")}}],
        f"classifier.weights: {tmp_path}/w.pt may not be read: ask its owner for access, or name another one",
    )
