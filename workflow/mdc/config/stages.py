"""Keys of the stages between and after the networks."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from mdc.config.experiments import CRF, MASKS_PATTERN, SETTING_PATTERN, VARIANT_PATTERN, WITHOUT_CRF
from mdc.config.keys import Dilation, Float, Int, PathText, Section, Seed, Share, Unique, changes_of
from mdc.config.networks import Segmenter
from mdc.config.sources import Saliency, Split

BEST = "best"
HIGHEST_THRESHOLD = 2  # of a fused map
MasksName = Annotated[str, Field(pattern=rf"^{WITHOUT_CRF}{MASKS_PATTERN}({VARIANT_PATTERN})?$")]
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Row = Annotated[str, Field(pattern=rf"^{WITHOUT_CRF}[A-Za-z][A-Za-z0-9_]*/{SETTING_PATTERN}$")]
ResultName = Annotated[str, Field(pattern=rf"^[A-Za-z][A-Za-z0-9_]*/{SETTING_PATTERN}({CRF})?$")]
VariantName = Annotated[str, Field(pattern=r"^(?!.*(^|-)crf$)[a-z0-9]+(-[a-z0-9]+)*$")]
DatasetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([ -][A-Za-z0-9]+)*$")]


def _threshold(value: Any) -> float | str:
    if value == BEST:
        return BEST
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"'{value}' is neither a number nor {BEST}") from None
    if not 0 <= number <= HIGHEST_THRESHOLD:
        raise ValueError(f"{value} is not between 0 and {HIGHEST_THRESHOLD}")
    return number


Threshold = Annotated[
    float | str,
    BeforeValidator(_threshold),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": HIGHEST_THRESHOLD}, {"const": BEST}]}),
]


class Cams(Section):
    """Localization maps: class activation maps of every block (paper 3.2)."""

    network: Literal["trained", "untrained"] = Field(
        "trained", description="untrained: maps of the classifier as initialised, to see what its training adds."
    )
    scales: Annotated[list[Annotated[Float, Field(gt=0, le=4)]], Unique] = Field(
        [1],
        min_length=1,
        description="Sizes of the photo whose maps are averaged, in sides; IRN and SEAM take [0.5, 1, 1.5, 2]. Scale 2 "
        "takes four times the memory.",
    )
    flip: bool = Field(False, description="Whether maps are averaged over the mirrored photo as well. As IRN and SEAM.")
    external_maps: PathText = Field(
        "",
        description="HDF5 files of another method's maps, such as maps/{split}.h5, {split} standing for train and val; "
        "they replace the classifier. Layout: config/README.md.",
    )


class DenseCrf(Section):
    """Masks `densecrf-<maps>`: confident objects and background, refined by a dense CRF; IRN's values (CVPR 2019)."""

    foreground_above: Share = Field(0.3, description="Share of a map's maximum above which a pixel is surely object.")
    background_below: Share = Field(
        0.05,
        description="Saliency, or without it the share of the highest map's maximum, up to which it is surely "
        "background.",
    )
    label_probability: Float = Field(0.7, gt=0, lt=1, description="Trust in these pixels before the CRF.")
    iterations: Int = Field(10, ge=1, le=1000, description="Mean field iterations.")
    gaussian_weight: Float = Field(3, ge=0, description="Weight of the kernel over position.")
    gaussian_sxy: Float = Field(3, gt=0, description="Its width in pixels.")
    bilateral_weight: Float = Field(10, ge=0, description="Weight of the kernel over position and colour.")
    bilateral_sxy: Float = Field(50, gt=0, description="Its width in pixels.")
    bilateral_srgb: Float = Field(5, gt=0, description="Its width in grey levels (0 to 255).")


