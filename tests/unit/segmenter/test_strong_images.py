"""Which images have human masks: nested choices that depend on the seed alone, and what cannot be chosen."""

import pandas as pd
import pytest

from mdc.data.manifest import COLUMNS, read_manifest, write_manifest
from mdc.runtime.errors import InputError
from mdc.segmenter.strong_images import choose_strong, nested_order, strong_table


def rows(*names: str, without: str = "") -> pd.DataFrame:
    """Return a manifest of images, those in `without` having no true mask."""
    masks = {name: "" if name in without else f"{name}.png" for name in names}
    table = [(name, f"{name}.jpg", "", mask, 2, 3, mask, 2, 3, "d") for name, mask in masks.items()]
    return pd.DataFrame(table, columns=list(COLUMNS))


def chosen(images: int, *, train=None, val=None, candidates=None, pool=0, seed=0) -> list[str]:
    train = rows(*"abcdefghij") if train is None else train
    table = strong_table(train, val, images=images, candidates=candidates, pool=pool, seed=seed)
    return list(table["id"])


def test_every_choice_is_part_of_all_larger_ones():
    choices = [set(chosen(images)) for images in range(1, 11)]
    assert [len(choice) for choice in choices] == list(range(1, 11))
    assert all(small < large for small, large in zip(choices, choices[1:], strict=False))


def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_the_list():
    assert chosen(4) == chosen(4)
    assert set(chosen(4, train=rows(*"jihgfedcba"))) == set(chosen(4))
    assert len({tuple(chosen(4, seed=seed)) for seed in range(10)}) > 5
    assert nested_order(["b", "a"], seed=3) == nested_order(["a", "b"], seed=3)


def test_only_images_with_a_true_mask_and_in_the_list_are_chosen():
    train = rows(*"abcdef", without="ace")
    assert chosen(3, train=train) == ["b", "d", "f"]
    assert chosen(2, train=train, candidates=["a", "b", "f", "z"]) == ["b", "f"]
    with pytest.raises(InputError, match="semi4: only 3 training images can be chosen"):
        chosen(4, train=train)


def test_the_pool_bounds_the_choice():
    assert set(chosen(3, pool=3)) == set(chosen(3))
    with pytest.raises(InputError, match="semi4: only 3 training images"):
        chosen(4, pool=3)


def test_with_val_it_is_the_whole_pool_and_all_of_val():
    val = rows("v", "w", "x", without="w")
    assert chosen(5, val=val, pool=3) == [*chosen(3), "v", "x"]
    with pytest.raises(InputError, match=r"segmenter.strong.with_val: 4 is not .* 3 of train and 2 of val: write 5"):
        chosen(4, val=val, pool=3)


def test_on_voc_the_candidates_are_its_own_train_list(tmp_path):
    lists = tmp_path / "voc" / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (tmp_path / "voc" / "JPEGImages").mkdir()
    (lists / "train.txt").write_text("b\nd\n")
    write_manifest(rows(*"abcd"), tmp_path / "train.csv")
    choose_strong(
        train_csv=tmp_path / "train.csv",
        val_csv=None,
        voc_root=tmp_path / "voc",
        strong_csv=tmp_path / "strong.csv",
        images=2,
        pool=0,
        seed=0,
    )
    assert list(read_manifest(tmp_path / "strong.csv")["mask"]) == ["b.png", "d.png"]
