"""Reading the configuration: a sentence with the full name of every key that is wrong, before anything runs."""

import math

import pytest

from mdc.config.config import Config
from mdc.config.encoders import keys_class
from mdc.config.load import check_files
from mdc.config.renamed import KEYS, VALUES
from mdc.runtime.errors import InputError

from .configs import PAPER, ROOT, config, leaves, nested, over_the_paper, problems


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        # bounds
        ("seeds", [0, -1], ".1: -1 is too small, the least is 0"),
        ("shards", 10**400, f": 1{400 * '0'} is too large, the most is 999"),
        ("classifier.block_width", 12, ": 12 is not a multiple of 8"),
        ("masks.threshold", 2.5, ": 2.5 is not between 0 and 2"),
        # types
        ("shards", 2.5, ": 2.5 is not a whole number"),
        ("classifier.training.lr", math.nan, ": nan is not a finite number"),
        ("masks.threshold", 10**400, f": '1{400 * '0'}' is neither a number nor best"),
        ("run", ["a"], ": ['a'] is not text"),
        ("masks", 3, ": 3 is not a section; write {key: value}"),
        # choices and patterns; with what the key is for
        (
            "device",
            "gpu",
            ": 'gpu' is not a valid value; choose from 'auto', 'cpu' or 'cuda' (auto: a CUDA device if there",
        ),
        ("encoder.output_stride", 32, ": '32' is not a valid value; choose from 4, 8 or 16 (Pixels between"),
        ("encoder.name", "alexnet", ": unknown encoder alexnet; choose from resnet, timm, vgg"),
        ("run", "a b", ": 'a b' is not allowed here (Name of the run; everything"),
        ("segmenter.settings", ["weak-d1", "weak-D1"], ".1: 'weak-D1' is not allowed here (Segmenters to train: weak"),
        ("downloads.voc.hash", "6cd6e144f989b92b", ": '6cd6e144f989b92b' is not allowed here (Expected hash"),
        (
            "variants.x.segmenter.init",
            "pretrained",
            ": 'pretrained' is not a valid value; choose from 'classifier' or 'r",
        ),
        # lists
        ("seeds", [], ": needs at least 1 entries"),
        ("seeds", [1, 2, 1], ": 1 is listed twice: remove one"),
        ("classifier.networks.mdc", [1, 0], ".dilations.1: 0 is too small, the least is 1"),
        (
            "segmenter.training.freeze",
            0,
            ": '0' is not a valid value; choose none, encoder or a number of stages, 1 or more",
        ),
        # text that no person writes
        ("run", "demo\n", ": 'demo\\n' contains a control character: remove it"),
        ("run", "K\udcc3", ": 'K\\udcc3' contains letters that are not in the locale: set LC_ALL=C.UTF-8, or"),
        ("downloads.voc.hash", None, ": has no value"),
    ],
)
def test_a_wrong_value_gives_one_sentence_with_the_keys_full_name(key, value, said):
    (found,) = problems(nested(key, value))
    assert found.startswith(f"{key}{said}")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("shard", "did you mean shards?"),
        ("data.synthetic.sides_px", "did you mean side_px?"),
        ("classifier.training.learning_rates", "known are batch_size, micro_batches, epochs, optimizer, freeze, "),
        ("encoder.width", "did you mean widths?"),
        ("classifier.networks.mdc.dilation", "did you mean dilations?"),
        ("classifier.ablations.stride16.encoder.nrom", "did you mean norm?"),
        ("variants.x.masks.treshold", "did you mean threshold?"),
        ("variants.x.masks.sweep_thresholds", "did you mean threshold?"),  # only keys that a variant can change
        ("variants.x.classifier", "known are saliency, cams, masks, segmenter"),
    ],
)
def test_an_unknown_key_is_answered_with_what_may_be_meant(key, said):
    values = {"classifier": {"networks": {"mdc": {"dilations": [1]}}}} if "networks.mdc" in key else {}
    (found,) = problems(values, nested(key, 1))
    assert found.startswith(f"{key}: unknown key; {said}")


def test_a_key_of_another_encoder_is_said_to_come_from_another_file():
    for key in ("encoder.model", "encoder.depth"):  # of timm, and of resnet, whose name is near `depths`
        (found,) = problems(nested(key, 50))
        assert found.endswith(" (if a --configfile has it for another encoder, remove it there)")


def test_all_wrong_keys_are_listed_at_once():
    found = problems({"masks": {"threshold": -1, "colour": 1}, "crf": {"iterations": 0}, "seeds": [-1]})
    assert [line.split(":")[0] for line in found] == ["seeds.0", "masks.threshold", "masks.colour", "crf.iterations"]


