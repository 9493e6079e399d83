"""Keys and values that have another name now: what to write instead, by their old name."""

from collections.abc import Iterator, Mapping
from typing import Any

KEYS = {
    "backbone": "encoder",
    "downloads.weights.enum": "encoder.weights",
    "downloads.weights.urls": "downloads.weights: {NAME: {urls: [...]}}",
    "downloads.weights.hash": "downloads.weights: {NAME: {hash: ...}}",
    "data.shapes": "data.synthetic",
    "classifier.blocks": "classifier.networks",
    "classifier.conv5_dilation": "encoder.conv5_dilation",
    "classifier.weights_input": "encoder.weights_input",
    "classifier.view": "classifier.augmentation",
    "segmenter.weights_input": "encoder.weights_input",
    "segmenter.view": "segmenter.augmentation",
    "cams.own_maps": "cams.external_maps",
    "masks.own_masks": "masks.external_masks",
}
# keys of classifier.ablations.NAME
OF_NETWORKS = {
    "blocks": "dilations",
    "output_stride": "encoder: {output_stride: ...}",
}
VALUES = {
    ("data.source", "shapes"): "synthetic",
    ("data.source", "devkit"): "voc_layout",
    ("saliency.source", "truth"): "ground_truth",
    ("classifier.init", "imagenet"): "pretrained",
    ("segmenter.init", "imagenet"): "pretrained",
    ("encoder.name", "vgg16"): "vgg",
}


def renamed(config: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Yield a sentence for each key and value of a configuration that has another name now."""
    for key, value in config.items():
        name = f"{where}.{key}" if where else str(key)
        is_of_network = where.startswith("classifier.ablations.") and where.count(".") == 2
        new = KEYS.get(name) or (OF_NETWORKS.get(key) if is_of_network else "")
        if new:
            yield f"{name}: is now called {new}"
        elif isinstance(value, Mapping):
            yield from renamed(value, name)
        elif isinstance(value, str) and (name, value) in VALUES:
            yield f"{name}: {value} is now called {VALUES[name, value]}"
        elif name == "segmenter.settings" and isinstance(value, list) and "weak-own" in value:
            yield f"{name}: weak-own is now called weak-external"
