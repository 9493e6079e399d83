"""What VOC's server would refuse is refused here; what it takes is packed under its names."""

import hashlib
import os
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mdc.config.config import Config
from mdc.config.consistency import check_submission
from mdc.config.inputs import has_test_images
from mdc.data.manifest import COLUMNS, write_manifest
from mdc.data.mask_files import read_mask, write_mask
from mdc.runtime.errors import InputError
from mdc.storage.image_tables import write_table
from mdc.submission import mask_problem, pack_submission
from tests.voc_archives import voc_files, voc_test_files, write_folder

CLASSES = 2
MASK = np.array([[0, 1, 2], [0, 0, 2]], np.uint8)


@pytest.fixture
def test_set(tmp_path):
    """Return a function that packs two test photos of 3 x 2 pixels and their masks, given changes of the masks."""
    root = tmp_path / "voc"
    (root / "JPEGImages").mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (3, 2)).save(root / f"JPEGImages/{name}.jpg")
    manifest = tmp_path / "test.csv"

    def packed(masks: dict[str, np.ndarray] | None = None, *, again=(), ids="ba") -> Path:
        table = pd.DataFrame([(name, "", "", "", 2, 3, "", 2, 3, "0") for name in ids], columns=list(COLUMNS))
        write_manifest(table, manifest)
        rows = []
        for name, mask in ({"a": MASK, "b": 0 * MASK} | (masks or {})).items():
            path = tmp_path / "masks" / f"{name}.png"
            if mask is not None:
                write_mask(path, mask)
                rows.append((name, str(path), "0"))
        write_table([*rows, *(row for row in rows if row[0] in again)], tmp_path / "masks.csv")
        pack_submission(
            split_csv=manifest,
            root=root,
            masks_csv=tmp_path / "masks.csv",
            archive=tmp_path / "out" / "x.tgz",
            classes=CLASSES,
            competition="comp6",
            processes=1,
        )
        return tmp_path / "out" / "x.tgz"

    packed.folder = tmp_path
    return packed


def test_the_archive_has_the_servers_names_and_the_masks_bytes(test_set):
    archive = test_set()
    with tarfile.open(archive, "r:gz") as tar:
        folder = "results/VOC2012/Segmentation/comp6_test_cls"
        assert tar.getnames() == [f"{folder}/a.png", f"{folder}/b.png"]
        data = tar.extractfile(f"{folder}/a.png").read()
        assert {(member.mtime, member.uid, member.gid, member.mode) for member in tar} == {(0, 0, 0, 0o644)}
        assert {(member.uname, member.gname) for member in tar} == {("", "")}
    assert data == (test_set.folder / "masks/a.png").read_bytes()
    assert np.array(Image.open(BytesIO(data))).tolist() == MASK.tolist()


def test_the_same_masks_give_the_same_bytes_and_others_do_not(test_set):
    def digest(masks=None):
        return hashlib.sha256(test_set(masks).read_bytes()).hexdigest()

    first = digest()
    assert digest({"a": 0 * MASK}) != first
    again = test_set()
    os.utime(test_set.folder / "masks/a.png", (7, 7))
    os.utime(again, (7, 7))
    assert digest() == first


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ({"b": None}, "images without a mask: 1 (b)"),
        ({"c": MASK}, "masks of images that are not in the test list: 1 (c)"),
        ({"a": MASK[:1]}, "a.png has 3 x 1 pixels and its photo 3 x 2: run again with --forcerun link_data"),
        ({"a": np.where(MASK == 2, 255, MASK).astype(np.uint8)}, "a.png has the index 255, but only 0 to 2"),
        ({"a": MASK + 1}, "a.png has the index 3, but only 0 to 2"),
    ],
)
def test_what_the_server_would_refuse_is_not_packed(test_set, masks, words):
    with pytest.raises(InputError, match="x: the masks of 2 test images are not packed:") as error:
        test_set(masks)
    assert words in str(error.value)
    assert not (test_set.folder / "out").exists()


def test_a_mask_has_the_size_of_the_photo_as_a_viewer_shows_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (2, 3)).save(tmp_path / "turned.jpg", exif=exif)
    write_mask(tmp_path / "mask.png", MASK)
    assert mask_problem(tmp_path / "mask.png", tmp_path / "turned.jpg", classes=2) == ""


def test_a_grey_png_and_other_colours_are_no_palette_png_of_voc(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "photo.jpg")
    Image.fromarray(MASK).save(tmp_path / "grey.png")
    other = Image.fromarray(MASK)
    other.putpalette([9] * 768)
    other.save(tmp_path / "other.png")
    for name in ("grey", "other"):
        path = tmp_path / f"{name}.png"
        assert read_mask(path).tolist() == MASK.tolist()
        assert mask_problem(path, tmp_path / "photo.jpg", classes=2) == f"{path} is not a palette PNG in VOC's colours"


def refused(**changes) -> list[str]:
    """Return why the paper's configuration with these changes has no submission; none if it has one."""
    config = Config.model_validate(changes)
    try:
        check_submission(config, has_test_images=has_test_images(config.data))
    except InputError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


def test_test_images_must_be_there(tmp_path):
    assert refused(data={"source": "synthetic"}) == []
    assert refused(data={"voc_test_archive": "VOC2012test.tar"}) == []
    (line,) = refused()
    assert line.startswith("data.voc_test_archive: there are no test images")
    assert refused(data={"voc_test_archive": "VOC2012test.tar", "max_side_px": 321}) == []
    (line,) = refused(data={"source": "folder"})
    assert line.startswith("data.source: ")
    root = write_folder(tmp_path / "mine", voc_files())
    (line,) = refused(data={"source": "voc_layout", "root": str(root)})
    assert line == f"data.root: {root} lists no test images: add ImageSets/Segmentation/test.txt"
    write_folder(root, voc_test_files())
    assert refused(data={"source": "voc_layout", "root": str(root)}) == []


def test_only_segmenters_that_there_are_can_be_submitted():
    synthetic = {"source": "synthetic"}
    (line,) = refused(data=synthetic, submission={"results": ["mdc/weak-d2-crf", "mdc/weak-d1"]})
    assert line.startswith("submission.results: mdc/weak-d2-crf: unknown segmenter; there are mdc/weak-d1, ")
    (line,) = refused(data=synthetic, submission={"results": []})
    assert line.startswith("submission.results: is empty")


def test_comp5_is_for_what_learns_from_the_challenges_data_alone():
    test = {"voc_test_archive": "VOC2012test.tar"}
    comp5 = {"competition": "comp5", "results": ["mdc/true-masks-crf"]}
    random = {"classifier": {"init": "random"}, "segmenter": {"init": "random"}}
    pretrained, sbd = refused(data=test, submission=comp5)
    assert "ImageNet's weights are in classifier.init and segmenter.init: use comp6" in pretrained
    assert "with data.train_list trainaug true-masks has SBD's: use comp6" in sbd
    assert refused(data=test, submission=comp5, **random) == [sbd]
    assert refused(data=test | {"train_list": "train"}, submission=comp5, **random) == []
