"""The producers that refine fused maps by the photo: what they start from, and where the photo leads them."""

import numpy as np
import pytest
import torch

from mdc.config.stages import Masks
from mdc.masks.densecrf import DenseCrf, DenseCrfMasks, confident_labels, densecrf_mask
from mdc.masks.pamr import Pamr, PamrMasks, affinities, cut, refined, shifted
from mdc.masks.producers import ImageInputs

DENSECRF = DenseCrf(**Masks().densecrf.model_dump())
PAMR = Pamr(**Masks().pamr.model_dump())
CPU = torch.device("cpu")


def halves(rows: int, columns: int) -> np.ndarray:
    """Return a photo, uint8 (rows, columns, 3), whose left half is dark blue and whose right half is light yellow."""
    photo = np.full((rows, columns, 3), (20, 20, 120), np.uint8)
    photo[:, columns // 2 :] = (240, 240, 160)
    return photo


def test_confident_objects_and_background_of_the_scores():
    #                    object and salient, two classes, between, hardly salient, object but not salient
    background = np.array([[0.1, 0.0, 0.8, 0.96, 0.97]])
    objects = np.array([[[0.9, 0.4, 0.2, 0.1, 0.9]], [[0.0, 0.5, 0.3, 0.2, 0.0]]])
    surely, possibly = confident_labels(
        np.concatenate([background[None], objects]), foreground_above=0.3, background_below=0.05
    )
    assert surely.tolist() == [[1, 2, 0, 0, 0]]
    assert possibly.tolist() == [[1, 2, 2, 0, 0]]


def test_without_saliency_the_highest_map_alone_decides_as_in_irn():
    objects = np.array([[[0.04, 0.2, 0.31, 0.0]], [[0.01, 0.1, 0.4, 0.06]]])
    surely, possibly = confident_labels(
        np.concatenate([1 - objects.max(0)[None], objects]), foreground_above=0.3, background_below=0.05
    )
    assert surely.tolist() == [[0, 0, 2, 0]]
    assert possibly.tolist() == [[0, 1, 2, 2]]


def test_the_dense_crf_takes_regions_to_the_edges_of_the_photo():
    # the right half is an object of which the map covers 3 / 4 and saliency a little more than all
    background, objects = np.zeros((2, 32, 32))
    objects[4:28, 18:] = 0.8
    background[:, :14] = 1
    found = densecrf_mask(halves(32, 32), np.stack([background, objects]), np.array([7], np.uint8), DENSECRF)
    expected = np.zeros((32, 32), np.uint8)
    expected[:, 16:] = 7
    assert found.dtype == np.uint8
    assert (found == expected).all()


def test_what_only_one_of_the_two_crfs_takes_for_an_object_is_unlabelled():
    scores = np.stack([np.full((16, 16), 0.5), np.full((16, 16), 0.2)])
    assert (densecrf_mask(halves(16, 16), scores, np.array([7], np.uint8), DENSECRF) == 255).all()


def test_neighbours_and_their_copies_beyond_the_border():
    values = torch.arange(6.0).view(1, 1, 2, 3)  # 0 1 2, 3 4 5
    found = [one[0, 0].tolist() for one in shifted(values, [1, 2])]
    assert len(found) == 16
    assert found[0] == [[0, 0, 1], [0, 0, 1]]  # above to the left
    assert found[4] == [[1, 2, 2], [4, 5, 5]]  # to the right
    assert found[12] == [[2, 2, 2], [5, 5, 5]]  # two to the right


def test_neighbours_weigh_the_same_on_a_flat_photo_and_nothing_across_an_edge():
    flat = affinities(torch.full((1, 3, 4, 4), 9.0), [1, 2])
    torch.testing.assert_close(flat, torch.full((1, 16, 4, 4), 1 / 16))
    photo = torch.from_numpy(halves(5, 6).transpose(2, 0, 1)[None].astype(np.float32))
    weights = affinities(photo, [1])[0, :, 2, 2]  # the pixel left of the edge: 3 of its 8 neighbours lie beyond
    # a step of s in 3 of 9 pixels has the standard deviation s / 2, so 3 weigh exp(-20) of the other 5
    assert weights.tolist() == pytest.approx([1 / 5, 1 / 5, 0, 1 / 5, 0, 1 / 5, 1 / 5, 0], abs=1e-6)


def test_scores_become_the_mean_of_alike_neighbours():
    scores = torch.zeros(1, 1, 3, 3)
    scores[0, 0, 1, 1] = 8
    once = refined(torch.full((1, 3, 3, 3), 9.0), scores, iterations=1, dilations=[1])
    assert once[0, 0].tolist() == [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    # the middle has 8 neighbours of 1; a corner has the middle, 0, and copies of itself and its two neighbours
    twice = refined(torch.full((1, 3, 3, 3), 9.0), scores, iterations=2, dilations=[1])
    assert twice[0, 0].tolist() == [[7 / 8, 7 / 8, 7 / 8], [7 / 8, 1, 7 / 8], [7 / 8, 7 / 8, 7 / 8]]


def test_scores_are_cut_at_shares_of_their_maximum():
    #           background, object, both, neither, an object below its share
    scores = np.array([[[0.8, 0.1, 0.6, 0.3, 0.5]], [[0.1, 0.5, 0.4, 0.1, 0.2]]])
    assert cut(scores, np.array([3], np.uint8), PAMR).tolist() == [[0, 3, 255, 255, 255]]
    weak = np.array([[[0.9, 0.5]], [[0.1, 0.19]]])  # above its share, but below the least score
    assert cut(weak, np.array([3], np.uint8), PAMR).tolist() == [[0, 255]]


class Given(ImageInputs):
    """An image whose photo, fused map and saliency are given."""

    def photo(self) -> np.ndarray:
        return halves(*self.size)

    def fused_maps(self, setting: str) -> np.ndarray:
        maps = np.zeros((len(self.class_ids), *self.size), np.float32)
        maps[:, :, self.size[1] // 2 + 8 :] = 2
        return maps

    def saliency(self) -> np.ndarray:
        return np.repeat(np.repeat([[0.0, 0.9]], self.size[1] // 2, 1), self.size[0], 0).astype(np.float32)


def given(class_ids: list[int]) -> Given:
    return Given(id="i", size=(32, 64), own_size=(32, 64), class_ids=np.array(class_ids, np.uint8), photo_path="")


def test_pamr_spreads_a_map_over_the_object():
    keys = Pamr(**Masks().pamr.model_dump() | {"stride": 2})
    producer = PamrMasks("fusion", keys, CPU)
    scores = producer.scores(given([5]))
    assert scores.dtype == np.float32 and scores.shape == (2, 32, 64)
    labels = producer.labels(given([5]))
    assert (labels[:, :30] == 0).all()
    assert (labels[:, 34:] == 5).all()  # the map itself begins at 40; two pixels at the edge are of both when reduced


@pytest.mark.parametrize("producer", [DenseCrfMasks("fusion", DENSECRF), PamrMasks("fusion", PAMR, CPU)])
def test_an_image_without_tags_is_background(producer):
    assert not producer.labels(given([])).any()
