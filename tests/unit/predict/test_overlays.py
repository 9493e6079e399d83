"""The picture of a mask over its photo."""

import numpy as np

from mdc.predict.overlays import overlay

GREY = np.full((640, 640, 3), 100, np.uint8)
HALF = np.zeros((640, 640), np.uint8)
HALF[:, 320:] = 1


def test_classes_are_tinted_and_outlined_and_the_background_is_as_it_was():
    picture = overlay(GREY, HALF, [(1, "cat 50.0 %")])
    assert picture.dtype == np.uint8
    assert (picture[:640, :319] == 100).all()
    assert (picture[:640, 319:321] == 255).all()
    # 55 % of the photo's 100 and 45 % of VOC's first colour, (128, 0, 0)
    assert (picture[:640, 321:] == [113, 55, 55]).all()


def test_the_legend_has_a_patch_of_the_class_colour_and_dark_text_beside_it():
    strip = overlay(GREY, HALF, [(2, "cat 50.0 %")])[640:]
    assert strip.shape == (34, 640, 3)
    assert (strip[8:24, 8:24] == [0, 128, 0]).all()
    assert strip[:, :8].min() == 255 and strip[:, 24:32].min() == 255
    assert strip[:, 32:].min() < 50


def test_a_legend_that_is_too_long_has_more_lines():
    labels = [(index, "w" * 40) for index in (1, 2, 3)]  # two do not fit beside each other in 640 pixels
    strip = overlay(GREY, HALF, labels)[640:]
    assert strip.shape == (8 + 3 * 26, 640, 3)
    assert [strip[12 + 26 * line, 12].tolist() for line in range(3)] == [[128, 0, 0], [0, 128, 0], [128, 128, 0]]


def test_small_photos_are_enlarged_and_large_ones_reduced():
    small = overlay(GREY[:32, :64], HALF[:32, 288:352], [])
    assert small.shape == (320 + 34, 640, 3)
    assert (small[:320, 319:321] == 255).all() and (small[:320, 330:] == [113, 55, 55]).all()
    large = overlay(GREY.repeat(4, 0).repeat(4, 1), HALF.repeat(4, 0).repeat(4, 1), [])
    assert large.shape == (1280 + 34, 1280, 3)
    assert (large[:1280, 639:641] == 255).all() and (large[:1280, :639] == 100).all()
