"""What follows from the configuration: names of blocks, map settings and segmenters, and where weights come from."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

# torchvision's VGG16_Weights; here because every start of the workflow needs them, and importing torchvision is slow.
VGG16_WEIGHTS = {
    "IMAGENET1K_V1": {
        "url": "https://download.pytorch.org/models/vgg16-397923af.pth",
        "hash": "sha256:397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    },
    "IMAGENET1K_FEATURES": {
        "url": "https://download.pytorch.org/models/vgg16_features-amdegroot-88682ab5.pth",
        "hash": "sha256:88682ab5",
    },
}
MASK_SECTIONS = {"masks", "saliency", "cams"}  # a variant of one of these has its own pseudo masks
VGG16_MB = 554  # of either file
_LEARNS = re.compile(r"(?:weak|semi(\d+))-(.+)")  # a segmenter of pseudo masks


def classifiers(config: Mapping[str, Any]) -> list[str]:
    """Return the names of all classifiers: those of the run, then the ablations, which only tables ask for."""
    return list(dict.fromkeys([*config["classifier"]["blocks"], *config["classifier"]["ablations"]]))


def classifier_blocks(config: Mapping[str, Any], classifier: str) -> list[int]:
    """Return the dilations of a classifier's blocks; an ablation has those of the first classifier unless it says.

    A classifier of the run takes the place of an ablation of the same name.
    """
    known = config["classifier"]["blocks"]
    if classifier in known:
        return known[classifier]
    return config["classifier"]["ablations"][classifier].get("blocks", next(iter(known.values())))


def output_stride(config: Mapping[str, Any], classifier: str) -> int:
    """Return the pixels between neighbouring features of a classifier."""
    ablations = {} if classifier in config["classifier"]["blocks"] else config["classifier"]["ablations"]
    return ablations.get(classifier, {}).get("output_stride", config["backbone"]["output_stride"])


def block_names(dilations: Sequence[int]) -> list[str]:
    """Return a name per block: `d` and its dilation; from the second block of the same dilation on, `_` and a count.

    `[1, 3, 6, 9]` gives d1, d3, d6, d9 and `[1, 1]` gives d1, d1_2.
    """
    names: list[str] = []
    for index, dilation in enumerate(dilations):
        again = list(dilations[:index]).count(dilation)
        names.append(f"d{dilation}" + (f"_{again + 1}" if again else ""))
    return names


def map_settings(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the ways to make one map per class of a classifier's blocks: each block, `fusion` and `mean`; or `own`."""
    if config["masks"]["own_masks"]:
        return ["own"]
    names = block_names(classifier_blocks(config, classifier))
    return [*names, "fusion", "mean"] if len(names) > 1 else names


def split_variant(name: str) -> tuple[str, str]:
    """Return a setting without its variant, and the variant: `weak-d1@best` is weak-d1 and best; empty for none."""
    base, _, variant = name.partition("@")
    return base, variant


