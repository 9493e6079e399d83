"""The paper's claims, each as a comparison of two settings, and when a difference is called shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from mdc.config.config import Config

STAGES = {"pseudo masks": ("train", False), "segmenter": ("val", False), "segmenter + CRF": ("val", True)}
LAST_STAGE = tuple(STAGES)[-1]
SINGLE_AND_MEAN = ("d1", "d3", "d6", "d9", "mean")
CONFLICT_RULES = {"ignore": "conflicts ignored", "background": "background wins", "object": "object wins"}
CONFLICT_VARIANTS = {"conflicts-ignored": "ignore", "background-wins": "background", "object-wins": "object"}
CRF_CLAIM = "CRF over none"
CRF_SETTINGS = ("weak-d1", "weak-fusion", "weak-salient-fusion", "true-masks")


@dataclass(frozen=True)
class Claim:
    """That masks made in the first way are better than in the second: names such as `fusion@best`, and what to say."""

    words: str
    first: str
    second: str
    stages: tuple[str, ...] = tuple(STAGES)


def claims_of(config: Config) -> list[Claim]:
    """Return the paper's claims that a run with this configuration can test, if it has the settings.

    The words follow the configuration: a variant is compared with the configuration's own choice.
    """
    saliency, conflict = config.saliency.source, config.masks.background_conflict
    segmenters = tuple(STAGES)[1:]  # pseudo masks with fewer labels lose by the score's definition
    if config.segmenter.online_term:
        warmup = config.segmenter.online_warmup_epochs
        words = f"online term after a warm-up of {warmup}" if warmup else "online term from the start"
        online = [
            Claim(f"{words} over none", "fusion", "fusion@no-online", segmenters),
            Claim(f"{words} over from the start", "fusion", "fusion@online-at-once", segmenters),
        ]
    else:
        online = [Claim("online term over none", "fusion@online", "fusion", segmenters)]
    found = [
        *(Claim(f"fusion over {name}, one threshold", "fusion", name) for name in SINGLE_AND_MEAN),
        *(Claim(f"fusion over {name}, best thresholds", "fusion@best", f"{name}@best") for name in SINGLE_AND_MEAN),
        Claim("maps over saliency alone, one threshold", "fusion", "salient-fusion"),
        Claim("maps over saliency alone, best threshold", "fusion@best", "salient-fusion"),
        Claim("maps of a trained classifier over an untrained one's", "fusion@best", "fusion@untrained"),
        *online,
        Claim(f"saliency {saliency} over none", "fusion@best", "fusion@no-saliency", segmenters),
        Claim(f"true objects as saliency over {saliency}", "fusion@true-saliency", "fusion@best"),
        Claim("true masks over weak ones", "true-masks", "fusion"),
    ]
    for variant, rule in CONFLICT_VARIANTS.items():
        if rule != conflict:
            words = f"{CONFLICT_RULES[rule]} over {CONFLICT_RULES[conflict]}"
            found.append(Claim(words, f"fusion@{variant}", "fusion@best", segmenters))
    return found


def between(dataset: str, other: str) -> str:
    """Return what the comparison of two runs on the same images is called."""
    return f"{dataset} over {other}"


def result_of(masks: str, stage: str) -> str:
    """Return the name of the result of masks such as `fusion@best`, `salient-fusion` or `true-masks` at a stage."""
    if masks == "true-masks":
        return masks
    return f"pseudo-{masks}" if stage == "pseudo masks" else f"weak-{masks}"


def verdict(row: Mapping[str, float]) -> str:
    """Return whether a difference is shown: its interval leaves out 0, and all of at least two seeds have its sign."""
    if row["seeds"] > 1 and row["low"] > 0 and row["seeds_above"] == row["seeds"]:
        return "yes"
    if row["seeds"] > 1 and row["high"] < 0 and row["seeds_below"] == row["seeds"]:
        return "no, the reverse"
    return "not shown"
