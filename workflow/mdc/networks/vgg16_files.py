"""Files with VGG16 trained on ImageNet: which tensors they hold, and the input that these expect."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mdc.networks.encoder import IMAGENET_MEAN, IMAGENET_STD, Pretrained
from mdc.networks.weight_files import read_torch
from mdc.runtime.errors import InputError

# Numbers of VGG16's layers in files: of the convolutions, stage by stage, as in torchvision's `vgg16().features`.
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
CONVOLUTIONS = tuple(number for stage in STAGES for number in stage)
FC = {"torchvision's vgg16": (0, 3, 6), "pytorch-vgg's vgg16": (1, 4, 6)}
REDUCED_FC = (31, 33)
FC_NAMES = ("fc6.weight", "fc6.bias", "fc7.weight", "fc7.bias")  # of LargeFOV
# How LargeFOV takes VGG16's fully connected layers: every 4th filter and every 3rd position of the 7 x 7.
FC6_GRID, EVERY_FILTER, EVERY_POSITION = 7, 4, 3


@dataclass(frozen=True)
class Input:
    """The input that weights expect: mean and spread of its values in 0..1, and whether its channels go blue first."""

    mean: tuple[float, float, float]  # red, green, blue
    std: tuple[float, float, float]
    blue_first: bool = False


_CAFFE = {"mean": (0.48235, 0.45882, 0.40784), "std": (1 / 255, 1 / 255, 1 / 255)}  # 123, 117, 104 of 255
INPUTS = {
    "torchvision": Input(mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "caffe_rgb": Input(**_CAFFE),
    "caffe_bgr": Input(**_CAFFE, blue_first=True),
}


def _names(prefix: str, numbers: tuple[int, ...]) -> list[str]:
    return [f"{prefix}{number}.{kind}" for number in numbers for kind in ("weight", "bias")]


KINDS = {
    **{kind: {*_names("features.", CONVOLUTIONS), *_names("classifier.", numbers)} for kind, numbers in FC.items()},
    "torchvision's vgg16, convolutions only": set(_names("features.", CONVOLUTIONS)),
    "vgg16_reducedfc": set(_names("", CONVOLUTIONS + REDUCED_FC)),
}


def read_vgg16(path: Path, *, weights_input: str, with_fully_connected: bool) -> Pretrained:
    """Return VGG16's 13 convolutions, and with `with_fully_connected` LargeFOV's fc6 and fc7, from a file.

    It may be torchvision's `VGG16_Weights`, the same without its fully connected layers, `vgg16-00b39a1b.pth` of
    jcjohnson/pytorch-vgg, which is Caffe's, or `vgg16_reducedfc.pth`, whose fc6 and fc7 are subsampled already.

    Args:
        weights_input: a key of `INPUTS`, or `auto`: torchvision's for its own weights, `caffe_bgr` for pytorch-vgg's,
            `caffe_rgb` for `vgg16_reducedfc` and for `IMAGENET1K_FEATURES`, whose classifier is not a number.

    Raises:
        InputError: the file is missing, damaged or of none of these kinds; a tensor is of another shape or not finite;
            `auto` cannot infer the input; there are no fully connected layers.
    """
    tensors = read_torch(path)
    kind = _kind(tensors, path)
    expected = INPUTS[_input_of(tensors, kind, path) if weights_input == "auto" else weights_input]
    prefix = "" if kind == "vgg16_reducedfc" else "features."
    state: dict[str, Tensor] = {}
    uses = dict.fromkeys(tensors, "unused")
    channels = 3
    for stage, (numbers, width) in enumerate(zip(STAGES, (64, 128, 256, 512, 512), strict=True), start=1):
        for index, number in enumerate(numbers, start=1):
            for part, shape in (("weight", (width, channels, 3, 3)), ("bias", (width,))):
                name = f"{prefix}{number}.{part}"
                state[f"conv{stage}_{index}.{part}"] = checked(tensors, name, shape, source=path)
                uses[name] = "encoder"
            channels = width
    if expected.blue_first:  # the photo stays red first: the first layer's weights change places instead
        state["conv1_1.weight"] = state["conv1_1.weight"].flip(1)
    fully_connected: dict[str, Tensor] = {}
    if with_fully_connected:
        fully_connected, names = fc6_and_fc7(tensors, kind, path)
        uses |= dict.fromkeys(names, "fully connected")
    return Pretrained(state=state, mean=expected.mean, std=expected.std, fully_connected=fully_connected, uses=uses)


def _kind(tensors: object, path: Path) -> str:
    names = set(tensors) if isinstance(tensors, Mapping) else set()
    kind = next((kind for kind, expected in KINDS.items() if names == expected), None)
    if kind is not None:
        return kind
    nearest = min(KINDS, key=lambda kind: len(KINDS[kind] ^ names))
    missing, unknown = sorted(KINDS[nearest] - names), sorted(map(str, names - KINDS[nearest]))
    what = [f"{', '.join(missing[:3])} is missing"] if missing else []
    what += [f"{', '.join(unknown[:3])} is not in it"] if unknown else []
    raise InputError(
        f"{path}: unrecognised checkpoint; closest match: {nearest}, but {' and '.join(what)}: name another file, or "
        "set init to file for weights of this workflow"
    )


def _input_of(tensors: Mapping[str, Tensor], kind: str, path: Path) -> str:
    if kind == "vgg16_reducedfc":
        return "caffe_rgb"
    if kind == "pytorch-vgg's vgg16":
        return "caffe_bgr"
    if kind == "torchvision's vgg16":
        first = tensors["classifier.0.weight"]
        is_caffe = isinstance(first, Tensor) and first.layout == torch.strided and torch.isnan(first).any()
        return "caffe_rgb" if is_caffe else "torchvision"
    raise InputError(
        f"{path}: the input of these weights cannot be inferred: set encoder.weights_input to torchvision, caffe_rgb "
        "or caffe_bgr"
    )


def every_nth(weight: Tensor, steps: tuple[int, ...]) -> Tensor:
    """Return a copy of `weight` with every `steps[i]`-th entry of dimension i, from the first on."""
    return weight[tuple(slice(None, None, step) for step in steps)].clone()


def fc6_and_fc7(tensors: Mapping[str, Tensor], kind: str, path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """Return LargeFOV's fc6 and fc7 from VGG16's (Chen et al. 2014), and the names in the file that they come from.

    fc6: 4096 filters over 512 x 7 x 7 become 1024 over 512 x 3 x 3 (every 4th filter, positions 0, 3 and 6);
    fc7: 4096 x 4096 becomes 1024 x 1024 (every 4th by every 4th). `vgg16_reducedfc` has them so.

    Raises:
        InputError: the file has none, or they are of another shape or not finite.
    """
    if kind == "vgg16_reducedfc":
        names = _names("", REDUCED_FC)
        shapes = ((1024, 512, 3, 3), (1024,), (1024, 1024, 1, 1), (1024,))
        values = [checked(tensors, name, shape, source=path) for name, shape in zip(names, shapes, strict=True)]
    elif kind in FC:
        names = _names("classifier.", FC[kind][:2])
        inputs = 512 * FC6_GRID * FC6_GRID
        shapes = ((4096, inputs), (4096,), (4096, 4096), (4096,))
        whole = [checked(tensors, name, shape, source=path) for name, shape in zip(names, shapes, strict=True)]
        values = [
            every_nth(whole[0].view(4096, 512, FC6_GRID, FC6_GRID), (EVERY_FILTER, 1, EVERY_POSITION, EVERY_POSITION)),
            every_nth(whole[1], (EVERY_FILTER,)),
            every_nth(whole[2], (EVERY_FILTER, EVERY_FILTER))[:, :, None, None],
            every_nth(whole[3], (EVERY_FILTER,)),
        ]
    else:
        raise InputError(
            f"{path}: has no fully connected layers, from which the segmenter's fc6 and fc7 start: name torchvision's "
            "IMAGENET1K_V1 or vgg16_reducedfc.pth in segmenter.encoder, or set segmenter.init to classifier"
        )
    return dict(zip(FC_NAMES, values, strict=True)), names


def checked(tensors: Mapping[str, Tensor], key: str, shape: tuple[int, ...], *, source: Path) -> Tensor:
    """Return `tensors[key]` as float32, known to have `shape` and finite values; `source` names the file in messages.

    Raises:
        InputError: it is not a plain tensor of floating-point numbers, of another shape or not finite.
    """
    tensor = tensors[key]
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or tensor.layout != torch.strided:
        raise InputError(f"{source}: {key} is not a plain tensor of floating-point numbers: name another file")
    if tuple(tensor.shape) != tuple(shape):
        raise InputError(f"{source}: {key} is {tuple(tensor.shape)}, expected {tuple(shape)}: name another file")
    tensor = tensor.float()  # before the check: what is finite in 64 bits need not be in 32
    if tensor.is_meta or not torch.isfinite(tensor).all():
        raise InputError(
            f"{source}: {key} has values that are not finite (torchvision's IMAGENET1K_FEATURES has such fully "
            "connected layers, which the segmenter cannot start from): name another file"
        )
    return tensor
