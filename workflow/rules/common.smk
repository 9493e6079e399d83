# Shared by all stages: the checked configuration, wildcards, paths, and the fingerprint of the code.
# Every path that a run writes is made here, in targets.smk or beside the rule that writes it; results/README.md explains
# the scheme.
import functools
import logging
import os
import re
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW))
# Scripts must run the library beside this file, whose fingerprint they carry, not one installed from elsewhere.
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(WORKFLOW), os.environ.get("PYTHONPATH")])))

from snakemake.exceptions import WorkflowError

from mdc.config.load import check_config, check_files, load_schema, typed
from mdc.config.consistency import check_submission, setting_problems
from mdc.runtime.errors import InputError
from mdc.runtime.disk import check_writable
from mdc.runtime.fingerprint import code_fingerprint
from mdc.config.locate import NEEDS_SBD, sbd_dataset, watched_files
from mdc.data.photo_files import photos_digest
from mdc.report.captions import TABLES, caption, figure_maps, figure_segmenters, figure_split, saliency_note
from mdc.config.experiments import VGG16_MB, block_names, classifier_blocks, classifiers, downloads_weights, known_settings, learns_from_val, learnt_masks, map_settings, masks_of_setting, needs_classifier, output_stride, pseudo_settings, salient_settings, segmenter_settings, split_variant, splits_to_predict, strong_images, submitted, swept_masks, table_rows, variant_config, vgg16_file, weights_source
from mdc.runtime.shards import number_of_shards
from mdc.study.names import MEASURES, STUDY_TABLES

try:
    check_writable(Path(".snakemake"))  # Snakemake's own folder, where it would end with tracebacks
except InputError as error:
    logging.raiseExceptions = False  # of its log, which lies there too
    raise WorkflowError(str(error)) from None
try:
    check_files(workflow.configfiles)
    config.update(typed(config, load_schema()))
    check_config(config)
except InputError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{config['run']}"
BY_NETWORK = "{classifier}/seed{seed}"
CLASSES = f"{RESULTS}/data/classes.txt"
CLASSIFIERS = list(config["classifier"]["blocks"])
KNOWN_SETTINGS = {name: known_settings(config, name) for name in classifiers(config)}
KNOWN_MASKS = list(
    dict.fromkeys(
        masks
        for name, settings in KNOWN_SETTINGS.items()
        for masks in [
            *pseudo_settings(config, name),
            *salient_settings(config, name),
            *(masks_of_setting(config, setting) for setting in settings),
        ]
    )
)
DOWNLOADS = os.path.normpath(config["downloads"]["folder"])
VOC_READY, SBD_READY, TEST_READY = (f"{DOWNLOADS}/{name}/ready.txt" for name in ("voc", "sbd", "voc_test"))
WEIGHTS = f"{DOWNLOADS}/vgg16/{config['downloads']['weights']['enum']}.pth"
WEIGHTS_READY = WEIGHTS.replace(".pth", ".ready.txt")
SHAPES = f"{RESULTS}/data/shapes"
VOC_ROOT = config["data"]["voc_root"] or f"{DOWNLOADS}/voc"
SBD_ROOT = config["data"]["sbd_root"] or f"{DOWNLOADS}/sbd"
TEST_ARCHIVE = config["data"]["voc_test_archive"] if config["data"]["source"] == "voc" else ""
FROM_SBD = config["data"]["source"] == "voc" and config["data"]["train_list"] in NEEDS_SBD
DATA_ROOT = {"shapes": SHAPES, "voc": VOC_ROOT}.get(config["data"]["source"], os.path.normpath(config["data"]["root"]))
GPU = 0 if config["device"] == "cpu" else 1
SHARDS = config["shards"]
BACKBONE = f"mdc.networks.encoders.{config['backbone']['name']}"
SALIENCY = config["saliency"]["source"]
BY_RBD = SALIENCY == "folder" and config["saliency"]["missing"] == "rbd"


def one_of(names):
    """Return the pattern of a wildcard that stands for one of `names` and for nothing else."""
    return "|".join(re.escape(str(name)) for name in dict.fromkeys(names)) or "none"


