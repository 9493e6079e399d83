"""What a training step sees depends on the seed, the epoch and the image's place in the table alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mdc.data.manifest import read_manifest, tag_matrix
from mdc.data.mask_files import write_mask
from mdc.data.whole_photos import WholePhotos
from mdc.runtime.errors import InputError
from mdc.training.datasets import TrainingViews, batches


@pytest.fixture
def table(write_split, noise):
    mask = np.arange(30 * 40, dtype=np.uint8).reshape(30, 40) % 3
    images = {"a": "cat", "b": "cat;dog", "c": ""}
    csv = write_split("train", {name: (noise(i, 30, 40), tags, mask) for i, (name, tags) in enumerate(images.items())})
    return read_manifest(csv)


def views(table, *, seed=0, crop=17, flip=True, masks=True) -> TrainingViews:
    return TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=tag_matrix(table, ["cat", "dog"]),
        masks=list(table["mask"]) if masks else None,
        seed=seed,
        crop_px=crop,
        resize_long_side_px=(),
        flip=flip,
        fill=(1, 2, 3),
    )


def test_an_item_depends_on_seed_epoch_and_index_only(table):
    first = views(table)
    expected = {key: first[key]["image"] for key in [(0, 0), (0, 1), (3, 1)]}
    again = views(table)
    again[(5, 2)]  # what was asked before does not matter
    for key in [(3, 1), (0, 1), (0, 0)]:
        assert torch.equal(again[key]["image"], expected[key])
    assert not torch.equal(expected[(0, 1)], expected[(3, 1)])
    assert not torch.equal(views(table, seed=1)[(0, 1)]["image"], expected[(0, 1)])


def test_item_by_hand_where_the_crop_holds_the_whole_photo(table, noise):
    item = views(table, crop=41, flip=False)[(0, 1)]
    assert item["id"] == "b"
    assert item["tags"].tolist() == [1, 1]
    assert item["image"].dtype == torch.uint8 and item["mask"].dtype == torch.int64
    assert torch.equal(item["image"][:, :30, :40].permute(1, 2, 0), torch.from_numpy(noise(1, 30, 40)))
    assert item["image"][:, 40, 40].tolist() == [1, 2, 3]
    assert item["mask"][0, :5].tolist() == [0, 1, 2, 0, 1]
    assert torch.equal(item["mask"] == 255, item["padding"])
    assert item["padding"].sum() == 41 * 41 - 30 * 40


def test_a_mask_that_does_not_fit_the_photo_or_the_classes_is_named(table):
    write_mask(Path(table["mask"][1]), np.full((30, 40), 3, np.uint8))
    with pytest.raises(InputError, match=r"b\.png: holds 3, which are not classes"):
        views(table)[(0, 1)]
    write_mask(Path(table["mask"][1]), np.zeros((40, 30), np.uint8))
    with pytest.raises(InputError, match=r"b\.png: the mask is 30 x 40, its photo 40 x 30 pixels"):
        views(table)[(0, 1)]


def test_mask_and_photo_are_cropped_at_the_same_place(table):
    whole = views(table, crop=41, flip=False)[(0, 0)]
    for epoch in range(3):
        item = views(table, crop=17, flip=False)[(epoch, 0)]
        for top in range(30 - 17 + 1):
            for left in range(40 - 17 + 1):
                if torch.equal(whole["image"][:, top : top + 17, left : left + 17], item["image"]):
                    assert torch.equal(whole["mask"][top : top + 17, left : left + 17], item["mask"])
                    break
            else:
                continue
            break
        else:
            pytest.fail("the view is no part of the photo")


def test_whole_photos_are_unchanged(table, noise):
    image, tags = WholePhotos(images=list(table["image"]), tags=tag_matrix(table, ["cat", "dog"]))[2]
    assert torch.equal(image.permute(1, 2, 0), torch.from_numpy(noise(2, 30, 40)))
    assert tags.tolist() == [0, 0]


def test_batches_are_full_and_hold_every_image_at_most_once():
    found = list(batches(images=10, batch_size=3, micro_batches=1, seed=0, epoch=2))
    assert [len(batch) for batch in found] == [3, 3, 3]
    keys = [key for batch in found for key in batch]
    assert {epoch for epoch, _ in keys} == {2}
    indices = [index for _, index in keys]
    assert len(set(indices)) == 9 and set(indices) < set(range(10))


def test_micro_batches_are_the_parts_of_a_batch():
    whole = list(batches(images=8, batch_size=4, micro_batches=1, seed=3, epoch=0))
    parts = list(batches(images=8, batch_size=4, micro_batches=2, seed=3, epoch=0))
    assert [len(part) for part in parts] == [2, 2, 2, 2]
    assert [parts[0] + parts[1], parts[2] + parts[3]] == whole


def mixed(share, *, strong=(7, 8, 9), images=10, batch_size=4, epoch=0) -> list[list[int]]:
    found = batches(
        images=images, batch_size=batch_size, micro_batches=1, seed=0, epoch=epoch, strong=strong, strong_share=share
    )
    return [[index for _, index in batch] for batch in found]


@pytest.mark.parametrize(("share", "count"), [(0.5, 2), (0.75, 3), (0.01, 1), (0.99, 3)])
def test_with_a_share_every_batch_has_its_count_of_strong_images(share, count):
    for epoch in range(3):
        found = mixed(share, epoch=epoch)
        assert [len(batch) for batch in found] == [4, 4]  # as many as without
        assert [sum(index >= 7 for index in batch) for batch in found] == [count, count]


def test_images_of_a_kind_come_again_only_when_all_have_been_seen():
    strong = [index for batch in mixed(0.75) for index in batch if index >= 7]  # 6 places for 3 images
    assert sorted(strong[:3]) == sorted(strong[3:]) == [7, 8, 9]
    weak = [index for batch in mixed(0.5) for index in batch if index < 7]  # 4 places for 7 images
    assert len(set(weak)) == 4


def test_without_a_share_all_images_are_drawn_alike():
    assert mixed(0) == mixed(0.5, strong=()) == mixed(0, strong=())


def test_fewer_images_than_a_batch_make_one_batch():
    found = list(batches(images=3, batch_size=30, micro_batches=5, seed=0, epoch=0))
    assert [len(part) for part in found] == [1, 1, 1]
    assert {index for part in found for _, index in part} == {0, 1, 2}


def test_the_order_depends_on_seed_and_epoch():
    def order(**settings):
        return [index for batch in batches(images=50, batch_size=10, micro_batches=1, **settings) for _, index in batch]

    assert order(seed=0, epoch=1) == order(seed=0, epoch=1)
    assert len({tuple(order(seed=seed, epoch=epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4
