# Shared by all stages: the checked configuration, wildcards, paths, and the fingerprint of the code.
# Every path that a run writes is made here or beside the rule that writes it; results/README.md explains the scheme.
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW))  # scripts inherit it

from snakemake.exceptions import WorkflowError

from mdc.config import check_config, load_schema, typed
from mdc.errors import InputError
from mdc.fingerprint import code_fingerprint
from mdc.settings import block_names, map_settings, needs_classifier, segmenter_settings

config.update(typed(config, load_schema()))
try:
    check_config(config)
except InputError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{config['run']}"
BY_NETWORK = "{classifier}/seed{seed}"
CLASSES = f"{RESULTS}/data/classes.txt"
CLASSIFIERS = list(config["classifier"]["blocks"])
GPU = 0 if config["device"] == "cpu" else 1
SHARDS = config["shards"]
BACKBONE = f"mdc.backbones.{config['backbone']['name']}"
SALIENCY = config["saliency"]["source"]


wildcard_constraints:
    classifier="[A-Za-z][A-Za-z0-9_]*",
    seed=r"\d+",
    split="train|val|test",
    maps="[a-z0-9_]+",
    setting="weak-[a-z0-9_]+|true-masks",
    result="[a-z0-9_-]+",
    shard=r"\d+",
    shards=r"\d+",


def fingerprint(rule_name):
    """Return the fingerprint of the code that a rule runs; a change of it reruns the rule."""
    return code_fingerprint(WORKFLOW / "scripts" / f"{rule_name}.py", by_name={"mdc.backbones": [BACKBONE]})


def sharded(pattern):
    """Return the paths of all shards of `pattern`, in which {shard} and {shards} stand for them."""
    return [pattern.replace("{shard}", str(shard)).replace("{shards}", str(SHARDS)) for shard in range(SHARDS)]


def manifest(split):
    """Return the path of a split's table of images."""
    return f"{RESULTS}/data/{split}.csv"


def data_lists(root):
    """Return what the data stage depends on: the built-in dataset, the table of tags, or the lists of a devkit."""
    if config["data"]["source"] == "shapes":
        return [root]
    if config["data"]["source"] == "folder":
        return [config["data"]["tags_csv"] or f"{root}/tags.csv"]
    return sorted(str(path) for path in Path(root).glob("ImageSets/*/*.txt") if path.stem in ("train", "val", "test"))


def saliency_tables(split):
    """Return the tables of a split's saliency maps; empty without saliency."""
    if SALIENCY == "none":
        return []
    return sharded(f"{RESULTS}/saliency/{SALIENCY}/{split}.{{shard}}-of-{{shards}}.csv")


def cam_files(split):
    """Return the files of a split's localization maps, with the wildcards classifier and seed."""
    return sharded(f"{RESULTS}/cams/{BY_NETWORK}/{split}.{{shard}}-of-{{shards}}.h5")


def mask_tables(stage, setting, split):
    """Return the tables of a segmenter's masks (stage predictions or crf), with the wildcards classifier and seed."""
    return sharded(f"{RESULTS}/{stage}/{BY_NETWORK}/{setting}/{split}.{{shard}}-of-{{shards}}.csv")


def recipe():
    """Return how maps become masks: the fields of mdc.fusion.Recipe."""
    section = config["masks"]
    return {
        "threshold": section["threshold"],
        "relative_to": section["relative_to"],
        "background_saliency_below": section["background_saliency_below"],
        "background_below": section["background_below"],
        "background_conflict": section["background_conflict"],
        "class_conflict": section["class_conflict"],
    }


def classifier_network():
    """Return the arguments of mdc.classifier.build_classifier that the config gives."""
    return {
        "backbone": config["backbone"],
        "conv5_dilation": config["classifier"]["conv5_dilation"],
        "block_width": config["classifier"]["block_width"],
        "head": config["classifier"]["head"],
    }


def segmenter_network():
    """Return the arguments of mdc.segmenter.build_segmenter that the config gives."""
    return {
        "backbone": config["backbone"],
        "fc_width": config["segmenter"]["fc_width"],
        "fc6_dilation": config["segmenter"]["fc6_dilation"],
        "dropout": config["segmenter"]["dropout"],
    }


