"""The whole configuration. Its types, bounds, defaults and descriptions are the classes of this package.

The defaults are the paper's (Wei et al., CVPR 2018) where it says something; descriptions name the section, or say
whose choice a value is. `config/config.yaml` and `workflow/schemas/config.schema.json` are written from here (`make
schema`).
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from mdc.config.encoders import EncoderKeys, Stage, combined, keys_class
from mdc.config.experiments import EXTERNAL, Experiment, map_settings
from mdc.config.keys import Int, Section, Seed, Unique
from mdc.config.networks import Classifier, NetworkKeys, Segmenter
from mdc.config.sources import Data, Downloads, Saliency
from mdc.config.stages import (
    Cams,
    Crf,
    Export,
    Figures,
    Masks,
    Predict,
    Predictions,
    Report,
    RunName,
    Scores,
    Study,
    Submission,
    Variant,
    VariantName,
)
from mdc.data.locate import NEEDS_SBD


def _section(kind: type[Section]) -> Any:
    return Field(kind(), description=kind.__doc__)


class Config(Section):
    """Configuration of the MDC workflow."""

    run: RunName = Field("paper", description="Name of the run; everything is written below results/<run>.")
    seeds: Annotated[list[Seed], Unique] = Field(
        [0],
        min_length=1,
        description="Every network is trained once per seed (initial weights, order, views, dropout).",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a CUDA device if there is one.")
    shards: Int = Field(
        1,
        ge=1,
        le=999,
        description="Jobs that saliency, features, cams, masks, predictions and crf are each split into; results do "
        "not depend on it. For VOC: 8 on one big machine, 32 on a cluster.",
    )
    downloads: Downloads = _section(Downloads)
    data: Data = _section(Data)
    encoder: dict[str, Any] = Field(
        {"name": "vgg"},
        description="The encoder of both networks (paper 3.2: VGG16): its name and its own keys, see its file in "
        "workflow/mdc/networks/encoders. `classifier.networks` and `segmenter.encoder` can change it.",
    )
    saliency: Saliency = _section(Saliency)
    classifier: Classifier = _section(Classifier)
    cams: Cams = _section(Cams)
    masks: Masks = _section(Masks)
    segmenter: Segmenter = _section(Segmenter)
    variants: dict[VariantName, Variant] = Field(
        {},
        description="Variations of the run that share its data: name -> the keys that differ in <setting>@<name>.",
    )
    predictions: Predictions = _section(Predictions)
    crf: Crf = _section(Crf)
    predict: Predict = _section(Predict)
    export: Export = _section(Export)
    scores: Scores = _section(Scores)
    submission: Submission = _section(Submission)
    figures: Figures = _section(Figures)
    report: Report = _section(Report)
    study: Study = _section(Study)

    # -- what follows from the keys ------------------------------------------------------------------------------------

    def varied(self, variant: str) -> Self:
        """Return the configuration with a variant's changes applied; unchanged for the empty name."""
        if not variant:
            return self
        changed = {}
        for name, changes in self.variants[variant]:
            if changes is not None:
                changed[name] = getattr(self, name).model_copy(update=changes.model_dump(exclude_unset=True))
        return self.model_copy(update=changed)

    @property
    def classifiers(self) -> list[str]:
        """The names of all classifiers: those of the run, then the ablations, which only tables use."""
        return list(dict.fromkeys([*self.classifier.networks, *self.classifier.ablations]))

    def network(self, classifier: str) -> NetworkKeys:
        """Return the keys of a classifier; one of the run replaces an ablation of the same name."""
        networks = self.classifier.ablations | self.classifier.networks
        return networks[classifier]

    def dilations(self, classifier: str) -> list[int]:
        """Return the dilations of a classifier's blocks: those of the first one unless it has its own."""
        return self.network(classifier).dilations or next(iter(self.classifier.networks.values())).dilations

    def encoder_section(self, stage: Stage, classifier: str) -> dict[str, Any]:
        """Return the section `encoder` as it holds for a classifier, or for the segmenters."""
        changes = self.network(classifier).encoder if stage == "classifier" else self.segmenter.encoder
        return combined(self.encoder, changes)

    def encoder_keys(self, stage: Stage, classifier: str) -> EncoderKeys:
        """Return the checked keys of the encoder of a classifier, or of the segmenters."""
        section = self.encoder_section(stage, classifier)
        return keys_class(section["name"]).model_validate(section)

    def is_frozen(self, stage: Stage) -> bool:
        """Return whether the whole encoder of a network keeps its pre-trained weights."""
        return getattr(self, stage).training.freeze == "encoder"

    def named_weights(self, keys: EncoderKeys) -> str:
        """Return the name of the weights of an encoder if `downloads.weights` says where they are; else nothing."""
        source = self.downloads.weights.get(keys.weights)
        return keys.weights if source and source.urls and source.hash else ""

    def stride(self, classifier: str) -> int:
        """Return the pixels between neighbouring features of a classifier."""
        return self.encoder_keys("classifier", classifier).stride("classifier")

    def map_settings(self, classifier: str) -> list[str]:
        """Return the ways to make one map per class of a classifier's blocks; none for another method's masks."""
        return [] if self.masks.external_masks else map_settings(self.dilations(classifier))

    def shown_maps(self, classifier: str) -> str:
        """Return the map setting that pictures show: fusion, or the map of a classifier of one block."""
        maps = self.map_settings(classifier)
        return "fusion" if "fusion" in maps else maps[0]

    def can_train(self, classifier: str, experiment: Experiment) -> bool:
        """Return whether a classifier has the masks that a segmenter learns from; `true-masks` needs none."""
        if experiment.producer == EXTERNAL:
            return bool(self.masks.external_masks)
        return not experiment.producer or experiment.maps in self.map_settings(classifier)

    def segmenters(self, classifier: str) -> list[Experiment]:
        """Return the configured segmenters whose masks this classifier can make."""
        found = map(Experiment.parse, self.segmenter.settings)
        return [experiment for experiment in found if self.can_train(classifier, experiment)]

    def known_segmenters(self, classifier: str) -> list[Experiment]:
        """Return all configured segmenters: those of the run and of the tables' rows."""
        rows = [row for table in ("table3", "table4") for row in self.rows(table)]
        asked = [setting for name, setting in rows if name == classifier and self.can_train(classifier, setting)]
        return list(dict.fromkeys([*self.segmenters(classifier), *asked]))

    def pseudo_masks(self, classifier: str) -> list[Experiment]:
        """Return the pseudo masks to make and score: compared or shown, learnt from, and more variants."""
        if self.masks.external_masks:
            return [Experiment.of_masks(EXTERNAL)]
        asked = [experiment.masks(self) for experiment in self.segmenters(classifier)]
        asked += map(Experiment.of_masks, self.masks.variants)
        asked = [masks for masks in asked if masks and masks.maps in self.map_settings(classifier)]
        if not self.masks.compare_maps:
            compared = [self.shown_maps(classifier)]
        else:
            compared = self.map_settings(classifier)
            compared += [f"salient-{maps}" for maps in compared] if self.has_saliency else []
        masks = [*map(Experiment.of_masks, compared), *asked]
        return sorted(dict.fromkeys(masks), key=lambda one: one.producer)

    @property
    def has_saliency(self) -> bool:
        """Whether there are saliency maps."""
        return self.saliency.source != "none"

    @property
    def saliency_sources(self) -> set[str]:
        """The sources of saliency maps, of the run and of its variants."""
        return {self.varied(name).saliency.source for name in ("", *self.variants)}

    @property
    def uses_sbd(self) -> bool:
        """Whether training images are SBD's."""
        return self.data.source == "voc" and self.data.train_list in NEEDS_SBD

    @property
    def unpacks_test_images(self) -> bool:
        """Whether VOC's test images come from the user's archive."""
        return self.data.source == "voc" and bool(self.data.voc_test_archive)

    def rows(self, table: Literal["table3", "table4"]) -> list[tuple[str, Experiment]]:
        """Return (classifier, segmenter) of the rows of one of the paper's tables."""
        return _rows(getattr(self.scores, table))

    def submitted(self) -> list[tuple[str, Experiment]]:
        """Return (classifier, experiment) of the masks to submit."""
        return _rows(self.submission.results)

    @property
    def needs_classifier(self) -> bool:
        """Whether any stage uses a classifier trained here."""
        external = self.cams.external_maps or self.masks.external_masks
        return not external or self.segmenter.init == "classifier"


def _rows(names: Sequence[str]) -> list[tuple[str, Experiment]]:
    return [(name, Experiment.parse(setting)) for name, setting in (row.split("/", 1) for row in names)]