class Pamr(Section):
    """Masks `pamr-<maps>`: pixel-adaptive mask refinement; values of Araslanov and Roth (CVPR 2020)."""

    iterations: Int = Field(10, ge=1, le=1000, description="How often scores are averaged over similar neighbours.")
    dilations: Annotated[list[Dilation], Unique] = Field(
        [1, 2, 4, 8, 12, 24], min_length=1, description="Distances to the 8 neighbours, in reduced pixels."
    )
    stride: Int = Field(4, ge=1, le=64, description="Photo and scores are reduced by it (features of their network).")
    object_above: Share = Field(0.6, description="Share of a class's highest score above which pixels are of it.")
    background_above: Share = Field(0.7, description="The same of the background.")
    least_score: Share = Field(0.2, description="Threshold at least; scores add up to 1.")


class Masks(Section):
    """From maps to pseudo masks (paper 3.2 and 4.1)."""

    external_masks: PathText = Field(
        "",
        description="Folder of another method's masks `<id>.png` (palette PNGs), at the photos' own sizes, as a viewer "
        "shows them, or reduced to `data.max_side_px`; their setting is called external.",
    )
    compare_maps: bool = Field(
        True,
        description="Whether masks of each dilation, of fusion and of saliency alone are made and scored, and maps of "
        "val, for comparison; without, only the masks of fusion and of the segmenters, and maps of train.",
    )
    variants: Annotated[list[MasksName], Unique] = Field(
        [],
        description="More pseudo masks to make and score, <masks> or <masks>@<variant>, such as densecrf-fusion; those "
        "of the segmenters are made anyway.",
    )
    threshold: Threshold = Field(
        0.3,
        description="Pixels above it are object regions (paper 4.1). best: for each map setting the one of "
        "`sweep_thresholds` with the highest mIoU on the training images, which needs true masks.",
    )
    relative_to: Literal["max", "absolute"] = Field(
        "max", description="What the threshold is a share of: max: each map's maximum (our reading); absolute: nothing."
    )
    background_saliency_below: Share = Field(0.06, description="Less salient pixels are background (paper 4.1).")
    background_below: Share = Field(
        0.1,
        description="Without saliency: pixels where each tagged class's map is at most this share of its maximum are "
        "background. Our choice.",
    )
    background_conflict: Literal["ignore", "background", "object"] = Field(
        "ignore", description="Pixels that are object and background: ignored (paper 4.1), background or object."
    )
    class_conflict: Literal["ignore", "highest"] = Field(
        "ignore", description="Pixels of two classes: ignored (paper 4.1), or the class with the highest map."
    )
    sweep_thresholds: list[Annotated[Float, Field(ge=0, le=HIGHEST_THRESHOLD)]] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9],
        min_length=1,
        description="Thresholds at which pseudo masks are compared with the true masks of the training images.",
    )
    densecrf: DenseCrf = Field(DenseCrf(), description=DenseCrf.__doc__)
    pamr: Pamr = Field(Pamr(), description=Pamr.__doc__)


NOT_OF_RECIPE = ("external_masks", "compare_maps", "variants", "sweep_thresholds", "densecrf", "pamr")
RECIPE_KEYS = tuple(name for name in Masks.model_fields if name not in NOT_OF_RECIPE)


class SegmenterChanges(changes_of(Segmenter, "online_term", "online_warmup_epochs")):
    """Another training of the segmenter."""

    init: Literal["classifier", "random"] | None = Field(None, description="Starting weights of the encoder.")


class Variant(Section):
    """What one variant changes."""

    saliency: changes_of(Saliency, "source") | None = Field(None, description="Another saliency map.")
    cams: changes_of(Cams, *(name for name in Cams.model_fields if name != "external_maps")) | None = Field(
        None, description="Other localization maps."
    )
    masks: changes_of(Masks, *RECIPE_KEYS) | None = Field(None, description="Other pseudo masks of the same maps.")
    segmenter: SegmenterChanges | None = Field(None, description="Another training of the segmenter.")


class Predictions(Section):
    """The splits that segmenters predict."""

    splits: Annotated[list[Split], Unique] = Field(
        ["val"], description="Splits to predict and, where they have true masks, to score."
    )


