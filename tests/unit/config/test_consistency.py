"""Keys that contradict each other and files that are not there: found before anything runs, a sentence each."""

import pytest

from tests.voc_archives import EXPECTED_IMAGES, sbd_files, voc_files, voc_test_files, write_folder

from .configs import config, nested, problems

RANDOM = {"classifier": {"init": "random"}, "segmenter": {"init": "random"}}
EXTERNAL = {"masks": {"external_masks": "."}, "segmenter": {"settings": ["weak-external"]}}
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
    ("key", "value", "start"),
    [
        ("run", "study", "results/study is the folder of the study's tables: give the run another name"),
        ("classifier.networks", {"mdc": {"encoder": {"output_stride": 4}}}, "mdc has no dilations: write [1, 3, 6, 9]"),
        # of what is trained
        ("classifier.augmentation.resize_long_side_px", [320], "[320] must be empty or [lowest, highest]"),
        ("segmenter.augmentation.resize_long_side_px", [64, 32], "[64, 32] must be empty or [lowest, highest]"),
        ("classifier.training.micro_batches", 4, "30 images cannot be divided into 4 equal parts"),
        ("segmenter.training.micro_batches", 7, "30 images cannot be divided into 7 equal parts"),
        # of segmenters and masks
        ("segmenter.settings", ["weak-d12", "true-masks"], f"weak-d12 needs maps that no classifier has; {THERE_ARE}"),
        ("segmenter.settings", ["semi500-d2"], f"semi500-d2 needs maps that no classifier has; {THERE_ARE}"),
        ("segmenter.settings", ["weak-external"], f"weak-external needs maps that no classifier has; {THERE_ARE}"),
        ("segmenter.settings", ["weak-d1@best"], "weak-d1@best: unknown variant best; variants has none"),
        ("scores.table3", ["mdc/weak-d1@best"], "weak-d1@best: unknown variant best; variants has none"),
        ("segmenter.settings", ["semi2913-d1"], "semi2913-d1 learns from the true masks of val (segmenter.strong.with"),
        # of data, saliency and pictures
        ("saliency.model_hash", "md5:01234567", "is for a URL in saliency.model: leave it empty"),
        ("saliency.scaling", {"stretch": True}, "isnet-general-use has its own: leave this out, or name a file in"),
        ("saliency.folder", ".", "is not read with saliency.source rbd: set that to folder, or leave this empty"),
        ("data.classes", ["cat"], "source voc has VOC's 20 classes: leave the list empty, or set data.source to voc_"),
        ("figures.figure5", ["2007000032"], '2007000032 is not an id of VOC; write ids in quotes: "2007_000032"'),
        # files and folders
        ("data.voc_root", "nowhere", "there is no folder nowhere: name VOCdevkit/VOC2012 of VOCtrainval_11-May-2012."),
        ("data.voc_root", "file", "file is a file, not a folder: name VOCdevkit/VOC2012"),
        (
            "data.voc_root",
            ".",
            ". is not a folder of VOC 2012: it lacks JPEGImages, Annotations, SegmentationClass, "
            "ImageSets/Segmentation/train.txt, ImageSets/Segmentation/val.txt: name VOCdevkit/VOC2012",
        ),
        ("data.sbd_root", "nowhere", "there is no folder nowhere: name benchmark_RELEASE/dataset of benchmark.tgz"),
        (
            "data.sbd_root",
            ".",
            ". is not a folder of SBD: it lacks cls, train.txt, val.txt: name benchmark_RELEASE/dat",
        ),
        ("data.voc_test_archive", "a.tar", "there is no file a.tar; name VOC2012test.tar, from the site of the chall"),
        ("predictions.splits", ["test"], "there are no test images; name VOC2012test.tar (behind the login of the"),
        ("predict.photos", "nowhere", "there is no folder nowhere; name the folder of the photos to predict"),
        ("downloads.folder", "file", "file is a file or a broken link: remove it or name another folder"),
        ("downloads.folder", "file/below", "file is a file or a broken link: remove it or name another folder"),
        (
            "study.runs",
            {"photos": ["gone"]},
            "there is no results/gone/scores/summary.csv: finish the run gone first, or start `make study`",
        ),
    ],
)
def test_one_key_that_cannot_be(key, value, start):
    refused([nested(key, value)], f"{key}: {start}")


