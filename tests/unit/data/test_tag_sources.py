"""Tags are read wherever people have them, and files are found whatever their names' case and normal form."""

import json
import shutil

import pytest

from mdc.data.coco import read_coco
from mdc.data.tagged_folder import link_folder
from mdc.data.tags_table import read_tags_table
from mdc.data.voc_layout import link_voc_layout
from mdc.runtime.errors import InputError
from tests.unit.data.photo_folders import CATS_AND_DOGS, lines_of, lists, mask, photo, settings, table, voc_image

ROWS = [("a.jpg", {"cat", "dog"}), ("b.jpg", set()), ("c.jpg", {"cat"})]


def xml_beside(path, *tags: str) -> None:
    path.write_text(f"<annotation>{''.join(f'<object><name>{tag}</name></object>' for tag in tags)}</annotation>")


@pytest.mark.parametrize(
    "text",
    [
        'image;tags\na.jpg;"cat;dog"\nb.jpg;\nc.jpg;cat\n',
        "Image,Tags,,\na.jpg,cat;dog,,\nb.jpg,,,\nc.jpg,cat,,\n",
        ",file name,label\n0,a.jpg,cat;dog\n1,b.jpg,\n2,c.jpg,cat\n",
        "filename, cat, dog\na.jpg, 1, 1\nb.jpg, 0, 0\nc.jpg, 1, 0\n",
        "filename,dog,difficult,cat\na.jpg,1.0,1,1.0\nb.jpg,0.0,0,-1\nc.jpg,false,1,true\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_tables_of_tags(tmp_path, text, encoding):
    path = tmp_path / "tags.csv"
    path.write_bytes(text.encode(encoding))
    rows, problems = read_tags_table(path, classes=CATS_AND_DOGS)
    assert not problems and [(row.image, set(row.tags)) for row in rows] == ROWS


def test_tables_with_a_row_per_image_and_tag(tmp_path):
    text = "image\tclass\twidth\na.jpg\tdog\t5\na.jpg\tcat\t5\nc.jpg\tcat\t7\nc.jpg\tcat\t7\n"
    rows, _ = read_tags_table(table(tmp_path / "tags.csv", text), classes=None)
    assert [(row.image, set(row.tags)) for row in rows] == [("a.jpg", {"cat", "dog"}), ("c.jpg", {"cat"})]


def test_a_coco_file(tmp_path):
    coco = {
        "images": [{"id": number, "file_name": name} for number, (name, _) in enumerate(ROWS)],
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}],
        "annotations": [{"image_id": i, "category_id": k} for i, k in ((0, 3), (2, 7), (0, 7), (0, 7))],
    }
    rows = read_coco(table(tmp_path / "coco.json", json.dumps(coco)))
    assert [(row.image, set(row.tags)) for row in rows] == ROWS
    for damaged in (coco | {"categories": coco["categories"][:1]}, ["a"], coco | {"images": None}):
        with pytest.raises(InputError, match="coco.json: is not COCO's JSON of instances"):
            read_coco(table(tmp_path / "coco.json", json.dumps(damaged)))


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["cat/a.jpg", "dog/b.jpg", "background/c.jpg", "dog/old/d.jpg"], None),
        (
            ["train/cat/a.jpg", "Valid/dog/b.jpg", "train/background/c.jpg", "Valid/dog/old/d.jpg"],
            ["ac", "bd"],
        ),
    ],
)
def test_a_folder_per_class(tmp_path, names, splits):
    for name in names:
        photo(tmp_path / name)
    tables = link_folder(tmp_path, None, **settings(tmp_path)).tables
    tags = {
        id.split("/")[-1]: tag for rows in tables.values() for id, tag in zip(rows["id"], rows["tags"], strict=True)
    }
    assert tags == {"a": "cat", "b": "dog", "c": "", "d": "dog"}
    if splits:
        assert ["".join(sorted(id[-1] for id in tables[split]["id"])) for split in ("train", "val")] == splits


@pytest.mark.parametrize("link", [lambda root, **s: link_folder(root, None, **s), link_voc_layout])
def test_annotations_beside_the_photos(tmp_path, caplog, link):
    for name in ("train/a.JPG", "train/b.jpg", "valid/c.png"):
        photo(tmp_path / name)
    xml_beside(tmp_path / "train/a.xml", "cat", "dog")
    xml_beside(tmp_path / "valid/C.xml", "dog")
    tables = link(tmp_path, **settings(tmp_path)).tables
    assert tables["train"]["tags"].tolist() == ["cat;dog", ""] and tables["val"]["tags"].tolist() == ["dog"]
    assert any("taken for images without objects: 1 of 3, the first is 'train/b'" in line for line in caplog.messages)