# -- keys that have another name now -----------------------------------------------------------------------------------


def new_keys() -> set[str]:
    encoder = {f"encoder.{name}" for name in keys_class("vgg").model_fields}
    sections = {name.rpartition(".")[0] for name in leaves(PAPER)}
    return {*leaves(PAPER, "downloads.weights", "classifier.networks"), *encoder, *sections}


@pytest.mark.parametrize(("old", "new"), KEYS.items())
def test_a_renamed_key_is_answered_with_its_present_name(old, new):
    assert problems(nested(old, "x")) == [f"{old}: is now called {new}"]
    assert new.split(":")[0] in new_keys()


@pytest.mark.parametrize(("key", "old", "new"), [(*place, new) for place, new in VALUES.items()])
def test_a_renamed_value_is_answered_with_its_present_name(key, old, new):
    assert problems(nested(key, old)) == [f"{key}: {old} is now called {new}"]
    found = problems(nested(key, "x"))[0]  # among the choices is the new one
    assert new in found.split("choose from")[1]


# -- how values are read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "given", "read"),
    [
        ("shards", "2", 2),
        ("seeds", ["1", 2.0], [1, 2]),
        ("classifier.training.lr", "1e-3", 0.001),  # which YAML reads as text
        ("masks.threshold", "0.25", 0.25),
        ("masks.threshold", "best", "best"),
        ("predict.crf", "False", False),
        ("run", 2012, "2012"),
        ("crf.iterations", None, 10),  # a key without a value has its default
        ("downloads.folder", "~/data", "/home/me/data"),
        ("data.sbd_root", "a~b", "a~b"),
        ("encoder.weights", "IMAGENET1K_V1", "IMAGENET1K_V1"),
    ],
)
def test_a_value_is_read_as_the_type_of_its_key(monkeypatch, key, given, read):
    monkeypatch.setenv("HOME", "/home/me")
    found = Config.model_validate(over_the_paper(nested(key, given)))
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == read and type(found) is type(read)


@pytest.mark.parametrize(
    ("name", "key", "number"),
    [
        ("vgg", "output_stride", 4),
        ("resnet", "depth", 101),
        ("resnet", "output_stride", 16),
        ("timm", "output_stride", 8),
    ],
)
def test_a_choice_among_numbers_may_come_as_text(name, key, number):
    keys = keys_class(name).model_validate({"name": name, key: str(number)})
    assert keys == keys_class(name).model_validate({"name": name, key: number}) and getattr(keys, key) == number


def test_a_list_stands_for_a_network_of_these_dilations():
    networks = {"mdc": [1, 2], "two": {"dilations": [1, 2]}, "stride16": {"encoder": {"output_stride": 16}}}
    found = config(classifier={"networks": networks}, segmenter={"settings": ["weak-d2"]}).classifier.networks
    assert found["mdc"] == found["two"]
    assert (found["stride16"].dilations, found["stride16"].encoder) == (None, {"output_stride": 16})


def test_null_takes_back_a_key_of_the_encoder():
    slim = {"widths": [8] * 5, "norm": "batch", "weights": None}
    networks = {"mdc": [1], "wide": {"encoder": {"widths": None, "output_stride": 16}}}
    found = config(
        encoder=slim,
        classifier={"networks": networks, "init": "random"},
        segmenter={"init": "random", "encoder": {"norm": None}, "settings": ["weak-d1"]},
    )
    wide, segmenter = found.encoder_keys("classifier", "wide"), found.encoder_keys("segmenter", "mdc")
    assert (wide.widths, wide.norm, wide.output_stride) == ([64, 128, 256, 512, 512], "batch", 16)
    assert (segmenter.widths, segmenter.norm) == ([8] * 5, "none")


# -- files of configuration --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("run: a\nmasks: {}\nrun: b\n", "the key run is in line 1 and in line 3: remove one"),
        ("masks:\n  threshold: 1\n  threshold: 2\n", "the key threshold is in line 2 and in line 3: remove one"),
        ("a: [{b: 1,\n b: 2}]\n", "the key b is in line 1 and in line 2: remove one"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path, text, line):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        check_files([ROOT / "config/config.yaml", tmp_path / "own.yaml"])
    assert str(error.value) == f"the configuration cannot be used:\n  {tmp_path / 'own.yaml'}: {line}"


def test_the_shipped_files_aliases_and_json_hide_nothing(tmp_path):
    (tmp_path / "own.json").write_text('{\t"run": "a"}')
    (tmp_path / "alias.yaml").write_text("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: &d [*d]\n")
    check_files([*(ROOT / "config").rglob("*.yaml"), tmp_path / "own.json", tmp_path / "alias.yaml"])