def every_network():
    """Yield (classifier, seed, settings of its segmenters) of every classifier of the run."""
    for classifier in CLASSIFIERS:
        for seed in config["seeds"]:
            yield classifier, seed, segmenter_settings(config, classifier)


def every_prediction(stage):
    """Return the tables of masks of all segmenters; stage is predictions or crf."""
    return [
        path.format(classifier=classifier, seed=seed)
        for classifier, seed, settings in every_network()
        for setting in settings
        for split in config["predictions"]["splits"]
        for path in mask_tables(stage, setting, split)
    ]


def every_result():
    """Return what is scored: the fields of mdc.scores.Result of every confusion matrix."""
    results = []
    for classifier, seed, settings in every_network():
        common = {"seed": seed, "classifier": classifier}
        maps = map_settings(config, classifier)
        kinds = ["pseudo", "salient"] if SALIENCY != "none" and not config["masks"]["own_masks"] else ["pseudo"]
        names = ["all-background", *(f"{kind}-{name}" for kind in kinds for name in maps)]
        results += [{"split": "train", "setting": name, "crf": False, **common} for name in names]
        for split in config["predictions"]["splits"]:
            results.append({"split": split, "setting": "all-background", "crf": False, **common})
            results += [
                {"split": split, "setting": setting, "crf": crf, **common}
                for setting in settings
                for crf in (False, True)
            ]
    return results


def score_file(result, kind):
    """Return the path of a result's confusion matrix (kind confusion) or of its table of images (kind images)."""
    name = result["setting"] + ("-crf" if result["crf"] else "")
    return f"{RESULTS}/scores/{BY_NETWORK}/{result['split']}/{name}.{kind}.csv".format(**result)


def tables_of_result(result, split):
    """Return the tables of the masks that a result is about; none for all-background."""
    if result == "all-background":
        return []
    if result.startswith("pseudo-"):
        return [f"{RESULTS}/masks/{BY_NETWORK}/{result.removeprefix('pseudo-')}/{split}.csv"]
    if result.startswith("salient-"):
        return [f"{RESULTS}/masks/{BY_NETWORK}/{result}/{split}.csv"]
    return mask_tables("crf" if result.endswith("-crf") else "predictions", result.removesuffix("-crf"), split)


def maps_of_result(result, classifier):
    """Return the map setting that a result comes from; for true-masks the one that its sheet shows for comparison."""
    setting = result.removesuffix("-crf").split("-", 1)[1]
    known = map_settings(config, classifier)
    return setting if setting in known else known[-2 if "fusion" in known else 0]


def sheet_tables(result, split):
    """Return the tables of masks, predictions and CRF masks that a contact sheet shows beside the maps."""
    if result.startswith(("pseudo-", "salient-")):
        return {"masks": tables_of_result(result, split), "predictions": [], "crf": []}
    setting = result.removesuffix("-crf")
    return {
        "masks": [],
        "predictions": mask_tables("predictions", setting, split),
        "crf": mask_tables("crf", setting, split),
    }


def every_figure():
    """Return the figures of the report: curves, sweeps, and contact sheets of all pseudo masks and segmenters."""
    figures = []
    for classifier, seed, settings in every_network():
        network = BY_NETWORK.format(classifier=classifier, seed=seed)
        maps = map_settings(config, classifier)
        sheets = [f"train/pseudo-{name}" for name in maps if name in ("fusion", "own") or len(maps) == 1]
        sheets += [f"{split}/{setting}-crf" for split in config["predictions"]["splits"] for setting in settings]
        figures += [f"{RESULTS}/report/{network}/{sheet}.png" for sheet in sheets]
        figures += [f"{RESULTS}/segmenter/{network}/{setting}/curves.png" for setting in settings]
        if needs_classifier(config):
            figures.append(f"{RESULTS}/classifier/{network}/curves.png")
        if not config["masks"]["own_masks"]:
            figures.append(f"{RESULTS}/report/{network}/sweep.png")
    return figures
