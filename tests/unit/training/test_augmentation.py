"""Photo, mask and padding are resized, flipped and cropped together."""

import numpy as np

from mdc.training.augmentation import augmented, resized_long_side

FILL = (9, 8, 7)


class Fixed:
    """Stands in for a generator: gives the numbers it was made with, in their order."""

    def __init__(self, *, integers=(), random=()):
        self._integers, self._random, self.bounds = list(integers), list(random), []

    def integers(self, low, high):
        self.bounds.append((low, high))
        return self._integers.pop(0)

    def random(self):
        return self._random.pop(0)


def numbered(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo and a mask in which every pixel holds its row-wise number."""
    mask = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    return np.stack([mask, mask + 100, mask + 50], axis=2), mask


def view(height, width, *, rng, crop, flip=True, with_mask=True, resize=()):
    image, mask = numbered(height, width)
    return augmented(
        image,
        mask if with_mask else None,
        rng=rng,
        crop_px=crop,
        resize_long_side_px=resize,
        flip=flip,
        fill=FILL,
    )


def test_crop_by_hand():
    rng = Fixed(integers=[1, 2], random=[0.9])
    image, mask, padding = view(3, 4, rng=rng, crop=2)
    assert rng.bounds == [(0, 2), (0, 3)]  # 3 - 2 + 1 places for the top row, 4 - 2 + 1 for the left column
    assert mask.tolist() == [[6, 7], [10, 11]] == image[:, :, 0].tolist()
    assert image[0, 0].tolist() == [6, 106, 56]
    assert not padding.any()


def test_flip_by_hand_comes_before_the_crop():
    image, mask, _ = view(3, 4, rng=Fixed(integers=[0, 1], random=[0.49]), crop=2)
    assert mask.tolist() == [[2, 1], [6, 5]] == image[:, :, 0].tolist()
    _, unflipped, _ = view(3, 4, rng=Fixed(integers=[0, 1], random=[0.5]), crop=2)
    assert unflipped.tolist() == [[1, 2], [5, 6]]


def test_padding_right_and_bottom_is_the_fill_colour_and_255():
    image, mask, padding = view(2, 3, rng=Fixed(integers=[0, 0], random=[0.9]), crop=4)
    assert mask.tolist() == [[0, 1, 2, 255], [3, 4, 5, 255], [255] * 4, [255] * 4]
    assert padding.tolist() == (mask == 255).tolist()
    assert (image[padding] == FILL).all()
    assert image[:2, :3, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_every_place_and_both_directions_occur():
    rng = np.random.default_rng(0)
    seen = {tuple(view(3, 3, rng=rng, crop=2)[1].ravel().tolist()) for _ in range(200)}
    assert len(seen) == 2 * 2 * 2


def test_long_side_is_resized_and_the_other_in_proportion():
    image = np.zeros((30, 60, 3), np.uint8)
    image[:, 30:] = 200
    small = resized_long_side(image, 20)
    assert small.shape == (10, 20, 3)
    assert (small[:, :10] == 0).all() and (small[:, 10:] == 200).all()
    assert resized_long_side(image.transpose(1, 0, 2), 120).shape == (120, 60, 3)
    assert resized_long_side(np.zeros((1, 500, 3), np.uint8), 100).shape == (1, 100, 3)  # never 0 pixels


def test_the_random_length_is_drawn_including_its_highest_value():
    rng = Fixed(integers=[6, 0, 0], random=[0.9])
    image, mask, padding = view(3, 4, rng=rng, crop=8, with_mask=False, resize=(4, 6))
    assert rng.bounds[0] == (4, 7)  # 4, 5 or 6
    assert mask is None
    assert (~padding).sum(0).tolist() == [4] * 6 + [0, 0]  # 3 x 4 scaled by 6 / 4 is 4 x 6 (4.5 rounds to even)


def test_a_mask_is_resized_with_its_photo_and_keeps_its_classes():
    rng = Fixed(integers=[8, 0, 0], random=[0.9])
    _, mask, padding = view(2, 4, rng=rng, crop=8, resize=(4, 8))
    assert mask[:4].tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]] * 2 + [[4, 4, 5, 5, 6, 6, 7, 7]] * 2
    assert (mask[4:] == 255).all() and padding[4:].all()
    rng = Fixed(integers=[2, 0, 0], random=[0.9])
    _, small, _ = view(4, 4, rng=rng, crop=2, resize=(2, 4))  # the pixel right and below of each centre of 2 x 2
    assert small.tolist() == [[5, 7], [13, 15]]
