"""Masks that cannot be what they seem are told by the whole set, and slips in single ones are not taken for it."""

import pytest

from mdc.data.set_checks import Labels, label_fault, nothing_to_judge, nothing_to_learn

CLASSES = ("cat", "dog", "cow")
TAGS = [{1}, {2}, {3}, {1, 2}, {2, 3}, {1}, {2}, set()]


def labels(index_of: dict[int, int], **fields) -> list[Labels]:
    """Masks that show the classes of the tags, each with the index that it has there; 0 is lost in the background."""
    shown = [frozenset(index_of.get(tag, tag) for tag in tags) - {0} for tags in TAGS]
    return [Labels(frozenset(tags), one, **fields) for tags, one in zip(TAGS, shown, strict=True)]


@pytest.mark.parametrize(
    ("index_of", "index", "listed", "tagged"),
    [
        ({1: 2, 2: 1}, 1, "cat", "dog"),  # two swapped
        ({1: 2, 2: 3, 3: 1}, 1, "cat", "cow"),
        ({1: 0, 2: 1, 3: 2}, 1, "cat", "dog"),  # numbered from 0, so that the first class is background
    ],
)
def test_another_order_of_the_classes(index_of, index, listed, tagged):
    fault = label_fault(labels(index_of), CLASSES)
    assert f"index {index} is '{listed}' there, but " in fault and f"are tagged '{tagged}'" in fault


def test_a_list_of_classes_with_one_that_no_mask_knows():
    shifted = [Labels(frozenset(tag + 1 for tag in tags), frozenset(tags)) for tags in TAGS]
    assert "index 1 is 'nothing' there, but 3 of the 3 images that show it are tagged 'cat'" in label_fault(
        shifted, ("nothing", *CLASSES)
    )


def test_only_255():
    masks = [Labels(frozenset({1}), frozenset(), has_void=True)] * 3
    assert label_fault(masks, ("cat",)).startswith("no mask shows a class, but 3 of 3 hold 255")
    assert label_fault([*masks, Labels(frozenset({1}), frozenset({1}))], ("cat",)) == ""


def test_palettes_that_were_renumbered():
    # every mask has the classes that it shows as 1, 2, ..., in VOC's colours of what they were
    masks = [
        Labels(frozenset(t), frozenset(range(1, len(t) + 1)), by_colour=dict(enumerate(sorted(t), 1))) for t in TAGS
    ]
    assert "index 1 has the colour of 'dog', so a program has renumbered the palettes" in label_fault(masks, CLASSES)


def test_masks_of_other_images():
    masks = [Labels(frozenset({n % 3 + 1}), frozenset({n // 3 % 3 + 1})) for n in range(9)]
    assert label_fault(masks, CLASSES).startswith("6 of 9 masks show none of the classes that their images are tagged")


@pytest.mark.parametrize(
    "masks",
    [
        labels({}),
        [*labels({}), Labels(frozenset({1}), frozenset({2})), Labels(frozenset({2}), frozenset({3}))],  # slips
        [Labels(frozenset({1, 2}), frozenset({1, 2}))] * 9,  # both in every image: nothing tells them apart
        [Labels(frozenset({1}), frozenset({1, 2, 3}))] * 9,  # tags that name one class of several
        [Labels(frozenset({1, 2, 3}), frozenset({2}))] * 9,  # masks of one class of several
        [],
    ],
)
def test_masks_that_can_be_what_they_seem(masks):
    assert label_fault(masks, CLASSES) == ""


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["cat", "cat;dog"], ["no training image has them: cow", "every training image has them: cat"]),
        (["", ""], ["no training image has a tag: nothing can be learnt from them"]),
        (["cat;cow", "dog"], []),
    ],
)
def test_tags_that_teach_nothing(tags, found):
    said = nothing_to_learn(tags, CLASSES)
    assert len(said) == len(found) and all(one.endswith(end) for one, end in zip(said, found, strict=True))


def test_classes_without_a_validation_image_are_named():
    (said,) = nothing_to_judge(["cow;dog", "cat"], ["cat", "owl"])
    assert said.endswith(": cow, dog")
    assert nothing_to_judge(["cat"], []) == nothing_to_judge(["cat"], ["cat;dog"]) == []
