"""Manifests, and linking the two kinds of data folders: every problem is found, nothing is found without cause."""

import logging
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from mdc.checks import check_true_masks, id_problem
from mdc.devkit import link_devkit
from mdc.errors import InputError
from mdc.folder import link_folder
from mdc.images import read_image
from mdc.manifest import COLUMNS, read_manifest, tag_indices, tag_matrix, write_manifest
from mdc.splits import split_by_hash
from mdc.voc import CLASSES, read_mask, write_mask

CATS_AND_DOGS = ("cat", "dog")


def photo(path: Path, *, size: tuple[int, int] = (6, 4), orientation: int = 1) -> None:
    """A plain photo of `size` (width, height) whose bytes depend on its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flag = Image.Exif()
    flag[274] = orientation
    noise = np.random.default_rng(list(str(path).encode())).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, exif=flag)


def xml(root: Path, id: str, *tags: str) -> None:
    path = root / "Annotations" / f"{id}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation>{''.join(f'<object><name>{t}</name></object>' for t in tags)}</annotation>")


def mask(path: Path, *indices: int, size: tuple[int, int] = (6, 4)) -> None:
    pixels = np.zeros((size[1], size[0]), dtype=np.uint8)
    pixels[0, : len(indices)] = indices
    write_mask(path, pixels)


def voc_image(root: Path, id: str, *tags: str) -> None:
    photo(root / "JPEGImages" / f"{id}.jpg")
    xml(root, id, *tags)


def lists(root: Path, kind: str = "Segmentation", **splits: str) -> None:
    folder = root / "ImageSets" / kind
    folder.mkdir(parents=True, exist_ok=True)
    for split, text in splits.items():
        (folder / f"{split}.txt").write_text(text)


def table(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def settings(tmp_path: Path, **changes) -> dict:
    common = dict(classes=CATS_AND_DOGS, plain_folder=tmp_path / "plain", max_side_px=100, val_share=0.5, seed=0)
    return common | dict(processes=1) | changes


def lines_of(error: pytest.ExceptionInfo) -> list[str]:
    headline, *lines = str(error.value).splitlines()
    assert headline == f"the data cannot be used as it is, {len(lines)} problem{'s' * (len(lines) > 1)}:"
    return [line.removeprefix("  ") for line in lines]


# --- the table


def test_manifest_comes_back_as_written(tmp_path):
    rows = [
        ("007", "a b/007.jpg", "cat;dog", "", 4, 6, "0123456789abcdef"),
        ('NA, "x"/1e5', "é.jpg", "", "m.png", 10, 20, "00000000000000e1"),
    ]
    written = pandas.DataFrame(rows, columns=list(COLUMNS))
    write_manifest(written, tmp_path / "run" / "train.csv")
    read = read_manifest(tmp_path / "run" / "train.csv")
    assert list(read.itertuples(index=False, name=None)) == rows
    assert all(type(value) is str for name in COLUMNS if name not in ("height", "width") for value in read[name])
    assert (tmp_path / "run" / "train.csv").read_text().startswith("id,image,tags,mask,height,width,digest\n")


def test_empty_manifest_comes_back(tmp_path):
    write_manifest(pandas.DataFrame([], columns=list(COLUMNS)), tmp_path / "a.csv")
    assert len(read_manifest(tmp_path / "a.csv")) == 0


@pytest.mark.parametrize("text", ["", "id,image\na,b\n", "id,image,tags,mask,height,width,digest\na,b,,,x,1,d\n"])
def test_other_files_are_no_manifests(tmp_path, text):
    with pytest.raises(InputError, match=r"a\.csv: .*run the data stage again"):
        read_manifest(table(tmp_path / "a.csv", text))


def test_tags_as_indices_and_as_a_matrix():
    assert tag_indices("dog;cat", CATS_AND_DOGS) == [1, 2]
    assert tag_indices("", CATS_AND_DOGS) == []
    assert tag_indices("tvmonitor;aeroplane", CLASSES) == [1, 20]
    with pytest.raises(InputError, match="cow"):
        tag_indices("cat;cow", CATS_AND_DOGS)
    matrix = tag_matrix(pandas.DataFrame({"tags": ["dog", "", "cat;dog"]}), CATS_AND_DOGS)
    assert matrix.dtype == np.float32 and matrix.tolist() == [[0, 1], [0, 0], [1, 1]]


# --- splitting by hash


def test_split_is_stable_under_adding_images():
    few = split_by_hash([f"image {n}" for n in range(500)], val_share=0.2, seed=3)
    many = split_by_hash([f"image {n}" for n in range(999, -1, -1)], val_share=0.2, seed=3)
    assert few == {id: many[id] for id in few}
    assert 60 < list(few.values()).count("val") < 140  # 100 expected, 9 its standard deviation
    assert few != split_by_hash(few, val_share=0.2, seed=4)


def test_both_splits_get_an_image():
    for val_share in (0.000001, 0.999999):
        assert sorted(split_by_hash(["a", "b", "c"], val_share=val_share, seed=0).values())[::2] == ["train", "val"]
    assert split_by_hash([], val_share=0.5, seed=0) == {}


# --- a folder in VOC's layout


def test_devkit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "kit" / "VOC2012"
    voc_image(root, "2007_1", "dog", "cat", "dog")
    voc_image(root, "2007_2")
    voc_image(root, "2007_3", "cat")
    photo(root / "JPEGImages" / "2007_4.jpg")  # of test: no annotation
    mask(root / "SegmentationClass" / "2007_1.png", 1, 2, 255)
    lists(root, train="2007_1\n2007_2\n", val="2007_3\n", test="2007_4\n")
    lists(root, "Main", train="nobody\n")  # Segmentation goes before
    linked = link_devkit(Path("kit"), **settings(tmp_path))
    assert linked.classes == CATS_AND_DOGS
    assert {split: rows["id"].tolist() for split, rows in linked.tables.items()} == {
        "train": ["2007_1", "2007_2"],
        "val": ["2007_3"],
        "test": ["2007_4"],
    }
    first = linked.tables["train"].iloc[0]
    assert tuple(linked.tables["train"].columns) == COLUMNS
    assert first["image"] == "kit/VOC2012/JPEGImages/2007_1.jpg"
    assert first["mask"] == "kit/VOC2012/SegmentationClass/2007_1.png"
    assert (first["height"], first["width"]) == (4, 6)
    assert len(first["digest"]) == 16
    assert linked.tables["train"]["tags"].tolist() == ["cat;dog", ""]
    assert linked.tables["train"]["mask"].tolist()[1] == ""
    assert not (tmp_path / "plain").exists()


def test_devkit_classes_come_from_the_argument_then_the_file_then_voc(tmp_path):
    voc_image(tmp_path, "a", "cat")
    voc_image(tmp_path, "b", "dog")
    assert link_devkit(tmp_path, **settings(tmp_path, classes=())).classes == CLASSES
    (tmp_path / "classes.txt").write_text("dog\ncat\n")
    assert link_devkit(tmp_path, **settings(tmp_path, classes=())).classes == ("dog", "cat")
    assert link_devkit(tmp_path, **settings(tmp_path)).classes == CATS_AND_DOGS


def test_devkit_lists_of_main_and_no_lists(tmp_path):
    for id in ("a", "sub/b c", "d", "e", "f", "g"):
        voc_image(tmp_path, id, "cat")
    (tmp_path / "JPEGImages" / "._a.jpg").write_bytes(b"what macOS leaves")
    linked = link_devkit(tmp_path, **settings(tmp_path, val_share=0.4))
    expected = split_by_hash(["a", "sub/b c", "d", "e", "f", "g"], val_share=0.4, seed=0)
    assert {id: split for split in ("train", "val") for id in linked.tables[split]["id"]} == expected
    lists(tmp_path, "Main", train="a  1\nsub/b c -1\n", val="d\n")
    linked = link_devkit(tmp_path, **settings(tmp_path))
    assert linked.tables["train"]["id"].tolist() == ["a", "sub/b c"] and "test" not in linked.tables


def test_all_problems_of_a_devkit_at_once(tmp_path):
    root = tmp_path
    for id in ("good", "tagless", "torn", "swapped", "strange", "both", "misspelt", "broken"):
        voc_image(root, id, "cat")
    voc_image(root, "val")
    (root / "JPEGImages/twin.jpg").write_bytes((root / "JPEGImages/val.jpg").read_bytes())
    xml(root, "twin")
    (root / "Annotations/tagless.xml").unlink()
    xml(root, "misspelt", "dgo", "cat|dog", "zebra")
    (root / "Annotations/broken.xml").write_text("<annotation>")
    (root / "JPEGImages/torn.jpg").write_bytes((root / "JPEGImages/torn.jpg").read_bytes()[:-40])
    photo(root / "JPEGImages/swapped.jpg", size=(6, 4), orientation=6)
    for id, indices in {"good": [1], "swapped": [1], "strange": [1, 7, 9], "both": [0]}.items():
        mask(root / f"SegmentationClass/{id}.png", *indices, size=(5, 5) if id == "both" else (6, 4))
    Image.new("RGB", (6, 4)).save(root / "SegmentationClass/twin.png")
    train = "good good gone tagless torn swapped strange both misspelt broken twin /etc/x ../y"
    lists(root, train=train.replace(" ", "\n"), val="both\nval\n", test="")
    with pytest.raises(InputError) as error:
        link_devkit(root, **settings(tmp_path))
    below = "is absolute or contains '..': list images by their path below the data folder"
    lines = lines_of(error)
    torn = [line for line in lines if line.startswith(f"{root}/JPEGImages/torn.jpg: does not decode: copy or save it")]
    assert len(torn) == 1
    assert sorted(set(lines) - set(torn)) == sorted(
        [
            f"{root}/ImageSets/Segmentation/test.txt: is empty: list image ids, one a line",
            "image 'good' is listed 2 times in train: list it once",
            f"{root}/JPEGImages/gone.jpg: is missing, but 'gone' is in train: add it or take it off the list",
            f"image id '/etc/x' in train {below}",
            f"image id '../y' in train {below}",
            f"{root}/Annotations/tagless.xml: is missing, so 'tagless' in train has no tags: "
            "add it or take the image off the list",
            f"{root}/Annotations/broken.xml: is not readable XML (no element found: line 1, column 12): "
            "export or copy it again",
            f"{root}/SegmentationClass/swapped.png: is 6 x 4 pixels, but the photo {root}/JPEGImages/swapped.jpg is "
            "4 x 6: width and height are swapped, probably because the photo has a rotation flag: "
            "masks must be drawn on the photo as a viewer shows it",
            f"{root}/SegmentationClass/both.png: is 5 x 5 pixels, but the photo {root}/JPEGImages/both.jpg is 6 x 4: "
            "draw the mask at the size of the photo",
            f"{root}/SegmentationClass/strange.png: holds 7, 9, which are not classes: "
            "use 0 for background, 1 to 2 for the classes, 255 for void",
            f"{root}/SegmentationClass/twin.png: is a colour picture, not class indices: "
            "save the mask as an 8-bit palette or grey PNG",
            f"{root}/Annotations/misspelt.xml: the tag 'dgo' is not a class: did you mean 'dog'?",
            f"{root}/Annotations/misspelt.xml: the tag 'cat|dog' is not a class: separate tags by ';': cat;dog",
            f"{root}/Annotations/misspelt.xml: the tag 'zebra' is not a class: correct it or add it to the classes",
            "image 'both' is in train and in val: remove it from one of them",
            "training image 'twin' and val image 'val' are the same file under two names: remove one",
        ]
    )
    assert not (tmp_path / "plain" / "masks").exists()


def test_devkit_of_another_layout_and_missing_list(tmp_path):
    with pytest.raises(InputError, match="has no folder JPEGImages"):
        link_devkit(tmp_path, **settings(tmp_path))
    voc_image(tmp_path, "a", "cat")
    with pytest.raises(InputError, match="at least two images, it holds 1"):
        link_devkit(tmp_path, **settings(tmp_path))
    photo(tmp_path / "JPEGImages" / "a.png")
    lists(tmp_path, train="a\n")
    with pytest.raises(InputError) as error:
        link_devkit(tmp_path, **settings(tmp_path))
    assert lines_of(error) == [
        f"{tmp_path}/JPEGImages/a.png: has the same id as a.jpg: rename or remove one",
        f"{tmp_path}/ImageSets/Segmentation/val.txt: is missing: "
        "write it, or remove all lists to divide images by val_share",
    ]


def test_many_problems_are_all_listed(tmp_path):
    voc_image(tmp_path, "a", "cat")
    lists(tmp_path, train="\n".join(f"gone {n}" for n in range(250)), val="a\n")
    with pytest.raises(InputError) as error:
        link_devkit(tmp_path, **settings(tmp_path))
    headline, *lines = str(error.value).splitlines()
    assert headline.endswith("250 problems:") and len(lines) == 250 and "gone 249" in lines[-1]


def test_digest_follows_photo_and_mask(tmp_path):
    voc_image(tmp_path, "a", "cat")
    voc_image(tmp_path, "b", "cat")
    lists(tmp_path, train="a\n", val="b\n")
    mask(tmp_path / "SegmentationClass/a.png", 1)

    def digests() -> tuple[str, str]:
        tables = link_devkit(tmp_path, **settings(tmp_path)).tables
        return tables["train"]["digest"][0], tables["val"]["digest"][0]

    before = digests()
    assert digests() == before
    mask(tmp_path / "SegmentationClass/a.png", 1, 1)
    with_other_mask = digests()
    assert with_other_mask[0] != before[0] and with_other_mask[1] == before[1]
    photo(tmp_path / "JPEGImages/b.jpg", orientation=3)
    assert digests()[0] == with_other_mask[0] and digests()[1] != before[1]


def test_masks_beyond_the_tags_are_only_a_warning(tmp_path, caplog):
    voc_image(tmp_path, "a", "cat")
    voc_image(tmp_path, "b", "cat")
    lists(tmp_path, train="a\nc\n", val="b\n")
    mask(tmp_path / "SegmentationClass/a.png", 1, 2)
    mask(tmp_path / "SegmentationClass/b.png", 1, 2, 255)
    voc_image(tmp_path, "c", "cat")
    mask(tmp_path / "SegmentationClass/c.png", 1, 255)
    with caplog.at_level(logging.INFO):
        link_devkit(tmp_path, **settings(tmp_path))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        "masks in train and val that show classes their image's tags do not name: 2, the first is that of 'a'"
    ]


def test_huge_and_rotated_photos_get_plain_copies_and_masks_of_their_size(tmp_path):
    root, plain = tmp_path / "data", tmp_path / "plain"
    large = np.zeros((3000, 4000, 3), dtype=np.uint8)
    large[:, 2000:] = (250, 0, 0)
    (root / "JPEGImages" / "far").mkdir(parents=True)
    flag = Image.Exif()
    flag[274] = 6  # shown turned clockwise: 3000 wide, 4000 high, the red half below
    Image.fromarray(large).save(root / "JPEGImages/far/a b.jpg", exif=flag)
    before = (root / "JPEGImages/far/a b.jpg").read_bytes()
    pixels = np.zeros((4000, 3000), dtype=np.uint8)
    pixels[2000:] = 2
    write_mask(root / "SegmentationClass/far/a b.png", pixels)
    xml(root, "far/a b", "dog")
    voc_image(root, "small", "cat")
    mask(root / "SegmentationClass/small.png", 1)
    lists(root, train="far/a b\n", val="small\n")
    linked = link_devkit(root, **settings(tmp_path, processes=2))
    row = linked.tables["train"].iloc[0]
    assert (row["height"], row["width"]) == (100, 75)
    assert (row["image"], row["mask"]) == (str(plain / "images/far/a b.jpg"), str(plain / "masks/far/a b.png"))
    image, small_mask = read_image(row["image"]), read_mask(row["mask"])
    assert image.shape == (100, 75, 3) and small_mask.shape == (100, 75)
    assert image[:48].max() < 5 and image[52:, :, 0].min() > 245 and image[52:, :, 1:].max() < 5
    assert (small_mask[:50] == 0).all() and (small_mask[50:] == 2).all()
    assert (root / "JPEGImages/far/a b.jpg").read_bytes() == before
    assert linked.tables["val"]["image"].tolist() == [str(root / "JPEGImages/small.jpg")]
    assert sorted(path.name for path in plain.rglob("*.*")) == ["a b.jpg", "a b.png"]


# --- a plain folder with a table of tags


def test_folder(tmp_path, caplog):
    root = tmp_path / "my photos"
    for name in ("Day 1/img 1.jpg", "Day 2/img 1.jpg", "b.v2.png", "B.v2.png", "unlisted.jpg", "t.webp"):
        photo(root / name)
    mask(root / "masks/one.png", 2)
    text = (
        "\ufeffimage,tags,split,mask\r\n"
        "Day 1/img 1.jpg, dog ; cat;,train,masks/one.png\r\n"
        '"Day 2/img 1","cat",val,\r\n'
        "\r\n"
        "b.v2,,train,\r\n"
        "B.v2.png,dog,val,\r\n"
        "t,cat,test,\r\n"
    )
    tags_csv = tmp_path / "tags.csv"
    tags_csv.write_bytes(text.encode())
    with caplog.at_level(logging.INFO):
        linked = link_folder(root, tags_csv, **settings(tmp_path))
    assert {split: rows["id"].tolist() for split, rows in linked.tables.items()} == {
        "train": ["Day 1/img 1", "b.v2"],
        "val": ["Day 2/img 1", "B.v2"],
        "test": ["t"],
    }
    assert linked.tables["train"]["tags"].tolist() == ["cat;dog", ""]
    assert linked.tables["train"]["mask"].tolist() == [str(root / "masks/one.png"), ""]
    assert linked.tables["test"]["image"].tolist() == [str(tmp_path / "plain/images/t.jpg")]
    assert f"images left out because {tags_csv} does not list them: 1 in {root}" in caplog.messages


def test_folder_without_splits_is_divided_by_hash(tmp_path):
    ids = [f"{n}" for n in range(12)]
    for id in ids:
        photo(tmp_path / f"{id}.png", size=(2, 2))
    tags_csv = table(tmp_path / "tags.csv", "image,tags\n" + "".join(f"{id},cat\n" for id in ids))
    linked = link_folder(tmp_path, tags_csv, **settings(tmp_path, val_share=0.3, seed=7))
    found = {id: split for split, rows in linked.tables.items() for id in rows["id"]}
    assert found == split_by_hash(ids, val_share=0.3, seed=7)


def test_folder_asks_for_the_classes_and_lists_the_tags(tmp_path):
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg")
    tags_csv = table(tmp_path / "tags.csv", "image,tags\na,dog;traffic light\nb,cat\n")
    with pytest.raises(InputError) as error:
        link_folder(tmp_path, tags_csv, **settings(tmp_path, classes=()))
    headline, *tags = str(error.value).splitlines()
    assert str(tmp_path / "classes.txt") in headline and tags == ["  cat", "  dog", "  traffic light"]
    (tmp_path / "classes.txt").write_text("\n".join(tags))
    assert link_folder(tmp_path, tags_csv, **settings(tmp_path, classes=())).classes == ("cat", "dog", "traffic light")


def test_all_problems_of_a_folder_at_once(tmp_path):
    for name in ("a.jpg", "two.jpg", "two.png", "v.jpg", "c.jpg"):
        photo(tmp_path / name)
    text = (
        "image,tags,split,mask\n"
        'a,"cat,dog",train,none.png\n'
        "a.jpg,cat,val,\n"
        "two,cat,train,\n"
        "gone\\x.jpg,cat,train,\n"
        "v,background,valid,\n"
        "c,cat,dog,train,\n"
        " c,cat,train,\n"
    )
    tags_csv = table(tmp_path / "tags.csv", text)
    with pytest.raises(InputError) as error:
        link_folder(tmp_path, tags_csv, **settings(tmp_path))
    assert lines_of(error) == [
        f"{tags_csv}, line 6: the split 'valid' is none of train, val and test: did you mean 'val'?",
        f"{tags_csv}, line 7: has 5 columns, the header 4: separate tags by ';' and put a path with a comma in quotes",
        f"{tags_csv}, line 2: the mask 'none.png' is missing in {tmp_path}: add it or leave the cell empty",
        f"{tags_csv}, line 3: the image 'a.jpg' has the same id 'a' as the one in {tags_csv}, line 2: "
        "list each image once, under names that differ in more than the extension",
        f"{tags_csv}, line 4: the image 'two' could be two.jpg, two.png: write its extension",
        f"{tags_csv}, line 5: the image 'gone\\x.jpg' is missing in {tmp_path}: "
        "add it or remove the line, and write / for \\ in paths",
        f"{tags_csv}, line 8: the image ' c' is empty or begins or ends with a blank: rename it",
        f"{tags_csv}: no usable image is in val: training needs images in train and in val",
        f"{tags_csv}, line 2: the tag 'cat,dog' is not a class: separate tags by ';': cat;dog",
        f"{tags_csv}, line 6: the tag 'background' is not a class: "
        "leave it out, an image without tags is all background",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na,cat\n", "the first line must name the columns image,tags .*: it is 'file,label'"),
        ("image;tags\na;cat\n", "with commas between the columns"),
        ("image,tags,image\n", "the first line must name"),
        ("", "the first line must name"),
        ("image,tags\n\n", "lists no images"),
        ('image,tags\n"a,cat\n', "is not CSV"),
    ],
)
def test_tables_that_are_none_of_tags(tmp_path, text, message):
    with pytest.raises(InputError, match=f"tags.csv: .*{message}"):
        link_folder(tmp_path, table(tmp_path / "tags.csv", text), **settings(tmp_path))


@pytest.mark.parametrize("id", ["a\nb", "x" * 201, "a.jpg/b", "", " a", "a/../b", "a\udcff"])
def test_ids_that_cannot_name_files_are_refused(id):
    assert id_problem(id) is not None
    assert id_problem("Ordner ä/photo 1.v2") is None


def test_true_masks_are_asked_of_every_training_image(tmp_path):
    columns = {"image": "x.jpg", "tags": "", "height": 1, "width": 1, "digest": "0"}
    rows = [
        {"id": "a", "mask": "a.png"} | columns,
        {"id": "b", "mask": ""} | columns,
        {"id": "c", "mask": ""} | columns,
    ]
    write_manifest(pandas.DataFrame(rows)[list(COLUMNS)], tmp_path / "train.csv")
    with pytest.raises(InputError) as error:
        check_true_masks(train_csv=tmp_path / "train.csv", checked_txt=tmp_path / "checked.txt")
    headline, *lines = str(error.value).splitlines()
    assert "2 of 3 training images have no mask" in headline and lines == ["  b", "  c"]
    assert not (tmp_path / "checked.txt").exists()
    write_manifest(pandas.DataFrame(rows[:1])[list(COLUMNS)], tmp_path / "train.csv")
    check_true_masks(train_csv=tmp_path / "train.csv", checked_txt=tmp_path / "checked.txt")
    assert (tmp_path / "checked.txt").read_text() == "1 training images have a true mask\n"
