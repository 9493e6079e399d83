"""Where the files of a run lie; results/README.md explains the scheme.

`{shard}` and `{shards}` are the index of a shard, from 0, and the number of shards.
"""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mdc.config.config import Config
from mdc.config.encoders import Stage, WeightsFile, keys_class
from mdc.config.experiments import Experiment
from mdc.config.stages import BEST
from mdc.data import locate
from mdc.downloads.packages import PREFIX
from mdc.storage.shards import number_of_shards

MAIN = "main"  # in paths: the localization maps that no variant changes
SHARD = ".{shard}-of-{shards}"
LARGEST_NETWORK_MB = 400  # at a URL, whose size nobody tells: three times as much is refused
Kind = Literal["confusion", "images", "pixels"]


@dataclass(frozen=True)
class Weights:
    """The weights that a network starts from.

    Attributes:
        path: of the file; empty where none is needed.
        watched: the file whose change means other weights: `path`, or what says that a download is there; empty for
            those of a package.
        hash: that a download must have; empty for a file of the user.
    """

    path: str = ""
    watched: str = ""
    hash: str = ""


class Paths:
    """The files of a run. A `network` is `<classifier>/seed<seed>`: a classifier and the segmenters of its maps.

    Attributes:
        run: the folder results/<run>.
        downloads: the folder of downloads.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.run = f"results/{config.run}"
        self.downloads = os.path.normpath(config.downloads.folder)
        self._numbers_of_shards = functools.cache(number_of_shards)  # the same for all that ask in this run

    def ready(self, name: Literal["voc", "sbd", "voc_test"]) -> str:
        """Return what says that a download is whole and unpacked."""
        return f"{self.downloads}/{name}/ready.txt"

    @property
    def data_root(self) -> str:
        """The folder with the photos."""
        data = self.config.data
        if data.source == "synthetic":
            return f"{self.run}/data/synthetic"
        return (data.voc_root or f"{self.downloads}/voc") if data.source == "voc" else os.path.normpath(data.root)

    @property
    def sbd_root(self) -> str:
        """The folder of SBD; empty where it is not used."""
        return (self.config.data.sbd_root or f"{self.downloads}/sbd") if self.config.uses_sbd else ""

    @property
    def test_root(self) -> str:
        """The folder with VOC's test images."""
        return f"{self.downloads}/voc_test" if self.config.unpacks_test_images else self.data_root

    def data_lists(self) -> list[str]:
        """Return the files whose change means other tables of images: lists, or what says that the data is there."""
        data = self.config.data
        if data.source == "synthetic":
            return [self.data_root]
        if data.source == "voc" and not data.voc_root:
            return [self.ready("voc")]
        return locate.watched_files(data.source, root=Path(self.data_root), tags_csv=data.tags_csv)

    def sbd_lists(self) -> list[str]:
        """Return SBD's lists, or what says that they are there."""
        root = self.config.data.sbd_root
        found = locate.sbd_dataset(Path(root)) if root else None
        return [f"{found}/train.txt", f"{found}/val.txt"] if found else [self.ready("sbd")]

    def manifest(self, split: str) -> str:
        """Return a split's table of images."""
        return f"{self.run}/data/{split}.csv"

    def shards(self, path: str, ending: str) -> list[str]:
        """Return the files of all shards of a stage; `path` is what they begin with, below the run's folder.

        Masks are made in as many shards as the maps, and the CRF in as many as the class scores.
        """
        stage, rest = path.split("/", 1)
        source = f"{self.run}/predictions/{rest}{SHARD}.h5" if stage == "crf" else ""
        if stage == "masks" and not self.config.masks.external_masks:
            classifier, seed, masks, split = rest.split("/")
            maps = self.maps(f"{classifier}/{seed}", split, Experiment.of_masks(masks))
            source = f"{self.run}/{maps}{SHARD}.h5"
        pattern = f"{self.run}/{path}{SHARD}{ending}"
        number = self._numbers_of_shards(pattern, self.config.shards, source=source)
        return [pattern.format(shard=shard, shards=number) for shard in range(number)]

    def saliency(self, split: str, experiment: Experiment | None = None) -> list[str]:
        """Return the table of a split's saliency maps behind an experiment, as a list: empty without saliency."""
        source = self.varied(experiment).saliency.source
        return [] if source == "none" else [f"{self.run}/saliency/{source}/{split}.csv"]

    def saliency_network(self) -> Weights:
        """Return the network of `saliency.source: onnx`: where it is downloaded to, or the user's file."""
        section, digest = self.config.saliency, self.saliency_network_source()["hash"]
        if not digest:
            return Weights(path=section.model, watched=section.model)
        name = section.model if section.known_network else f"url-{digest.split(':')[1][:8]}"
        begin = f"{self.downloads}/saliency/{name}"
        return Weights(path=f"{begin}.onnx", watched=f"{begin}.ready.txt", hash=digest)

    def saliency_network_source(self) -> dict[str, Any]:
        """Return `urls`, `hash` and `megabytes` of that network as `weights_source`; no hash for the user's file."""
        section = self.config.saliency
        if section.known_network:
            return self._source(section.model, section.known_network.file)
        megabytes = LARGEST_NETWORK_MB if section.network_url else 0
        return {"urls": [section.network_url], "hash": section.model_hash, "megabytes": megabytes}

    def varied(self, experiment: Experiment | None) -> Config:
        """Return the configuration as the variant of an experiment has it."""
        return self.config.varied(experiment.variant if experiment else "")

    def maps_name(self, experiment: Experiment | None) -> str:
        """Return the part of paths that identifies its maps: the name of the first variant with the same maps."""
        wanted = self.varied(experiment).cams
        names = ("", *self.config.variants)
        return next(name or MAIN for name in names if self.config.varied(name).cams == wanted)

    def maps(self, network: str, split: str, experiment: Experiment | None = None) -> str:
        """Return the common start, below the run's folder, of the files of a split's maps that an experiment uses."""
        return f"cams/{network}/{self.maps_name(experiment)}/{split}"

    def cams(self, network: str, split: str, experiment: Experiment | None = None) -> list[str]:
        """Return these files, of all shards; none where there are another method's masks instead."""
        if self.config.masks.external_masks:
            return []
        return self.shards(self.maps(network, split, experiment), ".h5")

    def cams_weights(self, network: str, maps_name: str) -> str:
        """Return the checkpoint that maps are made with; `maps_name` as of the method of that name."""
        cams = self.config.varied("" if maps_name == MAIN else maps_name).cams
        return f"{self.run}/classifier/{network}/{'weights' if cams.network == 'trained' else 'untrained'}.pt"

    def masks(self, network: str, experiment: Experiment, split: str) -> str:
        """Return the table of the masks that an experiment is about."""
        if experiment.is_segmenter:
            stage = "crf" if experiment.crf else "predictions"
            return f"{self.run}/{stage}/{network}/{experiment.setting}/{split}.csv"
        return f"{self.run}/masks/{network}/{experiment.masks_name}/{split}.csv"

    def learnt_masks(self, network: str, experiment: Experiment) -> list[str]:
        """Return the table of the pseudo masks that a segmenter learns from, as a list: empty for true masks."""
        masks = experiment.masks(self.config)
        return [self.masks(network, masks, "train")] if masks else []

    def validated_on(self, experiment: Experiment) -> list[str]:
        """Return the table of the images that a segmenter is validated on, as a list: empty if it learns from val."""
        return [] if experiment.learns_from_val(self.config) else [self.manifest("val")]

    def sweep(self, network: str, masks: Experiment) -> str:
        """Return the threshold sweep that holds for pseudo masks."""
        return f"{self.run}/masks/{network}/{masks.swept(self.config).masks_name}/sweep.csv"

    def chosen_by(self, network: str, masks: Experiment) -> list[str]:
        """Return the sweep that the threshold of fused masks is chosen by, as a list: empty where it is a number."""
        return [self.sweep(network, masks)] if self.varied(masks).masks.threshold == BEST else []

    def score(self, kind: Kind, *, split: str, setting: str, crf: bool, seed: int, classifier: str) -> str:
        """Return a table of scores of a result, whose fields are those of `mdc.scores.tables.Result`."""
        result = f"{setting}{'-crf' * crf}"
        return f"{self.run}/scores/{classifier}/seed{seed}/{split}/{result}.{kind}.csv"

    def features(self, stage: Stage, classifier: str, splits: Sequence[str] = ("train",)) -> list[str]:
        """Return the files of the features of a network's training views; none where its encoder is not frozen.

        Networks whose encoders, weights and views are the same share those of the first one.
        """
        if not self.config.is_frozen(stage):
            return []
        networks = [("classifier", name) for name in self.config.classifiers if self.config.is_frozen("classifier")]
        networks.append(("segmenter", self.config.classifiers[0]))
        wanted = self._encoded(stage, classifier)
        first, name = next(network for network in networks if self._encoded(*network) == wanted)
        return [path for split in splits for path in self.shards(f"features/{first}/{name}/{split}", ".h5")]

    def _encoded(self, stage: Stage, classifier: str) -> tuple:
        """Return everything that features depend on."""
        keys = self.config.encoder_keys(stage, classifier)
        return (
            "" if keys.same_for_both else stage,
            keys.described(stage, pretrained=True),
            self.weights(stage, classifier),
            getattr(self.config, stage).augmentation,
        )

    def weights(self, stage: Stage, classifier: str) -> Weights:
        """Return the weights that a classifier, or its segmenters, start from."""
        section = self.config.classifier if stage == "classifier" else self.config.segmenter
        if section.init == "file":
            return Weights(path=section.weights, watched=section.weights)
        if section.init != "pretrained":
            return Weights()
        keys = self.config.encoder_keys(stage, classifier)
        if name := keys.published_name or self.config.named_weights(keys):
            return self.published(keys.name, name)
        # where a package lies differs between environments, and pip knows whether it has changed
        return Weights(path=keys.weights, watched="" if keys.weights.startswith(PREFIX) else keys.weights)

    def published(self, encoder: str, name: str) -> Weights:
        """Return the published weights `name` of an encoder, as they are downloaded."""
        begin = f"{self.downloads}/weights/{encoder}/{name}"
        digest = self.weights_source(encoder, name)["hash"]
        return Weights(path=f"{begin}.pth", watched=f"{begin}.ready.txt", hash=digest)

    def weights_source(self, encoder: str, name: str) -> dict[str, Any]:
        """Return `urls`, `hash` and `megabytes` of published weights; `downloads.weights` can name other sources."""
        return self._source(name, keys_class(encoder).published.get(name))

    def _source(self, name: str, published: WeightsFile | None) -> dict[str, Any]:
        other = self.config.downloads.weights.get(name)
        return {
            "urls": other.urls if other and other.urls else [published.url],
            "hash": other.hash if other and other.hash else published.hash,
            "megabytes": published.megabytes if published else 0,
        }
