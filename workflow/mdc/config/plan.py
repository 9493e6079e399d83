"""The plan of a run: what it computes and shows, as lists of files, which the targets request."""

from dataclasses import replace

from mdc.config.experiments import EXTERNAL, FUSED, Experiment
from mdc.config.results import Results, Table

TABLES = {  # name of a table of scores -> its category in the report, and what it is called there
    "table3": ("Table 3: map settings", "table 3"),
    "table4": ("Table 4: strong and weak images", "table 4"),
    "segmenters": ("Scores", "segmenters"),
    "summary": ("Scores", "all results"),
    "per_class": ("Scores", "all results by class"),
    "best_thresholds": ("Pseudo masks", "best thresholds"),
    "certainty": ("Pseudo masks", "how well certainty predicts mIoU"),
}
OTHER_METHODS = {"table3": "table1", "table4": "table2"}  # the paper's comparison with others that belongs below each


class Plan(Results):
    """What a run computes, and the pictures and tables that show it, as lists of files."""

    def shown_split(self) -> str:
        """Return the split whose predictions figures show: val, else the first that is predicted; empty for none."""
        splits = self.config.predictions.splits
        return "val" if "val" in splits else next(iter(splits), "")

    def shown_segmenters(self, classifier: str) -> list[Experiment]:
        """Return the segmenters that figures show: a weak one, `weak-fusion` if possible, and a semi-supervised one.

        Of several semi-supervised ones the first on fused maps, else the first. `true-masks` where there is no other.
        """
        split, config = self.shown_split(), self.config
        trained = [one for one in config.segmenters(classifier) if split in one.splits(config)]
        shown = []
        for kind in ("weak", "semi"):
            found = [one for one in trained if one.kind == kind]
            fused = [one for one in found if (one.producer, one.maps, one.variant) == (FUSED, "fusion", "")]
            shown += (fused or found)[:1]
        return shown or trained[:1]

    def maps_of(self, experiment: Experiment, classifier: str) -> str:
        """Return the map setting behind an experiment; for true masks the one that is shown for comparison."""
        known = self.config.map_settings(classifier)
        return experiment.maps if experiment.maps in known or not known else self.config.shown_maps(classifier)

    def sheet_maps(self, network: str, experiment: Experiment, split: str) -> list[str]:
        """Return the localization maps that a contact sheet shows, of all shards: none where there are none."""
        return self.cams(network, split, experiment) if self.has_maps(split) else []

    def sheet_saliency(self, experiment: Experiment, split: str) -> list[str]:
        """Return the table of saliency maps that a contact sheet shows, as a list: empty where there are none."""
        is_there = self.has_maps(split) and not self.config.masks.external_masks
        return self.saliency(split, experiment) if is_there else []

    def sheet_masks(self, network: str, experiment: Experiment, split: str) -> list[str]:
        """Return the table of pseudo masks that a contact sheet shows, in a list that is empty where there are none."""
        if not self.has_maps(split):
            return []
        masks = experiment.masks(self.config)
        if self.config.masks.external_masks:
            return [] if split != "train" else [self.masks(network, Experiment.of_masks(EXTERNAL), split)]
        if masks is None:  # for comparison
            masks = Experiment.of_masks(self.maps_of(experiment, network.split("/")[0]))
        return [self.masks(network, masks, split)]

    def sheet_certainty(self, network: str, experiment: Experiment, split: str) -> list[str]:
        """Return the certainty of the pseudo masks that a contact sheet is of, as a list: empty where there is none."""
        is_rated = split == "train" and experiment.kind == "pseudo" and bool(experiment.maps)
        return [self.certainty(network, experiment)] if is_rated else []

    def figure5_scores(self, network: str) -> str:
        """Return the scores by which figure 5 chooses images: of the pseudo masks of its last map."""
        return f"{self.run}/scores/{network}/train/pseudo-{self.config.shown_maps(network.split('/')[0])}.images.csv"

    def figure6_scores(self, network: str) -> str:
        """Return the scores by which figure 6 chooses images: of its first segmenter after the CRF."""
        setting = self.shown_segmenters(network.split("/")[0])[0]
        return f"{self.run}/scores/{network}/{self.shown_split()}/{setting}-crf.images.csv"

    def shown_masks(self, network: str, *, crf: bool = False) -> list[str]:
        """Return the tables of masks that figure 6 shows, of one segmenter after the other."""
        settings = self.shown_segmenters(network.split("/")[0])
        return [self.masks(network, replace(setting, crf=crf), self.shown_split()) for setting in settings]

    def predicted(self, network: str, experiment: Experiment, split: str, *, crf: bool = False) -> list[str]:
        """Return the table of a segmenter's masks, as a list: empty for pseudo masks."""
        return [self.masks(network, replace(experiment, crf=crf), split)] if experiment.is_segmenter else []

    @staticmethod
    def trained(path: str) -> dict[str, str]:
        """Return the wildcards of the training in a folder: classifier, seed and, for a segmenter, result."""
        _, classifier, seed, *setting = path.split("/")
        return {"classifier": classifier, "seed": seed.removeprefix("seed"), "result": "".join(setting)}

    @staticmethod
    def table_of(experiment: Experiment) -> Table:
        """Return which of the paper's tables has a segmenter's result."""
        return "table4" if experiment.strong else "table3"

    def paper_figures(self) -> list[str]:
        """Return the figures in the paper's manner, as PNG; each is made as PDF as well."""
        figures: dict[str, None] = {}
        split = self.shown_split()
        for network in self.networks():
            if not self.config.masks.external_masks:
                figures |= dict.fromkeys([f"{network}/figure5", f"{network}/sweep"])
            shown = self.shown_segmenters(network.classifier) if split else []
            figures |= {f"{network}/figure6": None} if shown else {}
            figures |= dict.fromkeys(f"{network}/{split}/{setting}-crf.confusion" for setting in shown)
            figures |= dict.fromkeys(f"{network.classifier}/{split}/{setting}-crf.classes" for setting in shown)
        return [f"{self.run}/figures/{figure}.png" for figure in figures]

    def report_pictures(self) -> list[str]:
        """Return the pictures of the report alone: curves, and contact sheets of pseudo masks and all segmenters."""
        pictures = []
        for network in self.networks():
            sheets = [f"train/{one}" for one in self.shown_pseudo_masks(network.classifier)]
            for setting in self.config.segmenters(network.classifier):
                sheets += [f"{split}/{setting}-crf" for split in setting.splits(self.config)]
                pictures.append(f"{self.run}/segmenter/{network}/{setting}/curves.png")
            pictures += [f"{self.run}/report/{network}/{sheet}.png" for sheet in sheets]
            if self.config.needs_classifier:
                pictures.append(f"{self.run}/classifier/{network}/curves.png")
        return pictures

    def overview(self) -> str:
        """Return the contact sheet that the report opens with: of what figures show first, else of pseudo masks."""
        network = self.networks()[0]
        split, classifier = self.shown_split(), network.classifier
        sheets = [f"{split}/{setting}-crf" for setting in self.shown_segmenters(classifier)] if split else []
        sheets += [f"train/{masks}" for masks in self.shown_pseudo_masks(classifier)]
        return f"{self.run}/report/{network}/{sheets[0]}.png"

    def figure_ids(self) -> dict[str, tuple[list[str], str]]:
        """Return the ids that figures are asked to show and the split they are in, by key of the configuration."""
        figures = self.config.figures
        asked = {"figure5": (figures.figure5, "train"), "figure6": (figures.figure6, self.shown_split())}
        return {f"figures.{key}": (ids, split) for key, (ids, split) in asked.items() if ids}