def test_a_class_cannot_be_called_as_the_mean_of_all():
    data = {"source": "voc_layout", "root": ".", "classes": ["seed", "mIoU"]}
    refused([{"data": data}], "data.classes: rename the class 'mIoU': tables of scores call the mean over the classes")


@pytest.mark.parametrize(
    ("overlay", "starts"),
    [
        (
            {"segmenter": {"loss_resolution": "image", "augmentation": {"crop_px": 320}}},
            ["segmenter.augmentation.crop_px: loss_resolution image needs a multiple of 8 plus 1, not 320"],
        ),
        # batch normalisation, wherever it is
        (
            {
                **RANDOM,
                "encoder": {"norm": "batch"},
                "classifier": {"init": "random", "training": {"micro_batches": 30}},
            },
            ["classifier.training.micro_batches: batch normalisation needs at least 2 images at a time"],
        ),
        (
            {"classifier": {"block_norm": "batch", "training": {"micro_batches": 30}}},
            ["classifier.training.micro_batches: batch normalisation needs at least 2 images at a time"],
        ),
        (
            {"segmenter": {"init": "random", "fc_norm": "batch", "training": {"micro_batches": 30}}},
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
            {"segmenter": {"encoder": {"norm": "group"}}},
            ["segmenter.init: pretrained weights fit VGG16 only: "],
        ),
        (
            {"encoder": {"weights": "IMAGENET1K_FEATURES"}},
            ["encoder.weights: IMAGENET1K_FEATURES has no fc6 and fc7, which segmenter.init pretrained needs: take"],
        ),
        (
            {"encoder": {"weights": "w.pth"}, "segmenter": {"init": "classifier"}},
            ["encoder.weights: there is no file w.pth; name your file with the weights of vgg, or one of IMAGENET"],
        ),
        (
            {"encoder": {"weights": "."}, "classifier": {"init": "random"}},
            ["encoder.weights: . is a folder; name your file with the weights of vgg, or one of IMAGENET1K"],
        ),
        (
            {"segmenter": {"init": "file", "weights": "w.pt"}},
            ["segmenter.weights: there is no file w.pt; name the wei"],
        ),
        # another method's maps or masks
        (
            {"masks": {"external_masks": "nowhere"}, "segmenter": {"settings": ["weak-external"]}},
            ["masks.external_masks: there is no folder nowhere"],
        ),
        (
            {**EXTERNAL, "segmenter": {"settings": ["weak-d1", "weak-external"]}},
            ["segmenter.settings: weak-d1 needs maps that no classifier has; there are external"],
        ),
        (
            {"cams": {"external_maps": "maps/{split}.h5"}},
            ["cams.external_maps: there is no file maps/train.h5", "cams.external_maps: there is no file maps/val.h5"],
        ),
        (
            {"cams": {"external_maps": "file"}, "variants": {"raw": {"cams": {"network": "untrained"}}}},
            [
                "cams.network: untrained needs a classifier, which external_maps and external_masks replace: remove "
                "the key"
            ],
        ),
        (
            {**EXTERNAL, "cams": {"flip": True}, "variants": {"two": {"cams": {"scales": [1, 2]}}}},
            [
                "cams.scales: [1.0, 2.0] needs a classifier, which external_maps and external_masks replace: remove "
                "the key",
                "cams.flip: True needs a classifier, which external_maps and external_masks replace: remove the key",
            ],
        ),
        (
            {
                **EXTERNAL,
                "masks": {"external_masks": ".", "variants": ["external@x"]},
                "variants": {"x": {"masks": {"threshold": 0.1}}},
            },
            ["masks.variants: external@x: masks.external_masks are used as they are, so this variant changes nothing"],
        ),
        (
            EXTERNAL | {"figures": {"figure5": ["a"]}},
            ["figures.figure5: there are no localization maps to show with masks.external_masks: leave the list empty"],
        ),
        (
            {"figures": {"figure6": ["a"]}, "predictions": {"splits": []}},
            ["figures.figure6: nothing is predicted: leave it empty, or fill segmenter.settings and pred"],
        ),
        # data
        (
            {"data": {"source": "folder", "root": ""}},
            ["data.root: there is no folder (empty); name the folder of you"],
        ),
        ({"data": {"source": "folder", "root": "."}}, ["data.tags_csv: there is no file tags.csv; write a table with"]),
        (
            {"data": {"train_list": "trainvalaug"}},
            ["predictions.splits: with data.train_list trainvalaug val is trained on and has no scores: set it to []"],
        ),
        # several at once
        (
            {"saliency": {"source": "onnx", "model": "https://a.org/b.onnx"}},
            ["saliency.model_hash: is empty; a network at a URL needs the hash of its file, as sha256sum prints it"],
        ),
        (
            {"saliency": {"source": "onnx", "model": "u2ent"}},
            ["saliency.model: there is no file u2ent; name u2net, u2netp, isnet-general-use, birefnet-general-lite"],
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
def test_keys_that_contradict_each_other_or_name_no_file(overlay, starts):
    refused([overlay], *starts)


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"classifier": {"augmentation": {"crop_px": 320}}, "segmenter": {"loss_resolution": "image"}},  # has no masks
        {"segmenter": {"augmentation": {"crop_px": 320}}},  # the loss is at network resolution
        {"classifier": {"augmentation": {"resize_long_side_px": []}}},
        {"classifier": {"networks": {"same": [1, 1, 1, 1]}}, "segmenter": {"settings": ["weak-d1_2", "weak-d9"]}},
        {"data": {"source": "synthetic", "root": "nowhere", "classes": ["cat"]}},
        {"segmenter": {"settings": ["semi500-fusion", "semi7-d1"]}},
        {
            "data": {"source": "synthetic"},
            "segmenter": {"settings": ["semi2913-d9"]},
            "predictions": {"splits": ["test"]},
        },
        {"saliency": {"source": "none"}},
        {"data": {"train_list": "trainvalaug"}, "predictions": {"splits": []}},
        {"data": {"sbd_root": "nowhere", "train_list": "train"}},  # SBD is not needed
        {"encoder": {"weights": "IMAGENET1K_FEATURES"}, "segmenter": {"init": "classifier"}},
        {"encoder": {"weights": "file"}},
        {"encoder": {"weights": "nowhere", "norm": "batch"}, **RANDOM},
        {"masks": {"threshold": "best"}},
        EXTERNAL | {"classifier": {"init": "file", "weights": "nowhere"}},  # no classifier is needed
        EXTERNAL
        | {
            "segmenter": {"settings": ["weak-external", "weak-external@off"]},
            "variants": {"off": {"segmenter": {"online_term": False}}},
        },
        {"saliency": {"folder": "."}, "variants": {"other": {"saliency": {"source": "folder"}}}},
        {"segmenter": {"online_warmup_epochs": 15, "online_term": False}},
        {"segmenter": {"online_warmup_epochs": 15, "settings": ["true-masks"]}},
        {"figures": {"figure5": ["2007_000032"], "figure6": ["2007_000033"]}},
    ],
)
def test_what_is_possible_passes(overlay):
    config(**overlay)