def test_nothing_that_says_the_tags(tmp_path):
    photo(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="nothing says which tags its photos have: write tags.csv"):
        link_folder(tmp_path, None, **settings(tmp_path))
    for name in ("cat/b.jpg", "dog/c.jpg"):
        photo(tmp_path / name)
    with pytest.raises(InputError, match=r"into one folder per class \(not in one: 1, the first is a\.jpg\)"):
        link_folder(tmp_path, None, **settings(tmp_path))


def test_names_in_another_case_or_normal_form_and_near_misses(tmp_path):
    for name in ("IMG_1.JPG", "cafe\u0301.jpeg", "x.png"):
        photo(tmp_path / name)
    (tmp_path / "m").mkdir()
    mask(tmp_path / "m/IMG_1.PNG", 1)
    tags_csv = table(
        tmp_path / "tags.csv", "image,tags,mask,split\nimg_1.jpg,cat,M/img_1.png,train\ncafé.jpeg,dog,,val\n"
    )
    tables = link_folder(tmp_path, tags_csv, **settings(tmp_path)).tables
    assert tables["train"]["id"].tolist() == ["IMG_1"] and tables["val"]["id"].tolist() == ["cafe\u0301"]
    assert tables["train"]["mask"].tolist() == [str(tmp_path / "m/IMG_1.PNG")]
    with pytest.raises(InputError, match=r"the image 'x\.jpg' is missing in .*: did you mean 'x\.png'\?"):
        link_folder(tmp_path, table(tags_csv, "image,tags\nx.jpg,cat\n"), **settings(tmp_path))


def test_copies_stay_on_one_side_and_may_not_contradict_each_other(tmp_path):
    for number in range(12):
        photo(tmp_path / f"{number}.jpg")
        shutil.copy(tmp_path / f"{number}.jpg", tmp_path / f"{number} (1).jpg")
    lines = [f"{number}{end},{'cat' if number % 2 else 'dog'}" for number in range(12) for end in ("", " (1)")]
    tags_csv = table(tmp_path / "tags.csv", "\n".join(["image,tags", *lines]))
    tables = link_folder(tmp_path, tags_csv, **settings(tmp_path)).tables
    sides = [{id.removesuffix(" (1)") for id in tables[split]["id"]} for split in ("train", "val")]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 12
    lines[1] = "0 (1),cat"
    with pytest.raises(InputError) as error:
        link_folder(tmp_path, table(tags_csv, "\n".join(["image,tags", *lines])), **settings(tmp_path))
    assert [line.split(":")[0] for line in lines_of(error)] == [
        "images '0' and '0 (1)' are the same file, tagged 'dog' and 'cat'"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "SegmentationClass/{}.PNG",
        "SegmentationClass/{}_mask.png",
        "SegmentationClassPNG/{}.png",
        "SegmentationClass/{}.npy",
    ],
)
def test_masks_of_other_tools_are_used_or_named(tmp_path, caplog, name):
    for id in ("a", "B"):
        voc_image(tmp_path, id, "cat")
        path = tmp_path / name.format(id.lower())
        mask(path.with_suffix(".png"), 1)
        path.with_suffix(".png").rename(path)
    lists(tmp_path, train="A.jpg\n", val="b\n")
    tables = link_voc_layout(tmp_path, **settings(tmp_path)).tables
    used = [row for split in ("train", "val") for row in tables[split]["mask"] if row]
    named = [
        line for line in caplog.messages if line.startswith("masks that are not PNGs, passed over: 2, the first is ")
    ]
    assert len(used) == 2 or len(named) == 1
    assert [len(used), len(named)] == ([0, 1] if name.endswith("npy") else [2, 0])


def test_tags_of_masks_where_there_are_no_annotations(tmp_path, caplog):
    for id, index in {"a": 2, "b": 1}.items():
        photo(tmp_path / f"JPEGImages/{id}.jpg")
        mask(tmp_path / f"SegmentationClass/{id}.png", index, 255)
    lists(tmp_path, train="a\n", val="b\n")
    tables = link_voc_layout(tmp_path, **settings(tmp_path)).tables
    assert tables["train"]["tags"].tolist() == ["dog"] and tables["val"]["tags"].tolist() == ["cat"]
    assert any("masks with wrong indices would not be noticed" in line for line in caplog.messages)
