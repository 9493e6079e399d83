"""Keys of the two networks: their layers, starting weights, random views and training."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mdc.config.experiments import SETTING_PATTERN, WITHOUT_CRF
from mdc.config.keys import Channels, Count, Dilation, Float, Int, PathText, Section, Seed, Unique

Norm = Literal["none", "batch", "group"]
NetworkName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
SettingName = Annotated[str, Field(pattern=rf"^{WITHOUT_CRF}{SETTING_PATTERN}$")]
Dilations = Annotated[list[Dilation], Field(min_length=1)]


def _frozen_part(value: Any) -> str | int:
    if value in ("none", "encoder"):
        return value
    is_number = isinstance(value, int) and not isinstance(value, bool) or isinstance(value, str) and value.isdecimal()
    if not is_number or int(value) < 1:
        raise ValueError(f"'{value}' is not a valid value; choose none, encoder or a number of stages, 1 or more")
    return int(value)


class Augmentation(Section):
    """The random view of a photo, and of its mask, that a network is trained on."""

    crop_px: Int = Field(
        321,
        ge=17,
        le=8193,
        description="Side of the square crop in pixels (paper 4.1); a multiple of 8 plus 1 lets the features reach its "
        "last pixel.",
    )
    resize_long_side_px: list[Annotated[Int, Field(ge=16, le=65535)]] = Field(
        [], max_length=2, description="Lowest and highest length of the long side before the crop; empty: as it is."
    )
    flip: bool = Field(True, description="Whether half of the views are mirrored left-right.")
    views: Count = Field(
        2,
        description="With a frozen encoder: views of each photo, the same in every epoch and for every seed, of which "
        "every second one is mirrored. Our choice.",
    )


class Training(Section):
    """How a network is trained."""

    batch_size: Count = Field(30, description="Images per optimiser step (paper 4.1).")
    micro_batches: Count = Field(
        1, description="Parts in which a batch is computed one after the other, to fit on a small GPU."
    )
    epochs: Int = Field(15, ge=1, le=100_000, description="Passes over the training images (paper 4.1).")
    optimizer: Literal["sgd", "adamw"] = Field("sgd", description="sgd with momentum (as DeepLab), or adamw.")
    freeze: Annotated[Literal["none", "encoder"] | Annotated[int, Field(ge=1)], BeforeValidator(_frozen_part)] = Field(
        "none",
        description="What keeps its pre-trained weights and statistics. A number: so many of the encoder's first "
        "stages (VGG: conv1 to conv5; ResNet: stem, layer1 to layer4; timm: as `encoder.stage` counts, a vision "
        "transformer's patch embedding before its blocks). encoder: its features are computed once for each of "
        "`augmentation.views` and kept on disk in 16 bits (the log says how many MB), which makes training fast.",
    )
    encoder_batch_norm: Literal["train", "eval"] = Field(
        "train",
        description="Whether the encoder's batch normalisation, where it has some, takes its statistics from the batch "
        "(train) or keeps those of the starting weights (eval).",
    )
    lr: Float = Field(0.001, gt=0, description="Learning rate of the encoder's weights (paper 4.1).")
    momentum: Float = Field(0.9, ge=0, lt=1, description="Of sgd. As DeepLab.")
    weight_decay: Float = Field(
        0.0005, ge=0, description="Of convolution and linear weights; biases and normalisation have none. As DeepLab."
    )
    lr_schedule: Literal["step", "cosine"] = Field(
        "step", description="step: multiplied by `lr_decay_factor` after `lr_decay_epochs`; cosine: to 0 at the end."
    )
    lr_decay_epochs: list[Count] = Field(
        [6], description='Paper 4.1: "decreased by a factor of 10 after 6 epochs"; [6, 12] is DeepLab\'s reading.'
    )
    lr_decay_factor: Float = Field(0.1, gt=0, le=1, description="Of the schedule step (paper 4.1).")
    warmup_steps: Int = Field(0, ge=0, description="Optimiser steps in which the learning rate rises from 0.")
    bias_lr_factor: Float = Field(
        2, gt=0, description="Learning rate of biases and normalisation relative to `lr`. As DeepLab."
    )
    new_layer_lr_factor: Float = Field(
        10, gt=0, description="Learning rate of layers without pre-trained weights relative to `lr`. As DeepLab."
    )
    precision: Literal["auto", "fast", "32-true", "16-mixed", "bf16-mixed"] = Field(
        "auto",
        description="Lightning's precision; auto: mixed on a GPU, 32 bits on a CPU. fast: mixed also on a CPU that "
        "computes with bfloat16 (AMX, AVX512-BF16), in about a third of the time.",
    )
    validate_every_epochs: Count = Field(
        1,
        description="Epochs between validations; more than `epochs` for none. Classifier: average precision on val. "
        "Segmenter: mIoU on up to 100 images of val with ground truth or, where val has none or is learnt from, of "
        "train against the masks that are trained on.",
    )


def _as_section(value: Any) -> Any:
    return {"dilations": value} if isinstance(value, (list, tuple)) else value


class NetworkKeys(Section):
    """One classifier: `[1, 3, 6, 9]` for short, or with an encoder of its own."""

    dilations: Dilations | None = Field(
        None, description="Dilation of each block, in features; block 0 gives H_0. Empty: those of the first network."
    )
    encoder: dict[str, Any] = Field({}, description="Keys of `encoder` that differ for this classifier.")


Networks = dict[
    NetworkName,
    Annotated[NetworkKeys, BeforeValidator(_as_section, json_schema_input_type=Dilations | NetworkKeys)],
]


class Classifier(Section):
    """The multi-dilation classification network (paper 3.2)."""

    networks: Networks = Field(
        {"mdc": NetworkKeys(dilations=[1, 3, 6, 9])},
        min_length=1,
        description="Classifiers to train: name -> dilations of the blocks (paper 3.2).",
    )
    ablations: Networks = Field(
        {
            "same": NetworkKeys(dilations=[1, 1, 1, 1]),
            "stride16": NetworkKeys(encoder={"name": "vgg", "output_stride": 16}),
        },
        description="More classifiers, which only rows of the tables ask for (paper 4.3.2).",
    )
    block_width: Channels = Field(512, description="Channels of each block. Our choice.")
    block_norm: Norm = Field("none", description="Normalisation in the blocks.")
    head: Literal["per_block", "shared"] = Field(
        "per_block", description="One fully connected layer per block, or one for all; each block has its own loss."
    )
    head_bias: Literal["zero", "prior"] = Field(
        "zero",
        description="Start of the heads' biases: 0 (as DeepLab's layers), or the log-odds of the share of photos with "
        "the class, so that short trainings need not press all maps down to learn that most classes are rare.",
    )
    init: Literal["pretrained", "random", "file"] = Field(
        "pretrained",
        description="Starting weights: pretrained: those of the encoder (paper 4.1: VGG16, ImageNet); file: a "
        "classifier that this workflow has trained.",
    )
    weights: PathText = Field("", description="For init file: its weights.pt.")
    augmentation: Augmentation = Field(Augmentation(resize_long_side_px=[320, 640]), description=Augmentation.__doc__)
    training: Training = Field(Training(), description=Training.__doc__)


class Strong(Section):
    """The images with true masks of the settings semi<n>-<masks> (paper 4.4); fewer are always among more."""

    pool: Int = Field(
        0,
        ge=0,
        description="Training images that may be chosen at most; 0: all with a true mask (source voc: those of VOC's "
        "train).",
    )
    with_val: Int = Field(
        2913, ge=0, description="This n includes all of val, so that it is scored on test only (paper 4.4); 0: none."
    )
    seed: Seed = Field(0, description="Seed of the choice, the same for all `seeds` of the networks.")
    share: Float = Field(
        0, ge=0, lt=1, description="Share of them in every batch; 0: drawn from all images alike (equation 2)."
    )


class Segmenter(Section):
    """The segmentation network DeepLab-LargeFOV (paper 3.3 and 4.1)."""

    settings: Annotated[list[SettingName], Unique] = Field(
        ["weak-d1", "weak-d3", "weak-d6", "weak-d9", "weak-fusion", "true-masks"],
        description="Segmenters to train: weak-<masks> on pseudo masks (equation 1), semi<n>-<masks> on n true masks "
        "and the pseudo masks of the other images (equation 2), true-masks; each also as <setting>@<variant>. <masks>: "
        "a block (d3), fusion, mean, external, or with a producer in front: salient-fusion, and refined "
        "densecrf-fusion, pamr-fusion.",
    )
    encoder: dict[str, Any] = Field({}, description="Keys of `encoder` that differ for the segmenter.")
    head: Literal["largefov", "plain"] = Field(
        "largefov",
        description="largefov: fc6, fc7 and the class scores (paper 4.1); plain: dropout and a 1x1 convolution to the "
        "class scores; `fc_width`, `fc6_dilation` and `fc_norm` then do nothing.",
    )
    fc_width: Channels = Field(1024, description="Channels of fc6 and fc7. DeepLab-LargeFOV.")
    fc6_dilation: Dilation = Field(12, description="Dilation of fc6, in features. DeepLab-LargeFOV.")
    fc_norm: Norm = Field("none", description="Normalisation after fc6 and fc7.")
    dropout: Float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Probability after fc6 and after fc7, or of the plain head's features. DeepLab-LargeFOV.",
    )
    init: Literal["pretrained", "classifier", "random", "file"] = Field(
        "pretrained",
        description="Starting weights: as for the classifier; classifier: the encoder of the classifier of the same "
        "seed; file: a segmenter that this workflow has trained.",
    )
    weights: PathText = Field("", description="For init file: its weights.pt.")
    loss_resolution: Literal["network", "image"] = Field(
        "network",
        description="network: the mask at the pixels on which the features sit (as DeepLab); image: scores enlarged.",
    )
    strong: Strong = Field(Strong(), description=Strong.__doc__)
    online_term: bool = Field(True, description="Whether weak segmenters have the second term of equation 1.")
    online_warmup_epochs: Int = Field(
        0, ge=0, description="Epochs before the online term is added; 0 in the paper (3.3.1)."
    )
    augmentation: Augmentation = Field(Augmentation(), description=Augmentation.__doc__)
    training: Training = Field(Training(), description=Training.__doc__)