wildcard_constraints:
    classifier=one_of(classifiers(config)),
    seed=one_of(config["seeds"]),
    split="train|val|test",
    maps=one_of(maps for maps in KNOWN_MASKS if not maps.startswith("salient-")),
    salient=one_of(maps for maps in KNOWN_MASKS if maps.startswith("salient-")),
    source="rbd|folder|truth",
    setting=one_of(setting for settings in KNOWN_SETTINGS.values() for setting in settings),
    result="[a-z0-9_@-]+",
    shard=r"\d+",
    shards=r"\d+",


def fingerprint(rule_name):
    """Return the fingerprint of the code that a rule runs; a change of it reruns the rule."""
    return code_fingerprint(WORKFLOW / "scripts" / f"{rule_name}.py", by_name={"mdc.networks.encoders": [BACKBONE]})


def without_rerun(value):
    """Return a param whose change reruns nothing: Snakemake leaves out what depends on threads when it compares."""
    return lambda wildcards, threads: value


def per_attempt(amount):
    """Return a resource (memory, minutes) that a job gets `amount` of, and as much again on every retry."""
    return lambda wildcards, attempt: amount * attempt


@functools.cache
def shards_of(pattern, source):
    """Return in how many shards a stage is to be had, the same for all that ask in this run (`mdc.runtime.shards`)."""
    return number_of_shards(pattern, SHARDS, source=source)


def sharded(pattern, wildcards, source=""):
    """Return the paths of all shards of `pattern`, in which {shard} and {shards} stand for them, with these wildcards.

    `source` is the pattern of the shards that these are made of, if each is made of one.
    """
    names = {**wildcards, "shard": "{shard}", "shards": "{shards}"}
    path = pattern.format(**names)
    shards = shards_of(path, source.format(**names))
    return [path.format(shard=shard, shards=shards) for shard in range(shards)]


def manifest(split):
    """Return the path of a split's table of images."""
    return f"{RESULTS}/data/{split}.csv"


def data_lists():
    """Return the files whose change means other tables of images: lists, or what says that the data is there."""
    data = config["data"]
    if data["source"] == "shapes":
        return SHAPES
    if data["source"] == "voc" and not data["voc_root"]:
        return VOC_READY
    return watched_files(data["source"], root=Path(DATA_ROOT), tags_csv=data["tags_csv"])


def sbd_lists():
    """Return SBD's lists, or what says that they are there."""
    found = sbd_dataset(Path(SBD_ROOT)) if config["data"]["sbd_root"] else None
    return [f"{found}/train.txt", f"{found}/val.txt"] if found else SBD_READY


def downloaded():
    """Return what says that everything is there which this configuration downloads or unpacks."""
    data = config["data"]
    needed = {
        VOC_READY: data["source"] == "voc" and not data["voc_root"],
        SBD_READY: FROM_SBD and not data["sbd_root"],
        TEST_READY: bool(TEST_ARCHIVE),
        WEIGHTS_READY: downloads_weights(config),
    }
    return [path for path, is_needed in needed.items() if is_needed]


def advice(section, file, key):
    """Return what to do when no source of a download has it, as the end of a sentence."""
    return (
        f"try again later, name another source in downloads.{section}.urls, put the file at {file}, or name what you "
        f"have in {key}"
    )


def study_runs():
    """Return the runs whose tables the study gathers; each must be finished."""
    return list(dict.fromkeys(run for runs in config["study"]["runs"].values() for run in runs))


def saliency_source(maps=""):
    """Return where the saliency maps come from that the masks `maps` need."""
    return variant_config(config, maps)["saliency"]["source"]


def saliency_tables(split, maps=""):
    """Return the tables of a split's saliency maps that the masks `maps` need; empty without saliency."""
    source = saliency_source(maps)
    if source == "none":
        return []
    return sharded(f"{RESULTS}/saliency/{source}/{split}.{{shard}}-of-{{shards}}.csv", {})


def cam_files(wildcards, split, maps=""):
    """Return the files of localization maps of a classifier and a seed that the masks `maps` need."""
    network = variant_config(config, maps)["cams"]["network"]
    folder = f"{BY_NETWORK}/untrained" if network == "untrained" else BY_NETWORK
    return sharded(f"{RESULTS}/cams/{folder}/{split}.{{shard}}-of-{{shards}}.h5", wildcards)