# -- variants ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlay", "line"),
    [
        (
            {"masks": {"variants": ["d12@low"]}, "variants": {"low": {"masks": {"threshold": 0.1}}}},
            f"masks.variants: d12@low needs maps that no classifier has; {THERE_ARE}",
        ),
        (
            {"variants": {"other": {"saliency": {"source": "folder"}}}},
            "variants.other: saliency.source folder needs the key saliency.folder, which is empty",
        ),
        ({"variants": {"same": {}}}, "variants.same: changes nothing: name the keys that differ"),
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
                "segmenter": {"settings": ["weak-densecrf-d1@high"]},
                "variants": {"high": {"masks": {"threshold": 0.6}}},
            },
            "segmenter.settings: weak-densecrf-d1@high is the same as weak-densecrf-d1: the variant high changes "
            "nothing for it",
        ),
        (
            {
                "segmenter": {"settings": ["weak-salient-d1@high"]},
                "masks": {"variants": ["d3@high"]},
                "variants": {"high": {"masks": {"threshold": 0.6}}},
            },
            "segmenter.settings: weak-salient-d1@high is the same as weak-salient-d1: the variant high changes nothing "
            "for it",
        ),
    ],
)
def test_variants_that_cannot_be(overlay, line):
    assert problems(overlay)[0] == line


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
