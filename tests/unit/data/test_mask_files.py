"""VOC's conventions: colours, masks, annotations and lists."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mdc.data.annotations import read_tags
from mdc.data.class_names import class_names
from mdc.data.label_colours import dataset_colours
from mdc.data.labels import PALETTE
from mdc.data.mask_files import load_mask, read_mask, write_mask
from mdc.data.text_lists import read_list
from mdc.runtime.errors import InputError
from tests.unit.damaged_bytes import CHECKSUM_BYTES, uncounted_in_png, unnoticed

MASK = np.array([[0, 1, 255], [20, 15, 0]], dtype=np.uint8)


def annotation(inside: str) -> str:
    return f"<annotation><filename>a.jpg</filename>{inside}</annotation>"


def png(**chunks: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind.encode(), data) for kind, data in chunks.items())


def test_palette_is_vocs():
    assert PALETTE.shape == (256, 3) and PALETTE.dtype == np.uint8
    by_hand = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 4: (0, 0, 128), 8: (64, 0, 0), 15: (192, 128, 128)}
    by_hand |= {20: (0, 64, 128), 64: (32, 0, 0), 255: (224, 224, 192)}
    assert {index: tuple(PALETTE[index].tolist()) for index in by_hand} == by_hand


def test_written_mask_comes_back_and_is_an_8_bit_palette_png(tmp_path):
    path = tmp_path / "new folder" / "m.png"
    write_mask(path, MASK)
    np.testing.assert_array_equal(read_mask(path), MASK)
    assert path.read_bytes()[24:26] == b"\x08\x03"  # bit depth 8, colour type palette
    with Image.open(path) as image:
        assert image.convert("RGB").getpixel((1, 1)) == (192, 128, 128)
    assert os.listdir(path.parent) == ["m.png"]


@pytest.mark.parametrize(
    ("pixels", "colours"),
    [
        (np.repeat(MASK[..., None], 3, axis=2), None),  # the index in every channel, as OpenCV writes it
        (PALETTE[MASK], None),
        (np.dstack([PALETTE[MASK], np.full(MASK.shape, 255, np.uint8)]), None),
        (PALETTE[MASK][..., ::-1], {tuple(PALETTE[index][::-1].tolist()): index for index in range(256)}),
    ],
)
def test_masks_in_colours(tmp_path, pixels, colours):
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "m.png")
    loaded = load_mask(tmp_path / "m.png", classes=20, colours=colours)
    assert loaded.mask.tolist() == MASK.tolist() and not loaded.is_indexed


def test_vocs_grey_is_a_colour_where_no_class_has_such_an_index(tmp_path):
    Image.new("RGB", (1, 1), (128, 128, 128)).save(tmp_path / "m.png")
    assert [read_mask(tmp_path / "m.png", classes=classes).tolist() for classes in (20, 200)] == [[[7]], [[128]]]


def test_a_labelmap_gives_classes_and_colours(tmp_path):
    (tmp_path / "labelmap.txt").write_text("# label:color_rgb:parts:actions\ncat:61,61,245::\nbackground:0,0,0::\n")
    assert class_names(tmp_path) == ("cat",)
    assert dataset_colours(tmp_path, ["dog", "cat"]) == {(61, 61, 245): 2, (0, 0, 0): 0}


@pytest.mark.parametrize("bits", [1, 4])
def test_palette_masks_of_few_bits_give_indices_not_colours(tmp_path, bits):
    image = Image.fromarray(np.array([[0, 1, 1]], dtype=np.uint8))
    image.putpalette([9, 9, 9, 200, 100, 50] * 2 ** (bits - 1))
    image.save(tmp_path / "m.png", bits=bits)
    assert (tmp_path / "m.png").read_bytes()[24] == bits
    assert read_mask(tmp_path / "m.png").tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [(1, [0b01100000], [0, 1, 1]), (2, [0b00011100], [0, 1, 3]), (4, [0x0E, 0x30], [0, 14, 3])],
)
def test_grey_masks_of_few_bits_give_indices_not_brightness(tmp_path, bits, row, expected):
    header = struct.pack(">IIBBBBB", 3, 1, bits, 0, 0, 0, 0)
    (tmp_path / "m.png").write_bytes(png(IHDR=header, IDAT=zlib.compress(bytes([0, *row])), IEND=b""))
    assert read_mask(tmp_path / "m.png").tolist() == [expected]


@pytest.mark.parametrize("colours", [None, {(0, 0, 0): 0}])
def test_a_palette_mask_without_a_palette_is_damaged(tmp_path, colours):
    header = struct.pack(">IIBBBBB", 3, 1, 8, 3, 0, 0, 0)
    (tmp_path / "m.png").write_bytes(png(IHDR=header, PLTE=b"", IDAT=zlib.compress(bytes(4)), IEND=b""))
    with pytest.raises(InputError, match=r"m\.png: is damaged, its palette is empty: save or copy the mask again"):
        load_mask(tmp_path / "m.png", colours=colours)


def test_rotation_flag_of_a_mask_is_applied(tmp_path):
    flag = Image.Exif()
    flag[274] = 6  # to be turned clockwise
    Image.fromarray(MASK).save(tmp_path / "m.png", exif=flag)
    assert read_mask(tmp_path / "m.png").tolist() == [[20, 0], [15, 1], [0, 255]]


@pytest.mark.parametrize(
    ("mode", "colour", "message"),
    [
        ("RGB", (128, 0, 7), r"is a colour picture, 1 of its 1 colours belong to no class, the first is \(128, 0, 7\)"),
        ("RGBA", (0, 0, 0, 9), "has transparent pixels, which belong to no class"),
        ("I;16", 0, "16 bits"),
    ],
)
def test_pictures_that_hold_no_indices_are_refused(tmp_path, mode, colour, message):
    Image.new(mode, (3, 2), colour).save(tmp_path / "m.png")
    with pytest.raises(InputError, match=f"m.png: .*{message}"):
        read_mask(tmp_path / "m.png")


def test_damaged_missing_and_lossy_masks_are_named(tmp_path):
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "grey.jpg")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n1234")
    for name in ("grey.jpg", "torn.png"):
        with pytest.raises(InputError, match=f"{name}: does not decode as a PNG mask"):
            read_mask(tmp_path / name)
    with pytest.raises(InputError, match=r"none\.png: no such mask: restore it or"):
        read_mask(tmp_path / "none.png")


def test_every_damaged_byte_and_every_missing_end_of_a_mask_is_noticed_or_changes_nothing(tmp_path):
    path = tmp_path / "m.png"
    write_mask(path, MASK)
    assert unnoticed(path, read_mask) == uncounted_in_png(path)
    whole = path.read_bytes()
    for length in range(len(whole) - CHECKSUM_BYTES):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"m\.png: (does not decode as a PNG mask|is damaged)"):
            read_mask(path)
    for length in range(len(whole) - CHECKSUM_BYTES, len(whole)):
        path.write_bytes(whole[:length])
        assert read_mask(path).tolist() == MASK.tolist()


def test_a_mask_of_another_size_and_one_with_other_indices_are_named(tmp_path):
    write_mask(tmp_path / "m.png", MASK)
    assert read_mask(tmp_path / "m.png", classes=20, size=(2, 3)).tolist() == MASK.tolist()
    with pytest.raises(InputError, match=r"m\.png: holds 20, which are not classes: use 0 .*, 1 to 19 for"):
        read_mask(tmp_path / "m.png", classes=19)
    with pytest.raises(InputError, match=r"m\.png: the mask is 3 x 2, its photo 2 x 3 pixels"):
        read_mask(tmp_path / "m.png", size=(3, 2))


def test_tags_are_objects_not_their_parts_and_include_difficult_ones(tmp_path):
    person = "<object><name>person</name><part><name>head</name></part><difficult>0</difficult></object>"
    dog = "<object><part><name>paw</name></part><name> dog </name><difficult>1</difficult></object>"
    path = tmp_path / "a.xml"
    path.write_text(annotation(person + dog + person + "<part><name>hand</name></part>"))
    assert read_tags(path) == {"person", "dog"}
    path.write_text(annotation("<object><name>do<b>g</b></name></object>"))
    assert read_tags(path) == {"dog"}
    path.write_text(annotation(""))
    assert read_tags(path) == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", "is not readable XML"),
        ('<!DOCTYPE a [<!ENTITY x "y">]>' + annotation("<object><name>&x;</name></object>"), "has a DOCTYPE"),
        ("<html></html>", "begins with <html>"),
        (annotation("<object></object>"), "an object has no name"),
        (annotation("<object><name>dog</name><name>cat</name></object>"), "an object has more than one name"),
        (annotation("<object><name>dog</name><object><name>cat</name></object></object>"), "an object is nested"),
    ],
)
def test_broken_annotations_are_named(tmp_path, text, message):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(InputError, match=f"a.xml: .*{message}"):
        read_tags(tmp_path / "a.xml")


def test_lists(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xef\xbb\xbf2007_000032\r\n\r\nholiday/photo 1\r\n")
    assert read_list(path) == ["2007_000032", "holiday/photo 1"]
    path.write_text("2008_000002 -1\n2008_000003  1\n2008_000007  0\n")
    assert read_list(path) == ["2008_000002", "2008_000003", "2008_000007"]
    path.write_text("photo 1\nphoto 0\n")  # one blank: no column of VOC's
    assert read_list(path) == ["photo 1", "photo 0"]
    path.write_text("")
    assert read_list(path) == []
    with pytest.raises(InputError, match=r"none\.txt"):
        read_list(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Background", "remove 'Background'"),
        ("_background_", "remove '_background_'"),
        ("=1+cmd()", "cannot be a class name: spreadsheets take it for a formula"),
    ],
)
def test_names_that_no_class_can_have_are_refused(tmp_path, name, message):
    (tmp_path / "classes.txt").write_text(f"{name}\ndog\n")
    with pytest.raises(InputError, match=f"classes.txt: .*{message}"):
        class_names(tmp_path)
