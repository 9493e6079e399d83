"""What only a whole set shows: whether its masks can be what they seem, and whether its tags teach anything.

A single mask that shows another class than its image's tags is a slip. If most masks of a class do so, all in the same
way, they have other indices than the list of classes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from mdc.data.labels import VOID
from mdc.data.mask_files import LoadedMask

LEAST_CONTRADICTIONS = 2  # classes in masks that their images' tags do not name; one is a slip
LEAST_UNRELATED, SHARE_UNRELATED = 3, 0.25  # masks without a class of their images' tags, and their share
SHARE_LEFT = 0.25  # of them, at most, under another reading of the indices for it to be the right one


@dataclass(frozen=True)
class Labels:
    """Of one image, the mask indices of its tags and those that its mask shows, void apart.

    `by_colour` is that of the loaded mask, see `mdc.data.mask_files.LoadedMask`.
    """

    tagged: frozenset[int]
    shown: frozenset[int]
    has_void: bool = False
    by_colour: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, tagged: Iterable[int], loaded: LoadedMask) -> "Labels":
        """Return those of an image with the mask indices `tagged` and this mask."""
        return cls(frozenset(tagged), loaded.shown, has_void=VOID in loaded.indices, by_colour=loaded.by_colour)


def label_fault(labels: Sequence[Labels], classes: Sequence[str]) -> str:
    """Return why the masks of a set cannot have the indices of `classes`, and what to do; nothing where they can."""
    return _all_void(labels) or _renumbered(labels, classes) or _reordered(labels, classes) or _unrelated(labels)


def _all_void(labels: Sequence[Labels]) -> str:
    void = sum(one.has_void for one in labels)
    if not void or any(one.shown for one in labels):
        return ""
    return (
        f"no mask shows a class, but {void} of {len(labels)} hold 255, which is void and not counted: if 255 is the "
        "object, save it as the index of its class (1 for the first)"
    )


def _contradictions(labels: Sequence[Labels], index_of: Mapping[int, int] | None = None) -> int:
    """Return how many classes masks show that their images' tags do not name, each index read as `index_of` it."""
    read = index_of or {}
    return sum(read.get(index, index) not in one.tagged for one in labels for index in one.shown)


def _renumbered(labels: Sequence[Labels], classes: Sequence[str]) -> str:
    coloured = [one for one in labels if one.shown and one.shown <= one.by_colour.keys()]
    found = _contradictions(coloured)
    by_colour = sum(_contradictions([one], one.by_colour) for one in coloured)
    if found < LEAST_CONTRADICTIONS or by_colour > SHARE_LEFT * found:
        return ""
    wrong = next(one for one in coloured if _contradictions([one]) > _contradictions([one], one.by_colour))
    index = min(wrong.shown - wrong.tagged)
    return (
        f"their indices do not fit the images' tags, but their palettes' colours do: index {index} has the colour of "
        f"{_name(wrong.by_colour[index], classes)}, so a program has renumbered the palettes: export the masks again "
        "without optimising them"
    )


def _reordered(labels: Sequence[Labels], classes: Sequence[str]) -> str:
    numbers = range(1, len(classes) + 1)
    tagged, shown = (
        np.array([[number in one for number in numbers] for one in sets], int).reshape(-1, len(classes))
        for sets in ([one.tagged for one in labels], [one.shown for one in labels])
    )
    differing = shown.T @ (1 - tagged) + (1 - shown).T @ tagged  # images by index of the mask and class of the tag
    # twice, so that of equal assignments the one that leaves indices as they are is taken
    rows, columns = linear_sum_assignment(2 * differing - np.eye(len(classes), dtype=int))
    meant = {int(row) + 1: int(column) + 1 for row, column in zip(rows, columns, strict=True) if row != column}
    moved = [Labels(one.tagged, one.shown & meant.keys()) for one in labels]
    found = _contradictions(moved)
    if found < LEAST_CONTRADICTIONS or _contradictions(moved, meant) > SHARE_LEFT * found:
        return ""
    pairs = [(index, class_) for index, class_ in meant.items() if any(index in one.shown for one in moved)]
    index, class_ = pairs[0]
    images = sum(index in one.shown for one in moved)
    fitting = sum(index in one.shown and class_ in one.tagged for one in moved)
    return (
        f"the masks number the classes in another order than the list of classes: index {index} is "
        f"'{classes[index - 1]}' there, but {fitting} of the {images} images that show it are tagged "
        f"'{classes[class_ - 1]}' ({len(pairs)} indices are so): list the classes as the masks number them, the first "
        "is index 1"
    )


def _unrelated(labels: Sequence[Labels]) -> str:
    both = [one for one in labels if one.tagged and one.shown]
    apart = sum(not one.tagged & one.shown for one in both)
    if apart < LEAST_UNRELATED or apart <= SHARE_UNRELATED * len(both):
        return ""
    return (
        f"{apart} of {len(both)} masks show none of the classes that their images are tagged with, but others: they "
        "are of other images, or number the classes in another way each: look at some and export them again"
    )


def nothing_to_learn(tags: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return a sentence for all that no classifier can learn from the tags of training images, each joined by ";"."""
    times = Counter(name for joined in tags for name in joined.split(";") if name)
    if not times:
        return ["no training image has a tag: nothing can be learnt from them"]
    nowhere = [name for name in classes if not times[name]]
    everywhere = [name for name in classes if times[name] == len(tags)]
    found = [("no", nowhere)] * bool(nowhere) + [("every", everywhere)] * bool(everywhere)
    return [f"classes that cannot be learnt, because {how} training image has them: {', '.join(n)}" for how, n in found]


def nothing_to_judge(train: Sequence[str], val: Sequence[str]) -> list[str]:
    """Return a sentence about classes that only training images are tagged with; tags as of `nothing_to_learn`."""
    learnt, judged = ({name for joined in tags for name in joined.split(";") if name} for tags in (train, val))
    if not val or not learnt - judged:
        return []
    return [f"classes without a validation image, so that they get no score: {', '.join(sorted(learnt - judged))}"]


def _name(index: int, classes: Sequence[str]) -> str:
    return f"'{classes[index - 1]}'" if 0 < index <= len(classes) else "no class"
