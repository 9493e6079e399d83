"""What is trained and what is scored, and the names of it: one type, which everything else asks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from mdc.config.config import Config

FUSED, SALIENT, DENSECRF, PAMR, EXTERNAL = "fused", "salient", "densecrf", "pamr", "external"
NAMED_PRODUCERS = (SALIENT, DENSECRF, PAMR)  # stand before the maps; `fused` has no name, and `external` has no maps
CHANGE_MASKS = frozenset({"masks", "saliency", "cams"})  # sections: a variant of one of them has its own pseudo masks
CRF = "-crf"

# of the names that a configuration can hold, for its schema
MASKS_PATTERN = rf"(({'|'.join(NAMED_PRODUCERS)})-)?[a-z0-9_]+"
VARIANT_PATTERN = r"@[a-z0-9]+(-[a-z0-9]+)*"
SETTING_PATTERN = rf"((weak|semi[1-9][0-9]*)-{MASKS_PATTERN}|true-masks)({VARIANT_PATTERN})?"
WITHOUT_CRF = rf"(?!.*{CRF}$)"

_PRODUCER = f"(?:(?P<producer>{'|'.join(NAMED_PRODUCERS)})-)?(?P<maps>[a-z0-9_]+)"
_LEARNS_OR_IS = rf"(?P<kind>weak|semi(?P<strong>[1-9]\d*)|pseudo)-{_PRODUCER}"
_NAME = re.compile(
    rf"(?:{_LEARNS_OR_IS}|true-masks|all-background)(?:@(?P<variant>[a-z0-9]+(?:-[a-z0-9]+)*?))?(?P<crf>{CRF})?"
)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A segmenter to train, or masks to score: its parts, and its name as `str`.

    | name | what it is |
    |---|---|
    | `weak-fusion` | a segmenter trained on the pseudo masks of the fused maps (equation 1) |
    | `semi500-d3` | one trained on 500 true masks and the pseudo masks of the other images (equation 2) |
    | `true-masks` | one trained on true masks |
    | `pseudo-salient-fusion` | the pseudo masks themselves |
    | `weak-densecrf-fusion` | one trained on the fused maps' masks as a dense CRF refines them |
    | `all-background` | the trivial baseline |

    `@<variant>` after these is the same with the keys of `variants.<variant>`, and `-crf` after all of it the masks
    after the CRF.

    Attributes:
        kind: weak, semi, true-masks, pseudo or all-background.
        producer: of the pseudo masks: fused, salient, densecrf, pamr, external; empty where there are none.
        maps: that they are made of: a block, fusion or mean; empty for those of another method.
        strong: number of images with true masks in a semi-supervised segmenter, else 0.
    """

    kind: str
    producer: str = ""
    maps: str = ""
    strong: int = 0
    variant: str = ""
    crf: bool = False

    @classmethod
    def parse(cls, name: str) -> Self:
        """Return the experiment of that name; raises ValueError if it is none."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{name} is not the name of an experiment")
        parts = found.groupdict(default="")
        kind = parts["kind"] or re.split("@|-crf", name)[0]
        producer, maps = parts["producer"] or FUSED, parts["maps"]
        if (producer, maps) == (FUSED, EXTERNAL):
            producer, maps = EXTERNAL, ""
        return cls(
            kind="semi" if parts["strong"] else kind,
            producer=producer if parts["kind"] else "",
            maps=maps,
            strong=int(parts["strong"] or 0),
            variant=parts["variant"],
            crf=bool(parts["crf"]),
        )

    @classmethod
    def of_masks(cls, name: str) -> Self:
        """Return the pseudo masks of that name: `fusion`, `salient-d3@best`."""
        return cls.parse(f"pseudo-{name}")

    def __str__(self) -> str:
        base = {"semi": f"semi{self.strong}"}.get(self.kind, self.kind)
        base += f"-{self._produced}" if self.producer else ""
        return base + (f"@{self.variant}" if self.variant else "") + CRF * self.crf

    @property
    def _produced(self) -> str:
        before = f"{self.producer}-" if self.producer in NAMED_PRODUCERS else ""
        return before + (self.maps or self.producer)

    @property
    def masks_name(self) -> str:
        """The name of pseudo masks as a part of paths: `fusion`, `salient-d3@best`."""
        return self._produced + (f"@{self.variant}" if self.variant else "")

    @property
    def is_segmenter(self) -> bool:
        """Whether it is a network to train, and not masks that are scored as they are."""
        return self.kind in ("weak", "semi", "true-masks")

    @property
    def base(self) -> Self:
        """The same without variant."""
        return replace(self, variant="")

    @property
    def setting(self) -> Self:
        """The same without CRF."""
        return replace(self, crf=False)

    def masks(self, config: "Config") -> Self | None:
        """Return the pseudo masks that a segmenter learns from, or that these are; None for true masks and background.

        A variant of the segmenter's training alone shares the masks of the setting without it.
        """
        if not self.producer:
            return None
        changed = self.variant if self.variant and config.variants[self.variant].model_fields_set & CHANGE_MASKS else ""
        return replace(self, kind="pseudo", strong=0, variant=changed, crf=False)

    def swept(self, config: "Config") -> Self:
        """Return the pseudo masks whose threshold sweep holds for these: a variant of the threshold alone shares it."""
        changes = config.variants[self.variant] if self.variant else None
        is_threshold_alone = changes is not None and (
            changes.model_fields_set & CHANGE_MASKS == {"masks"} and changes.masks.model_fields_set == {"threshold"}
        )
        return self.base if is_threshold_alone else self

    def learns_from_val(self, config: "Config") -> bool:
        """Return whether it is trained on val's true masks, so that val says nothing about it (paper 4.4)."""
        return self.strong == config.segmenter.strong.with_val != 0

    def splits(self, config: "Config") -> list[str]:
        """Return the splits of `predictions.splits` on which a segmenter may be judged."""
        return [split for split in config.predictions.splits if split != "val" or not self.learns_from_val(config)]


def block_names(dilations: Sequence[int]) -> list[str]:
    """Return a name per block: `d` and its dilation; from the second block of the same dilation on, `_` and a count.

    `[1, 3, 6, 9]` gives d1, d3, d6, d9 and `[1, 1]` gives d1, d1_2.
    """
    names: list[str] = []
    for index, dilation in enumerate(dilations):
        again = list(dilations[:index]).count(dilation)
        names.append(f"d{dilation}" + (f"_{again + 1}" if again else ""))
    return names


def map_settings(dilations: Sequence[int]) -> list[str]:
    """Return the ways to make one map per class of the maps of all blocks: each block, and `fusion` and `mean`."""
    names = block_names(dilations)
    return [*names, "fusion", "mean"] if len(names) > 1 else names
