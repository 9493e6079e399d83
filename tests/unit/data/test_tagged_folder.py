"""Photos beside a table of tags become tables, and all that is wrong with them is listed at once."""

import logging

import pytest

from mdc.data.tagged_folder import link_folder
from mdc.runtime.errors import InputError
from tests.unit.data.photo_folders import lines_of, mask, photo, settings, table


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
    left_out = f"images left out because {tags_csv} does not list them: 1 in {root}, the first is unlisted.jpg"
    assert left_out in caplog.messages


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
    ("image", "mask", "message"),
    [
        ("a", "../a.png", "the mask '../a.png' is absolute or contains '..'"),
        ("a", "b/" * 2500, "the mask '[b/]+ ... [b/]+' has a path of more than 2000 bytes: shorten it"),
        ("a" * 3000, "", "the image 'a+ ... a+' has a name of more than 200 bytes: shorten it"),
    ],
)
def test_paths_that_lead_out_of_the_folder_or_nowhere(tmp_path, image, mask, message):
    photo(tmp_path / "a.jpg")
    tags_csv = table(tmp_path / "tags.csv", f"image,tags,split,mask\n{image},cat,train,{mask}\n")
    with pytest.raises(InputError, match=message) as error:
        link_folder(tmp_path, tags_csv, **settings(tmp_path))
    assert max(map(len, str(error.value).splitlines())) < 1100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pictures,content\na,cat\n", "the first line must name the columns image,tags .*: it is 'pictures,content'"),
        ('{"images": []}', "is JSON, not a table"),
        ("image,tags,image\na,cat,b\n", "the column 'image' is there twice"),
        ("image,tags,spilt\na,cat,val\n", "the column 'spilt' is not known: did you mean 'split'"),
        ("image,cat\na,1\n", "the class 'dog' has no column; those with one are cat"),
        ("image,cat,dog\na,1,0.7\n", "the column 'dog' has other values than 0 and 1"),
        ("", "the first line must name"),
        ("image,tags\n\n", "lists no images"),
        ('image,tags\n"a,cat\n', "is not CSV"),
    ],
)
def test_tables_that_are_none_of_tags(tmp_path, text, message):
    with pytest.raises(InputError, match=f"tags.csv: .*{message}"):
        link_folder(tmp_path, table(tmp_path / "tags.csv", text), **settings(tmp_path))
