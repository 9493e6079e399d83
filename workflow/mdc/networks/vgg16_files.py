"""Files with VGG16 trained on ImageNet: which tensors they hold, and the input that these expect."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mdc.networks.checkpoints import read_torch
from mdc.networks.encoders.vgg import TORCHVISION_CONVOLUTIONS, checked
from mdc.runtime.errors import InputError

# Numbers of VGG16's layers in files.
CONVOLUTIONS = tuple(number for stage in TORCHVISION_CONVOLUTIONS for number in stage)
FC = {"torchvision's vgg16": (0, 3, 6), "pytorch-vgg's vgg16": (1, 4, 6)}
REDUCED_FC = (31, 33)
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
    "torchvision": Input(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
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


@dataclass(frozen=True)
class Vgg16:
    """VGG16's tensors as a file has them, under its own names."""

    state: Mapping[str, Tensor]
    kind: str  # of KINDS
    input: Input
    source: Path

    @property
    def prefix(self) -> str:
        return "" if self.kind == "vgg16_reducedfc" else "features."


def read_vgg16(path: Path, *, weights_input: str) -> Vgg16:
    """Return the content of a file with VGG16's weights.

    It may be torchvision's `VGG16_Weights`, the same without its fully connected layers, `vgg16-00b39a1b.pth` of
    jcjohnson/pytorch-vgg, which is Caffe's, or `vgg16_reducedfc.pth`, whose fc6 and fc7 are subsampled already.

    Args:
        weights_input: a key of `INPUTS`, or `auto`: torchvision's for its own weights, `caffe_bgr` for pytorch-vgg's,
            `caffe_rgb` for `vgg16_reducedfc` and for `IMAGENET1K_FEATURES`, whose classifier is not a number.

    Raises:
        InputError: the file is missing, damaged or of none of these kinds; or `auto` cannot tell the input.
    """
    state = read_torch(path)
    names = set(state) if isinstance(state, Mapping) else set()
    kind = next((kind for kind, expected in KINDS.items() if names == expected), None)
    if kind is None:
        nearest = min(KINDS, key=lambda kind: len(KINDS[kind] ^ names))
        missing, unknown = sorted(KINDS[nearest] - names), sorted(map(str, names - KINDS[nearest]))
        what = [f"lacks {', '.join(missing[:3])}"] if missing else []
        what += [f"has {', '.join(unknown[:3])}, which is not in it"] if unknown else []
        raise InputError(
            f"{path}: is no file with VGG16's weights; next to {nearest} it {' and '.join(what)}: name another file, "
            "or set init to file for weights of this workflow"
        )
    if weights_input == "auto":
        weights_input = _input_of(state, kind, path)
    return Vgg16(state=state, kind=kind, input=INPUTS[weights_input], source=path)


def _input_of(state: Mapping[str, Tensor], kind: str, path: Path) -> str:
    if kind == "vgg16_reducedfc":
        return "caffe_rgb"
    if kind == "pytorch-vgg's vgg16":
        return "caffe_bgr"
    if kind == "torchvision's vgg16":
        first = state["classifier.0.weight"]
        is_caffe = isinstance(first, Tensor) and first.layout == torch.strided and torch.isnan(first).any()
        return "caffe_rgb" if is_caffe else "torchvision"
    raise InputError(
        f"{path}: does not tell what input its weights expect: set weights_input to torchvision, caffe_rgb or caffe_bgr"
    )


def every_nth(weight: Tensor, steps: tuple[int, ...]) -> Tensor:
    """Return a copy of `weight` with every `steps[i]`-th entry of dimension i, from the first on."""
    return weight[tuple(slice(None, None, step) for step in steps)].clone()


def fc6_and_fc7(vgg16: Vgg16) -> tuple[dict[str, Tensor], list[str]]:
    """Return LargeFOV's fc6 and fc7 from VGG16's (Chen et al. 2014), and the names in the file that they come from.

    fc6: 4096 filters over 512 x 7 x 7 become 1024 over 512 x 3 x 3 (every 4th filter, positions 0, 3 and 6);
    fc7: 4096 x 4096 becomes 1024 x 1024 (every 4th by every 4th). `vgg16_reducedfc` has them so.

    Raises:
        InputError: the file has none, or they are of another shape or not finite.
    """
    state, source = vgg16.state, vgg16.source
    if vgg16.kind == "vgg16_reducedfc":
        names = _names("", REDUCED_FC)
        shapes = ((1024, 512, 3, 3), (1024,), (1024, 1024, 1, 1), (1024,))
        values = [checked(state, name, shape, source=source) for name, shape in zip(names, shapes, strict=True)]
    elif vgg16.kind in FC:
        names = _names("classifier.", FC[vgg16.kind][:2])
        inputs = 512 * FC6_GRID * FC6_GRID
        shapes = ((4096, inputs), (4096,), (4096, 4096), (4096,))
        whole = [checked(state, name, shape, source=source) for name, shape in zip(names, shapes, strict=True)]
        values = [
            every_nth(whole[0].view(4096, 512, FC6_GRID, FC6_GRID), (EVERY_FILTER, 1, EVERY_POSITION, EVERY_POSITION)),
            every_nth(whole[1], (EVERY_FILTER,)),
            every_nth(whole[2], (EVERY_FILTER, EVERY_FILTER))[:, :, None, None],
            every_nth(whole[3], (EVERY_FILTER,)),
        ]
    else:
        raise InputError(
            f"{source}: has no fully connected layers, from which the segmenter's fc6 and fc7 start: name "
            "torchvision's IMAGENET1K_V1 or vgg16_reducedfc.pth in segmenter.weights, or take init classifier"
        )
    return dict(zip(("fc6.weight", "fc6.bias", "fc7.weight", "fc7.bias"), values, strict=True)), names


@torch.no_grad()
def start_from_vgg16(network: nn.Module, vgg16: Vgg16) -> dict[str, str]:
    """Give a classifier or a segmenter VGG16's layers and their standardisation; return what became of every tensor.

    The result has the names of all tensors in the file, with `used` or `unused`, and of those of the network that are
    not from it, with `new`. These are exactly the layers that the paper adds.

    Raises:
        InputError: the network is not VGG16's size; a tensor is of another shape or not finite.
    """
    convolutions = {f"features.{name}": vgg16.state[vgg16.prefix + name] for name in _names("", CONVOLUTIONS)}
    if vgg16.input.blue_first:  # the photo stays red first: the first layer's weights change places instead
        first = checked(convolutions, "features.0.weight", (64, 3, 3, 3), source=vgg16.source)
        convolutions["features.0.weight"] = first.flip(1)
    names = network.trunk.load_imagenet(convolutions, source=vgg16.source)
    used = [vgg16.prefix + name.removeprefix("features.") for name in names]
    filled = {f"trunk.{name}" for name in network.trunk.state_dict()}
    network.standardise.set(vgg16.input.mean, vgg16.input.std)
    if hasattr(network, "fc6"):
        tensors, names = fc6_and_fc7(vgg16)
        own = network.state_dict()
        for name, tensor in tensors.items():
            if own[name].shape != tensor.shape:
                raise InputError(f"segmenter.fc_width must be 1024 to start {name} from VGG16")
            own[name].copy_(tensor)
        used += names
        filled |= tensors.keys()
    own = network.state_dict()
    added = {id(parameter) for parameter in network.new_parameters()}
    new = {name for name, parameter in network.named_parameters() if id(parameter) in added}
    assert own.keys() - filled == new | {"standardise.mean", "standardise.std"}
    uses = {name: "used" if name in used else "unused" for name in vgg16.state}
    return uses | {name: "new" for name in sorted(new)}
