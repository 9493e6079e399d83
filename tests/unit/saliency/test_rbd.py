"""Background detection against hand-worked numbers and simple pictures; maps as files."""

import hashlib
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from mdc.saliency.computed import write_saliency
from mdc.saliency.maps import read_saliency
from mdc.saliency.rbd import SIGMA_COLOUR, adjacency, boundary_connectivity, on_border, optimised, rbd
from tests.unit.damaged_bytes import uncounted_in_png, unnoticed

NINE = np.arange(9).reshape(3, 3)  # superpixels of one pixel each; 4 is the only one inside


def connectivity(colours: list[float], labels: np.ndarray) -> np.ndarray:
    values = np.array(colours)
    return boundary_connectivity(np.abs(values[:, None] - values), adjacency(labels), on_border(labels))


def disc(side_px: int, centre: tuple[int, int], radius: int) -> np.ndarray:
    return cv2.circle(np.zeros((side_px, side_px), np.uint8), centre, radius, color=1, thickness=-1).astype(bool)


def picture(inside: np.ndarray, thing: tuple[int, int, int], ground: tuple[int, int, int]) -> np.ndarray:
    return np.where(inside[..., None], np.array(thing), np.array(ground)).astype(np.uint8)


def test_neighbours_share_an_edge_or_a_corner():
    labels = np.array([[0, 0, 1], [2, 2, 1], [3, 3, 3]])
    expected = np.array([[0, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 1, 0]], bool)
    assert (adjacency(labels) == expected).all()
    assert on_border(NINE).tolist() == [True] * 4 + [False] + [True] * 4


def test_connectivity_of_one_colour_is_its_border_over_the_root_of_its_area():
    # All nine belong together wholly: border 8, area 9. The edges between them have length 0 and must not get lost.
    assert connectivity([5.0] * 9, NINE) == pytest.approx([8 / 3] * 9)


def test_connectivity_of_a_different_middle_is_nothing():
    colours = [0.0] * 9
    colours[4] = 100.0
    found = connectivity(colours, NINE)
    assert found[4] == pytest.approx(0, abs=1e-9)
    assert np.delete(found, 4) == pytest.approx([8 / np.sqrt(8)] * 8)


def test_connectivity_of_a_half_different_middle():
    # At this distance the middle belongs to each of the others by one half: border 8 / 2, area 1 + 8 / 2.
    colours = [0.0] * 9
    colours[4] = SIGMA_COLOUR * np.sqrt(2 * np.log(2))
    assert connectivity(colours, NINE)[4] == pytest.approx(4 / np.sqrt(5))


def test_border_pieces_are_joined_behind_an_object():
    # A bar of another colour cuts the ground in two; each half still counts the other half's border as its own.
    labels = np.arange(5)[None].repeat(3, axis=0)
    found = connectivity([0.0, 0.0, 100.0, 0.0, 0.0], labels)
    assert found == pytest.approx([4 / np.sqrt(4)] * 2 + [1.0] + [4 / np.sqrt(4)] * 2)


def test_least_cost_of_two_superpixels():
    # Equal colours: w = 1.1. Cost s0^2 + (s1 - 1)^2 + 1.1 (s0 - s1)^2 is least where s1 = 1 - s0 and s0 = 1.1 / 3.2.
    neighbours = np.array([[False, True], [True, False]])
    found = optimised(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.zeros((2, 2)), neighbours)
    assert found == pytest.approx([1.1 / 3.2, 2.1 / 3.2])


def test_a_disc_on_plain_ground_stands_out():
    inside = disc(128, (64, 60), 28)[:101, :117]
    saliency = rbd(picture(inside, (230, 60, 40), (90, 130, 90)))
    assert saliency.dtype == np.float32 and saliency.shape == (101, 117)
    assert saliency.min() == 0 and saliency.max() == 1
    assert saliency[inside].mean() > 0.8
    assert saliency[~inside].mean() < 0.1


def test_an_object_that_touches_the_border_still_stands_out():
    inside = disc(128, (64, 10), 34)
    saliency = rbd(picture(inside, (230, 60, 40), (90, 130, 90)))
    assert saliency[inside].mean() > saliency[~inside].mean() + 0.4


@pytest.mark.parametrize("shape", [(128, 128), (20, 15), (1, 1)])
def test_a_flat_picture_has_no_salient_pixel(shape):
    assert (rbd(np.full((*shape, 3), 77, np.uint8)) == np.zeros(shape)).all()


def test_huge_pictures_are_treated_at_a_smaller_size():
    inside = disc(1500, (700, 800), 300)
    saliency = rbd(picture(inside, (230, 60, 40), (90, 130, 90)))
    assert saliency.shape == (1500, 1500)
    assert saliency[inside].mean() > 0.8 > 0.1 > saliency[~inside].mean()


@pytest.mark.parametrize("processes", [1, 2])
def test_written_maps_are_read_back(tmp_path, processes):
    ids = ["b", "a photo", "trip/a.1"]
    images = []
    for number, image_id in enumerate(ids):
        source = tmp_path / f"{number}.png"
        inside = disc(64, (32, 20 + 10 * number), 12)
        cv2.imwrite(str(source), picture(inside, (40, 60, 230), (90, 130, 90)))  # in OpenCV's order: a red disc
        images.append((image_id, source))
    table = write_saliency(images, folder=tmp_path / "maps", processes=processes)
    assert list(table.columns) == ["id", "path", "digest"]
    assert list(table["id"]) == ids
    assert list(table["path"]) == [str(tmp_path / "maps" / f"{image_id}.png") for image_id in ids]
    for number, row in table.iterrows():
        image = picture(disc(64, (32, 20 + 10 * number), 12), (230, 60, 40), (90, 130, 90))
        assert np.abs(read_saliency(Path(row["path"])) - rbd(image)).max() <= 0.5 / 255 + 1e-6
        assert row["digest"] == hashlib.sha256(Path(row["path"]).read_bytes()).hexdigest()[:16]
    assert len(list((tmp_path / "maps").rglob("*.*"))) == 3  # nothing temporary is left


def test_grey_level_255_reads_as_one(tmp_path):
    cv2.imwrite(str(tmp_path / "map.png"), np.array([[0, 51, 255]], np.uint8))
    saliency = read_saliency(tmp_path / "map.png")
    assert saliency.dtype == np.float32
    assert saliency == pytest.approx(np.array([[0, 0.2, 1]]))


def test_every_damaged_byte_of_a_map_is_noticed_or_changes_nothing(tmp_path):
    cv2.imwrite(str(tmp_path / "map.png"), np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert unnoticed(tmp_path / "map.png", read_saliency) == uncounted_in_png(tmp_path / "map.png")


def test_a_map_that_says_it_is_animated_is_read_as_it_is(tmp_path):
    cv2.imwrite(str(tmp_path / "map.png"), np.full((3, 4), 255, np.uint8))
    whole = (tmp_path / "map.png").read_bytes()
    chunk = b"acTL" + struct.pack(">II", 2, 0)  # two frames, and neither is described: OpenCV reads zeros
    animated = struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "map.png").write_bytes(whole[:33] + animated + whole[33:])
    assert read_saliency(tmp_path / "map.png").tolist() == [[1.0] * 4] * 3