def variant_config(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the configuration with what the variant of the setting `name` changes; without one as it is."""
    changes = config["variants"][split_variant(name)[1]] if "@" in name else {}
    return {**config, **{section: {**config[section], **keys} for section, keys in changes.items()}}


def learnt_masks(base: str) -> str:
    """Return the pseudo masks that a segmenter without variant learns from, empty for one that learns from none."""
    found = _LEARNS.fullmatch(base)
    return found[2] if found else ""


def strong_images(setting: str) -> int:
    """Return how many images with true masks a semi-supervised setting has, 0 for others: 500 of `semi500-fusion`."""
    found = _LEARNS.fullmatch(split_variant(setting)[0])
    return int(found[1] or 0) if found else 0


def learns_from_val(config: Mapping[str, Any], setting: str) -> bool:
    """Return whether a setting is trained on val's true masks, so that val says nothing about it (paper §4.4)."""
    return strong_images(setting) == config["segmenter"]["strong"]["with_val"] != 0


def splits_to_predict(config: Mapping[str, Any], setting: str) -> list[str]:
    """Return the splits of `predictions.splits` on which a setting may be judged."""
    return [
        split for split in config["predictions"]["splits"] if not (split == "val" and learns_from_val(config, setting))
    ]


def table_rows(config: Mapping[str, Any], table: str) -> list[tuple[str, str]]:
    """Return (classifier, setting) of the rows of `table3` or `table4`, as configured."""
    return [tuple(row.split("/", 1)) for row in config["scores"][table]]


def submitted(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (classifier, result) of the masks to submit; a result is a setting, with -crf after the CRF."""
    return [tuple(row.split("/", 1)) for row in config["submission"]["results"]]


def masks_of_setting(config: Mapping[str, Any], setting: str) -> str:
    """Return the pseudo masks that a segmenter learns from, `<maps>` or `salient-<maps>`, with its variant if needed.

    A variant that changes the training of the segmenter alone shares the masks of the setting without it.
    """
    base, variant = split_variant(setting)
    masks = learnt_masks(base) or base
    changed = variant and config["variants"][variant].keys() & MASK_SECTIONS
    return f"{masks}@{variant}" if changed else masks


def swept_masks(config: Mapping[str, Any], maps: str) -> str:
    """Return the pseudo masks whose threshold sweep holds for `maps`: a variant of the threshold alone has no other."""
    base, variant = split_variant(maps)
    changes = config["variants"][variant] if variant else {}
    shared = not changes.keys() & (MASK_SECTIONS - {"masks"}) and changes.get("masks", {}).keys() <= {"threshold"}
    return base if shared else maps


def pseudo_settings(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the pseudo masks to make and score: all map settings, and the variants that are asked for."""
    maps = map_settings(config, classifier)
    asked = [masks_of_setting(config, setting) for setting in segmenter_settings(config, classifier)]
    asked += config["masks"]["variants"]
    return list(dict.fromkeys([*maps, *(name for name in asked if split_variant(name)[0] in maps)]))


def salient_settings(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the baseline masks `salient-<maps>` to make and score; none where there is no saliency map."""
    if config["masks"]["own_masks"]:
        return []
    usual = map_settings(config, classifier) if config["saliency"]["source"] != "none" else []
    asked = [masks_of_setting(config, setting) for setting in segmenter_settings(config, classifier)]
    asked = [name for name in asked if name.startswith("salient-")]
    return list(dict.fromkeys([*(f"salient-{maps}" for maps in usual), *asked]))


def segmenter_settings(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the configured segmenters that this classifier has the maps for."""
    return [setting for setting in config["segmenter"]["settings"] if has_maps(config, classifier, setting)]


def has_maps(config: Mapping[str, Any], classifier: str, setting: str) -> bool:
    """Return whether a classifier has the maps that a segmenter learns from; `true-masks` needs none."""
    base = split_variant(setting)[0]
    return base == "true-masks" or learnt_masks(base).removeprefix("salient-") in map_settings(config, classifier)


def known_settings(config: Mapping[str, Any], classifier: str) -> list[str]:
    """Return the segmenters that can be asked for by name: those of the run and of the tables' rows."""
    rows = [row for table in ("table3", "table4") for row in table_rows(config, table)]
    asked = [setting for name, setting in rows if name == classifier and has_maps(config, classifier, setting)]
    return list(dict.fromkeys([*segmenter_settings(config, classifier), *asked]))


def needs_classifier(config: Mapping[str, Any]) -> bool:
    """Return whether any stage uses a classifier trained here."""
    own = config["cams"]["own_maps"] or config["masks"]["own_masks"]
    return not own or config["segmenter"]["init"] == "classifier"


def networks_from_imagenet(config: Mapping[str, Any]) -> list[str]:
    """Return the networks, of classifier and segmenter, that start from ImageNet's VGG16."""
    needed = {"classifier": needs_classifier(config), "segmenter": bool(config["segmenter"]["settings"])}
    return [stage for stage, is_needed in needed.items() if is_needed and config[stage]["init"] == "imagenet"]


def vgg16_file(config: Mapping[str, Any], stage: str) -> tuple[str, str]:
    """Return the user's file that a network with init imagenet starts from, empty for none, and its `weights_input`.

    The segmenter takes the classifier's unless it has its own.
    """
    if not config[stage]["weights"] and config["classifier"]["init"] == "imagenet":
        stage = "classifier"
    return config[stage]["weights"], config[stage]["weights_input"]


def downloads_weights(config: Mapping[str, Any]) -> bool:
    """Return whether VGG16's weights have to be downloaded: a network starts from them, and no file is named."""
    return any(not vgg16_file(config, stage)[0] for stage in networks_from_imagenet(config))


def weights_source(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return `urls` and `hash` of VGG16's weights: torchvision's where the configuration gives no others."""
    torchvision = VGG16_WEIGHTS[config["downloads"]["weights"]["enum"]]
    return {
        "urls": config["downloads"]["weights"]["urls"] or [torchvision["url"]],
        "hash": config["downloads"]["weights"]["hash"] or torchvision["hash"],
    }
