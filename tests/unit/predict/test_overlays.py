"""The picture of a mask over its photo."""

import numpy as np

from mdc.figures.letters import drawable
from mdc.predict.overlays import overlay

GREY = np.full((640, 640, 3), 100, np.uint8)
HALF = np.zeros((640, 640), np.uint8)
HALF[:, 320:] = 1


def test_names_that_the_font_lacks_are_told_apart():
    cat, dog = (overlay(GREY, HALF, [(1, name)]) for name in ("\N{CJK UNIFIED IDEOGRAPH-732B}", "\u72d7"))
    assert not np.array_equal(cat, dog)
    assert drawable("caf\u00e9 \u732b") == "caf\u00e9 <732B>"


def test_classes_are_tinted_and_outlined_and_the_background_is_as_it_was():
    picture = overlay(GREY, HALF, [(1, "cat 50.0 %")])
    assert picture.dtype == np.uint8
    assert (picture[:640, :319] == 100).all()
    assert (picture[:640, 319:321] == 255).all()
    # 55 % of the photo's 100 and 45 % of VOC's first colour, (128, 0, 0)
    assert (picture[:640, 321:] == [113, 55, 55]).all()
