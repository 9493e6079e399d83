"""Photos of any kind become the RGB picture a viewer shows; plain ones are read fast."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from mdc.data.annotations import read_tags
from mdc.data.decoding import bounded_mask, bounded_size, decode, is_plain, read_any_image
from mdc.data.images import read_image, write_plain
from mdc.data.mask_files import load_mask
from mdc.runtime.errors import InputError
from tests.disks import closed_folder
from tests.unit.damaged_bytes import uncounted_in_png, unnoticed

STORED = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8)
SHOWN = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}


def flag(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


def one_colour(path, **kwargs) -> list[int]:
    image = read_any_image(path, max_side_px=100, **kwargs)
    assert image.dtype == np.uint8 and image.shape == (8, 8, 3)
    assert (image == image[0, 0]).all()
    return image[0, 0].tolist()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_rotation_flags(tmp_path, orientation, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.stack([STORED, STORED * 10, STORED * 40], axis=2)).save(path, exif=flag(orientation))
    image = read_any_image(path, max_side_px=100)
    assert image[:, :, 0].tolist() == SHOWN[orientation]
    np.testing.assert_array_equal(image[:, :, 1], image[:, :, 0] * 10)
    if suffix == "png":
        assert is_plain(path, max_side_px=100) is (orientation == 1)


def test_rotation_flag_of_a_jpeg_and_damaged_exif(tmp_path):
    path = tmp_path / "a.jpg"
    picture = np.zeros((16, 32, 3), dtype=np.uint8)
    picture[:, :16] = 200
    Image.fromarray(picture).save(path, exif=flag(6), quality=100)
    image = read_any_image(path, max_side_px=100)
    assert image.shape == (32, 16, 3) and image[:16].min() > 190 and image[16:].max() < 10
    assert not is_plain(path, max_side_px=100)
    assert read_image(path).shape == (16, 32, 3)  # the fast reader turns nothing
    path.write_bytes(path.read_bytes().replace(b"MM\x00*", b"XX\x00*"))
    assert read_any_image(path, max_side_px=100).shape == (16, 32, 3)


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    grey = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(grey).save(tmp_path / name)
        image = read_any_image(tmp_path / name, max_side_px=100)
        assert image.tolist() == [[[0] * 3, [1] * 3, [128] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("mode", "stored", "name", "shown"),
    [
        ("L", 120, "a.png", [120, 120, 120]),
        ("1", 1, "a.png", [255, 255, 255]),
        ("CMYK", (100, 0, 50, 0), "a.tif", [155, 255, 205]),  # of 255
        ("CMYK", (100, 0, 50, 0), "a.jpg", [155, 255, 205]),  # stored inverted, as Adobe does
        ("RGBA", (10, 20, 30, 0), "a.png", [255, 255, 255]),  # on white
        ("RGBA", (10, 20, 30, 255), "a.png", [10, 20, 30]),
        ("RGBA", (0, 100, 200, 51), "a.png", [204, 224, 244]),  # a fifth of it on four fifths of 255
        ("LA", (0, 0), "a.png", [255, 255, 255]),
    ],
)
def test_every_mode_becomes_the_colour_that_a_viewer_shows(tmp_path, mode, stored, name, shown):
    Image.new(mode, (8, 8), stored).save(tmp_path / name, **({"quality": 100} if name.endswith("jpg") else {}))
    assert np.abs(np.array(one_colour(tmp_path / name)) - shown).max() <= 2 * name.endswith("jpg")
    assert not is_plain(tmp_path / name, max_side_px=100)


def test_palette_colours_colour_keys_16_bits_and_the_first_frame(tmp_path):
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, 200, 100, 50])
    picture.save(tmp_path / "a.png")
    assert one_colour(tmp_path / "a.png") == [200, 100, 50]
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "key.png", transparency=(1, 2, 3))
    assert one_colour(tmp_path / "key.png") == [255, 255, 255]
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((8, 8, 3), (0, 128 * 257, 65535), dtype=np.uint16))
    assert one_colour(tmp_path / "deep.png") == [255, 128, 0]
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "b.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert one_colour(tmp_path / name) == [255, 0, 0]
    assert not any(is_plain(path, max_side_px=100) for path in tmp_path.iterdir())


def test_long_side_is_bounded_by_area_means(tmp_path):
    picture = np.zeros((2, 4, 3), dtype=np.uint8)
    picture[:, 0] = 100  # columns 100, 0, 0, 0: area means 50 and 0
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert read_any_image(tmp_path / "a.png", max_side_px=2).tolist() == [[[50] * 3, [0] * 3]]
    assert read_any_image(tmp_path / "a.png", max_side_px=1).tolist() == [[[25] * 3]]
    assert read_any_image(tmp_path / "a.png", max_side_px=4).tolist() == picture.tolist()
    assert is_plain(tmp_path / "a.png", max_side_px=4)
    assert not is_plain(tmp_path / "a.png", max_side_px=3)


def test_bounded_sizes():
    assert bounded_size(3000, 4000, max_side_px=1000) == (750, 1000)
    assert bounded_size(4000, 3001, max_side_px=1000) == (1000, 750)
    assert bounded_size(10, 5000, max_side_px=100) == (1, 100)
    assert bounded_size(30, 40, max_side_px=100) == (30, 40)


def test_masks_are_bounded_by_the_pixel_in_the_middle():
    mask = np.array([[1, 2, 3, 4, 255, 6]], dtype=np.uint8).repeat(3, axis=0)
    assert bounded_mask(mask, max_side_px=2).tolist() == [[2, 255]]


def test_plain_files_read_the_same_both_ways(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=95, subsampling=0)
    for name in ("a.png", "a.jpg"):
        assert is_plain(tmp_path / name, max_side_px=14) is True
        fast, general = read_image(tmp_path / name), read_any_image(tmp_path / name, max_side_px=14)
        assert fast.dtype == np.uint8 and fast.shape == (9, 14, 3)
        assert np.abs(fast.astype(int) - general).max() <= 1  # the two may carry different JPEG decoders
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), picture)


def test_plain_copies_keep_colours(tmp_path):
    picture = np.zeros((16, 16, 3), dtype=np.uint8)
    picture[:, ::2] = (255, 0, 0)  # columns of red and black, which colour subsampling would smear
    write_plain(tmp_path / "deep" / "er" / "a b.jpg", picture)
    path = tmp_path / "deep" / "er" / "a b.jpg"
    assert is_plain(path, max_side_px=16)
    assert np.abs(read_image(path).astype(int) - picture).max() <= 16
    with Image.open(path) as image:
        assert image.layer[0][1:3] == (1, 1)  # 4:4:4
    assert [file.name for file in path.parent.iterdir()] == ["a b.jpg"]


def test_every_damaged_byte_of_a_png_is_noticed_or_changes_nothing(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)).save(path)
    assert read_any_image(path, max_side_px=9).tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert unnoticed(path, lambda path: read_any_image(path, max_side_px=9)) == uncounted_in_png(path)


@pytest.mark.parametrize(
    "stream",
    [
        zlib.compress(b"\0\1\2\0\3"),  # the last pixel is missing
        zlib.compress(b"\0\1\2\0\3\4")[:-1] + b"x",  # the last byte is of the pixels' checksum
    ],
)
def test_a_png_with_right_parts_and_wrong_pixels_is_refused(tmp_path, stream):
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)),
        (b"IDAT", stream),
        (b"IEND", b""),
    ]
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    )
    with pytest.raises(InputError, match=r"a\.png: does not decode: copy or save it again"):
        read_any_image(tmp_path / "a.png", max_side_px=9)


def test_a_jpeg_whose_data_end_before_its_picture_is_refused(tmp_path):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8))
    picture.save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2] + whole[-2:])  # ends as a whole file does
    with pytest.raises(
        InputError, match=r"a\.jpg: is damaged, a part of the picture is missing: copy or save it again"
    ):
        read_any_image(tmp_path / "a.jpg", max_side_px=100)


def test_what_cameras_leave_behind_a_jpeg_is_no_damage(tmp_path):
    Image.new("RGB", (20, 20), (200, 0, 0)).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[:-2] + b"abc" + whole[-2:] + b"trailer")
    assert np.abs(read_any_image(tmp_path / "a.jpg", max_side_px=100).astype(int) - [200, 0, 0]).max() <= 2


@pytest.mark.parametrize("read", [decode, load_mask, read_tags])
def test_what_may_not_be_read_is_said_to_be_so(tmp_path, read):
    with closed_folder(tmp_path), pytest.raises(InputError) as error:
        read(tmp_path / "file")
    assert str(error.value) == f"{tmp_path / 'file'}: may not be read: ask its owner for access"