class Crf(Section):
    """The dense CRF after the segmenter (paper 4.3); DeepLab's values for VOC."""

    iterations: Int = Field(10, ge=1, le=1000, description="Mean field iterations.")
    gaussian_weight: Float = Field(3, ge=0, description="Weight of the kernel over position.")
    gaussian_sxy: Float = Field(3, gt=0, description="Its width in pixels.")
    bilateral_weight: Float = Field(4, ge=0, description="Weight of the kernel over position and colour.")
    bilateral_sxy: Float = Field(67, gt=0, description="Its width in pixels.")
    bilateral_srgb: Float = Field(3, gt=0, description="Its width in grey levels (0 to 255).")
    min_probability: Float = Field(
        0.05,
        ge=0,
        lt=1,
        description="Classes whose probability is lower everywhere in the image are left out, for speed; 0 keeps all.",
    )


class Predict(Section):
    """The trained segmenter on new photos (target predict): of the first classifier and the first seed."""

    photos: PathText = Field("", description="Folder of photos, subfolders included.")
    setting: str = Field(
        "weak-fusion", description="Which segmenter: one of `segmenter.settings` or of a table's rows."
    )
    crf: bool = Field(True, description="Whether the masks are refined by the CRF.")


class Export(Section):
    """The same segmenter as an ONNX file (target export)."""

    setting: str = Field("weak-fusion", description="Which segmenter, as for predict.")


class Scores(Section):
    """Rows of the paper's tables (targets table3 and table4): <classifier>/<setting>."""

    table3: Annotated[list[Row], Unique] = Field(
        [
            *("mdc/weak-d1", "mdc/weak-d3", "mdc/weak-d6", "mdc/weak-d9", "mdc/weak-fusion", "mdc/weak-mean"),
            *("same/weak-fusion", "stride16/weak-fusion"),
        ],
        description="Table 3, and the ablations of 4.3.2: the mean of all maps, four blocks of d=1; and output "
        "stride 16.",
    )
    table4: Annotated[list[Row], Unique] = Field(
        ["mdc/semi500-fusion", "mdc/semi1000-fusion", "mdc/semi1464-fusion", "mdc/semi2913-fusion"],
        description="Table 4: semi-supervised learning.",
    )


class Submission(Section):
    """Masks of the test images, packed for VOC's server (target submission)."""

    results: Annotated[list[ResultName], Unique] = Field(
        ["mdc/weak-fusion-crf"], description="<classifier>/<setting>, with -crf for the masks after the CRF."
    )
    competition: Literal["comp5", "comp6"] = Field(
        "comp6", description="comp5: trained on the challenge's own data only, without ImageNet and SBD."
    )


class Figures(Section):
    """The paper's figures 5 and 6."""

    figure5: Annotated[list[Annotated[str, Field(min_length=1)]], Unique] = Field(
        [],
        description="Ids of training images to show with their maps; the worst pseudo mask is added as failure case. "
        "Empty: the best, the median and the worst pseudo mask.",
    )
    figure6: Annotated[list[Annotated[str, Field(min_length=1)]], Unique] = Field(
        [], description="Ids of images to show with their predictions. Empty: the best, the median and the worst."
    )


class Report(Section):
    """Contact sheets."""

    sheet_images: Int = Field(3, ge=1, le=20, description="Of the best, the median and the worst images each.")


class Study(Section):
    """Tables over several finished runs (targets study_tables and study_steps)."""

    runs: dict[DatasetName, Annotated[list[RunName], Field(min_length=1)]] = Field(
        {}, description="Name of a dataset -> finished runs on it."
    )
    steps: dict[DatasetName, Annotated[list[RunName], Field(min_length=1)]] = Field(
        {}, description="Name of a dataset -> finished runs with config/study/steps.yaml (target study_steps)."
    )
    unseen_seed: Seed = Field(4, description="The seed on whose results nothing was chosen; shown on its own.")
    draws: Int = Field(1000, ge=10, le=1_000_000, description="Bootstrap samples of the images.")

    def every_run(self, key: Literal["runs", "steps"]) -> list[str]:
        """Return the runs of all datasets that a key names."""
        of_datasets = {"runs": self.runs, "steps": self.steps}[key].values()
        return list(dict.fromkeys(run for runs in of_datasets for run in runs))