def mask_tables(wildcards, stage, setting, split):
    """Return the tables of the masks of a classifier's and a seed's segmenter (stage predictions or crf)."""
    if split == "val" and learns_from_val(config, setting):
        raise WorkflowError(
            f"{setting} learns from the true masks of val, so it has no score on val; the paper reports it on test only "
            "(segmenter.strong.with_val): ask for the split test"
        )
    tables = f"{BY_NETWORK}/{setting}/{split}.{{shard}}-of-{{shards}}.csv"
    return sharded(
        f"{RESULTS}/{stage}/{tables}", wildcards, source=f"{RESULTS}/predictions/{tables}" if stage == "crf" else ""
    )


def starting_weights(stage):
    """Return the file that the classifier or the segmenter starts from, empty where its init needs none."""
    if config[stage]["init"] == "imagenet":
        return vgg16_file(config, stage)[0] or WEIGHTS
    return config[stage]["weights"] if config[stage]["init"] == "file" else ""


def weights_input(stage):
    """Return the input that this file expects; empty where the file is not VGG16's, so that the key reruns nothing."""
    return vgg16_file(config, stage)[1] if config[stage]["init"] == "imagenet" else ""


def weights_ready(stage):
    """Return the file whose change means other starting weights: a file of the user, or what says that ours is there."""
    weights = starting_weights(stage)
    return WEIGHTS_READY if weights == WEIGHTS else weights or []


def weights_hash(stage):
    """Return the hash that this file must have; empty for a file of the user."""
    return weights_source(config)["hash"] if starting_weights(stage) == WEIGHTS else ""


def weights_checks(stage):
    """Return the result of checking that file, with the wildcard classifier; empty where there is none."""
    return f"{RESULTS}/{stage}/{{classifier}}/weights_checked.csv" if starting_weights(stage) else []


def recipe(maps=""):
    """Return how the masks `maps` are made: the fields of mdc.masks.fusion.Recipe."""
    section = variant_config(config, maps)["masks"]
    with_saliency = saliency_source(maps) != "none"
    return {
        "threshold": section["threshold"],
        "relative_to": section["relative_to"],
        # the one that is not used must not make masks again when it changes
        "background_saliency_below": section["background_saliency_below"] if with_saliency else 0,
        "background_below": 0 if with_saliency else section["background_below"],
        "background_conflict": section["background_conflict"],
        "class_conflict": section["class_conflict"],
    }


def chosen_on_truth(maps):
    """Return whether the threshold of the masks `maps` is the best one on the training images' true masks."""
    return recipe(maps)["threshold"] == "best"


def sweep_of(maps):
    """Return the threshold sweep that holds for the masks `maps`, with the wildcards classifier and seed."""
    return f"{RESULTS}/masks/{BY_NETWORK}/{swept_masks(config, maps)}/sweep.csv"


def segmenter_to_use(stage, setting):
    """Return <classifier>/seed<seed>/<setting> of the segmenter that predict or export takes: of the first of both.

    Raises WorkflowError if the first classifier has no such segmenter.
    """
    known = KNOWN_SETTINGS[CLASSIFIERS[0]]
    if setting not in known:
        raise WorkflowError(
            f"{stage}.setting: there is no segmenter {setting}; known: {', '.join(known) or 'none'}: name one of these, "
            "or add it to segmenter.settings"
        )
    return f"{CLASSIFIERS[0]}/seed{config['seeds'][0]}/{setting}"


def photos_to_predict():
    """Return the folder of the photos to predict; raises WorkflowError if there is none."""
    if not config["predict"]["photos"]:
        raise WorkflowError("predict.photos: name a folder of photos: --config predict='{photos: FOLDER}'")
    return os.path.normpath(config["predict"]["photos"])


def segmenter_key(setting, key):
    """Return a key of the config section segmenter as the variant of a setting has it."""
    return variant_config(config, setting)["segmenter"][key]


def classifier_network(classifier):
    """Return the arguments of mdc.networks.multi_dilation.build_classifier that the config gives."""
    return {
        "backbone": {**config["backbone"], "output_stride": output_stride(config, classifier)},
        "conv5_dilation": config["classifier"]["conv5_dilation"],
        "block_width": config["classifier"]["block_width"],
        "head": config["classifier"]["head"],
    }


def segmenter_network():
    """Return the arguments of mdc.networks.largefov.build_segmenter that the config gives."""
    return {
        "backbone": config["backbone"],
        "fc_width": config["segmenter"]["fc_width"],
        "fc6_dilation": config["segmenter"]["fc6_dilation"],
        "dropout": config["segmenter"]["dropout"],
    }
