"""What a run computes: every network, map, mask and score, as lists of files."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mdc.config.consistency import check_submission, setting_problems
from mdc.config.experiments import EXTERNAL, FUSED, Experiment
from mdc.config.inputs import has_test_images
from mdc.config.paths import Paths
from mdc.runtime.errors import InputError

Table = Literal["table3", "table4"]


@dataclass(frozen=True)
class Network:
    """A classifier with the segmenters that learn from its maps, of one seed; as `str` the part of paths."""

    classifier: str
    seed: int

    def __str__(self) -> str:
        return f"{self.classifier}/seed{self.seed}"


class Results(Paths):
    """What a run computes, as lists of files."""

    def networks(self) -> list[Network]:
        """Return every set of networks of the run."""
        config = self.config
        return [Network(classifier, seed) for classifier in config.classifier.networks for seed in config.seeds]

    def segmenters(self) -> Iterator[tuple[Network, Experiment]]:
        """Yield every segmenter to train, with its set of networks."""
        for network in self.networks():
            for experiment in self.config.segmenters(network.classifier):
                yield network, experiment

    def known_segmenters(self) -> list[str]:
        """Return the names of all configured segmenters."""
        config = self.config
        found = [str(experiment) for name in config.classifiers for experiment in config.known_segmenters(name)]
        return list(dict.fromkeys(found))

    def known_masks(self, producer: str) -> list[str]:
        """Return the names of all pseudo masks that a producer can make in this run."""
        config, found = self.config, []
        for name in config.classifiers:
            found += config.pseudo_masks(name)
            found += [experiment.masks(config) for experiment in config.known_segmenters(name)]
        return list(dict.fromkeys(masks.masks_name for masks in found if masks and masks.producer == producer))

    # -- targets -------------------------------------------------------------------------------------------------------

    def has_maps(self, split: str) -> bool:
        """Return whether a split has localization maps: of val they are there for comparison only."""
        return split == "train" or self.config.masks.compare_maps

    def _splits_with_maps(self, network: Network) -> list[str]:
        settings = self.config.segmenters(network.classifier)
        predicted = [split for one in settings for split in one.splits(self.config)]
        return list(dict.fromkeys(filter(self.has_maps, ["train", *predicted])))

    def every_map(self, stage: Literal["saliency", "cams"]) -> list[str]:
        """Return the shards, and the lists of them, of all saliency or localization maps that the run uses."""
        if self.config.masks.external_masks:
            return []
        files: dict[str, None] = {}
        for network in self.networks():
            asked = [(split, None) for split in self._splits_with_maps(network)]
            # variants have other maps
            asked += [("train", masks) for masks in self.config.pseudo_masks(network.classifier)]
            for split, masks in asked:
                if stage == "cams":
                    files |= dict.fromkeys(self.shards_and_list(self.maps(str(network), split, masks), ".h5"))
                    continue
                for table in self.saliency(split, masks):
                    files |= dict.fromkeys(self.shards_and_list(self._below_run(table), ".csv"))
        return list(files)

    def shards_and_list(self, path: str, ending: str) -> list[str]:
        """Return the files of all shards of a stage, and the one by which all of them open."""
        return [*self.shards(path, ending), f"{self.run}/{path}{ending}"]

    def _below_run(self, table: str) -> str:
        return table.removeprefix(f"{self.run}/").removesuffix(".csv")

    def every_weight(self) -> list[str]:
        """Return the weights of all networks that the run trains."""
        found = []
        for network in self.networks():
            found += [f"{self.run}/classifier/{network}/weights.pt"] if self.config.needs_classifier else []
            settings = self.config.segmenters(network.classifier)
            found += [f"{self.run}/segmenter/{network}/{setting}/weights.pt" for setting in settings]
        return found

    def every_prediction(self, stage: Literal["predictions", "crf"]) -> list[str]:
        """Return all that segmenters predict, before or after the CRF: shards, and the lists of them."""
        endings = (".csv", ".h5") if stage == "predictions" else (".csv",)
        return [
            path
            for network, setting in self.segmenters()
            for split in setting.splits(self.config)
            for ending in endings
            for path in self.shards_and_list(f"{stage}/{network}/{setting}/{split}", ending)
        ]

    def every_mask(self) -> list[str]:
        """Return the tables of the pseudo masks of all map settings."""
        return [
            self.masks(str(network), masks, "train")
            for network in self.networks()
            for masks in self.config.pseudo_masks(network.classifier)
            if masks.producer in (FUSED, EXTERNAL)
        ]

    def downloaded(self) -> list[str]:
        """Return what says that everything is there which the run downloads or unpacks."""
        data = self.config.data
        needed = {
            "voc": data.source == "voc" and not data.voc_root,
            "sbd": self.config.uses_sbd and not data.sbd_root,
            "voc_test": self.config.unpacks_test_images,
        }
        files = [f"{self.downloads}/{name}/ready.txt" for name, is_needed in needed.items() if is_needed]
        stages = [("classifier", name) for name in self.config.classifier.networks if self.config.needs_classifier]
        stages += [("segmenter", name) for name in self.config.classifier.networks if self.config.segmenter.settings]
        weights = [self.weights(*stage) for stage in stages]
        weights += [self.saliency_network()] if "onnx" in self.config.saliency_sources else []
        return [*files, *dict.fromkeys(one.watched for one in weights if one.hash)]

    # -- scores --------------------------------------------------------------------------------------------------------

    def results(self) -> list[dict[str, Any]]:
        """Return what is scored: the fields of `mdc.scores.tables.Result` of every confusion matrix."""
        found = []
        for network in self.networks():
            masks = [Experiment(kind="all-background"), *self.config.pseudo_masks(network.classifier)]
            found += [_result(network, experiment, "train") for experiment in masks]
            for split in self.config.predictions.splits:
                if split != "train":  # it has been scored beside the pseudo masks
                    found.append(_result(network, masks[0], split))
                for setting in self.config.segmenters(network.classifier):
                    if split in setting.splits(self.config):
                        found += [_result(network, setting, split, crf=crf) for crf in (False, True)]
        return found

    def table_results(self, table: Table) -> list[dict[str, Any]]:
        """Return the same for the rows of one of the paper's tables.

        Raises:
            InputError: a row cannot be made, or there is none.
        """
        config, results = self.config, []
        for classifier, setting in config.rows(table):
            row = f"scores.{table}: {classifier}/{setting}"
            if classifier not in config.classifiers:
                known = ", ".join(config.classifiers)
                raise InputError(f"{row}: unknown classifier {classifier}; known: {known}")
            if not config.can_train(classifier, setting):
                maps = ", ".join(config.map_settings(classifier))
                raise InputError(f"{row} needs maps that {classifier} lacks; it has {maps}")
            for problem in setting_problems(config, setting):
                raise InputError(f"scores.{table}: {problem}")
            results += [
                _result(Network(classifier, seed), setting, split, crf=crf)
                for split in setting.splits(config)
                if split != "train"
                for crf in (False, True)
                for seed in config.seeds
            ]
        if not results:
            raise InputError(f"scores.{table}: there is nothing to show; name rows, and splits in predictions.splits")
        return results

    def table_classifiers(self, table: Table) -> list[str]:
        """Return the classifiers of a table's rows, without those of rows that are left out."""
        left_out = self.unscored(table)
        rows = [(name, f"{name}/{setting}") for name, setting in self.config.rows(table)]
        return list(dict.fromkeys(name for name, row in rows if row not in left_out))

    def unscored(self, table: Table) -> list[str]:
        """Return the rows of a table that are left out, because they are scored on test only and there is none."""
        is_there = "test" in self.config.predictions.splits
        rows = self.config.rows(table)
        return [f"{name}/{one}" for name, one in rows if not is_there and one.learns_from_val(self.config)]

    def scores(self, kind: Literal["confusion", "images"], results: list[Mapping[str, Any]]) -> list[str]:
        """Return a table of scores of each of `results`."""
        return [self.score(kind, **result) for result in results]

    def scored(self, network: str, experiment: Experiment, split: str) -> list[str]:
        """Return the table of the masks that are scored, as a list: empty for all-background.

        Raises:
            InputError: a segmenter has learnt from the true masks of this split.
        """
        if split == "val" and experiment.learns_from_val(self.config):
            raise InputError(
                f"{experiment.setting} learns from the true masks of val, so it has no score on val; the paper reports "
                "it on test only (segmenter.strong.with_val): ask for the split test"
            )
        return [] if experiment.kind == "all-background" else [self.masks(network, experiment, split)]

    def sweeps(self, network: str) -> list[str]:
        """Return the threshold sweeps of a classifier's pseudo masks."""
        masks = [one for one in self.config.pseudo_masks(network.split("/")[0]) if one.producer == FUSED]
        return list(dict.fromkeys(self.sweep(network, one) for one in masks))

    def every_sweep(self) -> list[tuple[Network, str]]:
        """Return every threshold sweep of the run, with its networks."""
        return [(network, path) for network in self.networks() for path in self.sweeps(str(network))]

    def shown_pseudo_masks(self, classifier: str) -> list[Experiment]:
        """Return the pseudo masks that have a contact sheet: the fused ones of all blocks, else the first."""
        masks = self.config.pseudo_masks(classifier)
        return [one for one in masks if (one.producer, one.maps, one.variant) == (FUSED, "fusion", "")] or masks[:1]

    def rated_masks(self) -> list[tuple[Network, Experiment]]:
        """Return the pseudo masks whose certainty is estimated: those that are shown or learnt from, of maps."""
        found = {}
        for network in self.networks():
            learnt = [one.masks(self.config) for one in self.config.segmenters(network.classifier)]
            masks = [*self.shown_pseudo_masks(network.classifier), *learnt]
            found |= dict.fromkeys((network, one) for one in masks if one and one.maps)
        return list(found)

    def certainty(self, network: str, masks: Experiment) -> str:
        """Return the table of the certainty of pseudo masks of the training images."""
        return f"{self.run}/masks/{network}/{masks.masks_name}/certainty.csv"

    def pseudo_mask_scores(self, network: Network, masks: Experiment) -> str:
        """Return the table of scores per image of pseudo masks."""
        return self.score("images", **_result(network, masks, "train"))

    def submissions(self) -> list[str]:
        """Return the archives to submit; raises InputError where they cannot be made."""
        check_submission(self.config, has_test_images=has_test_images(self.config.data))
        return [
            f"{self.run}/submission/{classifier}/seed{seed}/{experiment}.tgz"
            for classifier, experiment in self.config.submitted()
            for seed in self.config.seeds
        ]

    def chosen_segmenter(self, section: Literal["predict", "export"]) -> str:
        """Return <classifier>/seed<seed>/<setting> of the segmenter that predict or export takes: the first of both.

        Raises:
            InputError: the first classifier has no such segmenter.
        """
        network = self.networks()[0]
        known = list(map(str, self.config.known_segmenters(network.classifier)))
        setting = getattr(self.config, section).setting
        if setting not in known:
            raise InputError(
                f"{section}.setting: unknown segmenter {setting}; known: {', '.join(known) or 'none'}: name one of "
                "these, or add it to segmenter.settings"
            )
        return f"{network}/{setting}"

    def photos(self) -> str:
        """Return the folder of the photos to predict; raises InputError if there is none."""
        if not self.config.predict.photos:
            raise InputError("predict.photos: name a folder of photos: --config predict='{photos: FOLDER}'")
        return os.path.normpath(self.config.predict.photos)


def _result(network: Network, experiment: Experiment, split: str, *, crf: bool = False) -> dict[str, Any]:
    fields = {"split": split, "setting": str(experiment), "crf": crf}
    return fields | {"seed": network.seed, "classifier": network.classifier}
