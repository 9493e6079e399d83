"""`python -m mdc setup` says of a folder what the data stage makes of it, and writes a configuration for it."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from mdc.__main__ import main
from mdc.config.load import load_config
from mdc.data.locate import SPLITS
from mdc.data.tagged_folder import link_folder
from mdc.data.voc_layout import link_voc_layout
from mdc.setup.overlay import checked_overlay, overlay_text, run_name
from tests.unit.data.photo_folders import lists, mask, photo, table, voc_image, xml
from tests.unit.overlays import merged

OWN = Path(__file__).parents[3] / "config/own.yaml"


@pytest.fixture
def setup(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command in `tmp_path` and returns what it prints, and what it ends with."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, output: str = "c.yaml") -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["mdc", "setup", *arguments, "--output", output])
        try:
            main()
        except SystemExit as end:
            return capsys.readouterr().out, str(end.code)
        return capsys.readouterr().out, ""

    return run


def table_of_tags(root: Path) -> None:
    for name in "abcde":
        photo(root / f"{name}.jpg")
    mask(root / "m/a.png", 1, 2)
    rows = ["File;Labels;Split;Mask", 'a;"dog;cat";train;m/a.png', "b;dog;train;", "c;;train;", "d.jpg;cat;val;"]
    table(root / "tags.csv", "\n".join(rows))


def class_folders(root: Path) -> None:
    for name in ("train/dog/1", "train/dog/2", "train/cat/3", "valid/dog/4", "valid/background/5", "test/6"):
        photo(root / f"{name}.jpg")


def annotations_beside(root: Path) -> None:
    for number, tags in enumerate([("cat",), ("dog",), ("cat", "dog"), ()]):
        photo(root / f"{'train' if number < 3 else 'val'}/{number}.png")
        if tags:
            xml(root, f"{number}", *tags)
            os.rename(root / f"Annotations/{number}.xml", root / f"train/{number}.xml")
    (root / "Annotations").rmdir()


def voc_layout(root: Path) -> None:
    for id, tags in {"1": ["dog"], "2": ["cat"], "3": ["cat", "dog"], "4": []}.items():
        voc_image(root, id, *tags)
    mask(root / "SegmentationClass/3.png", 1, 2)
    (root / "classes.txt").write_text("dog\ncat\n")
    lists(root, train="1\n2\n", val="3\n")


# Where the tags are from, the classes, and the photos of train, val and test: of each class, without tags, with a true
# mask, and in all.
LAYOUTS = {
    table_of_tags: ("the table", ["cat", "dog"], [[1, 2, 1, 1, 3], [1, 0, 0, 0, 1]]),
    class_folders: ("one per class", ["cat", "dog"], [[1, 2, 0, 0, 3], [0, 1, 1, 0, 2], [0, 0, 1, 0, 1]]),
    annotations_beside: ("the XML", ["cat", "dog"], [[2, 2, 0, 0, 3], [0, 0, 1, 0, 1]]),
    voc_layout: ("VOC's layout", ["dog", "cat"], [[1, 1, 0, 0, 2], [1, 1, 0, 1, 1]]),
}


@pytest.mark.parametrize("make", LAYOUTS)
def test_what_it_says_is_what_the_data_stage_makes(setup, tmp_path, make):
    make(tmp_path / "photos")
    before = sorted((tmp_path / "photos").rglob("*"))
    tags_from, classes, numbers = LAYOUTS[make]
    counted = dict(zip(SPLITS, numbers, strict=False))
    said, error = setup("photos")
    assert error == "" and tags_from in said and sorted((tmp_path / "photos").rglob("*")) == before
    printed = [line.split()[-len(counted) :] for line in said.splitlines() if line.startswith("  ")]
    rows = [[str(number) for number in row] for row in zip(*numbers, strict=True)]
    assert printed[: len(rows) + 1] == [list(counted), *rows]

    config = load_config(merged(yaml.safe_load(OWN.read_text()), yaml.safe_load(Path("c.yaml").read_text())))
    data = config.data
    settings = {"classes": data.classes, "val_share": data.val_share, "seed": data.split_seed, "processes": 1}
    settings |= {"max_side_px": data.max_side_px, "plain_folder": tmp_path / "plain"}
    if data.source == "folder":
        linked = link_folder(Path(data.root), None, **settings)
    else:
        linked = link_voc_layout(Path(data.root), **settings)
    assert list(linked.classes) == classes
    for split, numbers in counted.items():
        tables = linked.tables[split]
        of_class = Counter(tag for tags in tables["tags"] for tag in tags.split(";"))
        assert [*(of_class[name] for name in classes), of_class[""]] == numbers[: len(classes) + 1]
        assert [(tables["mask"] != "").sum(), len(tables)] == numbers[-2:]


def test_what_is_left_out_or_doubtful_is_counted_and_named(setup, tmp_path):
    for name in ("a", "b", "c", "d", "spare"):
        photo(tmp_path / f"photos/{name}.jpg")
    table(tmp_path / "photos/tags.csv", "image,tags,split\na,cat,train\nb,Cat,train\nc,,val\nd,,train\n")
    table(tmp_path / "photos/labels.csv", "")
    xml(tmp_path / "photos", "a", "dog")
    (tmp_path / "photos/notes.docx").touch()
    said, error = setup("photos")
    root = tmp_path / "photos"
    assert error == "" and said.split("Please check:\n")[1].split("\n\n")[0].splitlines() == [
        f"- tables that are not read: labels.csv; --tags {root}/labels.csv takes the tags from it",
        "- XML files that are not read, because there is a table: a.xml",
        "- 'Cat' and 'cat' look like one class written in two ways: correct the tags if so",
        "- photos without tags, taken for photos that show none of the classes: 2 (d, c)",
        f"- images left out because {root}/tags.csv does not list them: 1 in {root}, the first is spare.jpg",
        f"- not photos that are read, passed over in {root}: 1 .docx; the first is {root}/notes.docx",
        "- classes without a validation image, so that they get no score: Cat, cat",
    ]


def test_a_folder_that_the_data_stage_refuses_gets_all_its_sentences_and_no_configuration(setup, tmp_path):
    root = tmp_path / "photos"
    for name in "abc":
        photo(root / f"{name}.jpg")
    mask(root / "m.png", 1, size=(3, 3))
    (root / "d.jpg").write_bytes(b"no photo")
    table(root / "tags.csv", "image,tags,mask\na,cat,m.png\nb,dog,\nc,cat,\nd,cat,\ne,cat,\n")
    said, error = setup("photos")
    assert f"the table {root}/tags.csv" in said
    headline, *problems, last = error.splitlines()
    assert headline == "the data cannot be used as it is, 3 problems:" and last.startswith("No configuration was")
    for problem, beginning in zip(problems, ("tags.csv, line 6: ", "m.png: is 3 x 3", "d.jpg: is not"), strict=True):
        assert problem.startswith(f"  {root}/{beginning}")
    assert not Path("c.yaml").exists()


def ambiguous(root: Path) -> None:
    voc_image(root, "a", "cat")
    table(root / "tags.csv", "image,tags\n")


@pytest.mark.parametrize(
    "make, arguments, sentence",
    [
        (lambda root: None, [], "there is no such folder"),
        (Path.mkdir, [], "has no photos, nor has a folder below it"),
        (lambda root: photo(root / "a.jpg"), [], "nothing says which tags its photos have: write tags.csv"),
        (lambda root: table_of_tags(root / "inner"), [], "inner looks like a folder of photos with tags: give that"),
        (ambiguous, [], "has both tags.csv and JPEGImages: say which one to use, --source folder"),
        (lambda root: table(root / "tags.csv", "foto,art\n") and photo(root / "a.jpg"), [], "it is 'foto,art'"),
        (table_of_tags, ["--classes", "cat"], "the tag 'dog' is not a class"),
        (table_of_tags, ["--run", "a b"], "run: 'a b' is not allowed here"),
    ],
)
def test_what_cannot_be_decided_is_asked(setup, tmp_path, make, arguments, sentence):
    make(tmp_path / "photos")
    _, error = setup("photos", *arguments)
    assert sentence in error and not Path("c.yaml").exists()


def test_a_configuration_is_replaced_only_if_it_is_asked_for_and_our_own(setup, tmp_path):
    table_of_tags(tmp_path / "photos")
    assert setup("photos")[1] == ""
    assert "c.yaml: is there already: --overwrite looks at the folder again" in setup("photos")[1]
    assert setup("photos", "--overwrite", "--classes", "dog", "cat", "--run", "b")[1] == ""
    assert yaml.safe_load(Path("c.yaml").read_text())["data"]["classes"] == ["dog", "cat"]
    Path("own.yaml").write_text("run: own\n")
    assert "this command has not written it" in setup("photos", "--overwrite", output="own.yaml")[1]
    assert Path("own.yaml").read_text() == "run: own\n"


@pytest.mark.parametrize("name, run", [("Mes fêtes 2", "Mes-fetes-2"), (".cats_v1.0", "cats_v1.0"), ("照片", "photos")])
def test_a_runs_name_is_made_of_the_folders(tmp_path, name, run):
    assert run_name(tmp_path / name) == run


def test_names_that_yaml_would_read_otherwise_stay_names(tmp_path):
    photo(tmp_path / "a #1/a.jpg")
    photo(tmp_path / "a #1/no/b.jpg")
    classes, root = ["no", "1.0", "a: b", "#x", "Ärger", "null"], str(tmp_path / "a #1")
    keys = {"run": "1", "source": "folder", "tags_csv": "", "val_share": 0.2, "command": "snakemake"}
    config = checked_overlay(overlay_text(root=root, classes=classes, **keys))
    assert (config.run, config.data.root, config.data.classes) == ("1", root, classes)


def test_it_starts_without_the_explorer_and_pytorch():
    code = (
        "import sys; from mdc.__main__ import main; sys.argv = ['mdc', 'setup', '-h']\n"
        "try: main()\nfinally: print({'torch', 'mdc.explore'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
