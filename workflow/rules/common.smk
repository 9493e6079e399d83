# Shared by all rules: the checked configuration, what it consists of, wildcards, and the fingerprint of the code.
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

from mdc.config import parameters
from mdc.config.experiments import DENSECRF, EXTERNAL, FUSED, NAMED_PRODUCERS, PAMR, SALIENT, Experiment
from mdc.config.load import check_files, load_config
from mdc.config.paper import departures
from mdc.config.plan import OTHER_METHODS, TABLES, Plan
from mdc.data.photo_files import photos_digest
from mdc.report.captions import caption, classifiers_sentence, saliency_note, segmenters_note
from mdc.runtime.disk import check_writable
from mdc.runtime.errors import InputError
from mdc.runtime.fingerprint import code_fingerprint
from mdc.study.names import MEASURES, STEP_TABLES, STUDY_TABLES

if not workflow.is_main_process:  # of a job, which reads the rules again: what they warn of has been said
    logging.getLogger("mdc").setLevel(logging.ERROR)

try:
    check_writable(Path(".snakemake"))  # where Snakemake itself would end with tracebacks
    check_files(workflow.configfiles)
    CONFIG = load_config(config)
except InputError as error:
    raise WorkflowError(str(error)) from None
config.update(CONFIG.model_dump(exclude_none=True))
PLAN = Plan(CONFIG)
GPU = 0 if CONFIG.device == "cpu" else 1


def one_of(names):
    """Return the pattern of a wildcard that stands for one of `names` and for nothing else."""
    return "|".join(re.escape(str(name)) for name in names) or "none"


# In paths, <name> stands for these; {name,pattern} is a wildcard. Constraints below do not hold for wildcards in here.
pathvars:
    run=PLAN.run,
    downloads=PLAN.downloads,
    network=f"{{classifier,{one_of(CONFIG.classifiers)}}}/seed{{seed,{one_of(CONFIG.seeds)}}}",
    shard=r"{shard,\d+}-of-{shards,\d+}",


wildcard_constraints:
    classifier=one_of(CONFIG.classifiers),
    split="train|val|test",
    maps=one_of(["main", *CONFIG.variants]),
    source="rbd|onnx|folder|ground_truth",
    setting=one_of(PLAN.known_segmenters()),
    result="[a-z0-9_@-]+",


def network_of(wildcards):
    """Return the part of paths that names a classifier and a seed."""
    return f"{wildcards.classifier}/seed{wildcards.seed}"


def masks_of(wildcards):
    """Return the pseudo masks that the wildcard `masks` names."""
    return Experiment.of_masks(wildcards.masks)


def cams_shard(wildcards):
    """Return the shard of maps that a shard of pseudo masks is made of."""
    maps = PLAN.maps(network_of(wildcards), wildcards.split, masks_of(wildcards))
    return f"<run>/{maps}.{wildcards.shard}-of-{wildcards.shards}.h5"


def setting_of(wildcards):
    """Return the segmenter that the wildcard `setting` names."""
    return Experiment.parse(wildcards.setting)


def result_of(wildcards):
    """Return the experiment that the wildcard `result` names."""
    return Experiment.parse(wildcards.result)


def weights_checked(stage, classifier):
    """Return the result of checking the weights that a network starts from; none where it starts from random ones."""
    return f"<run>/{stage}/{classifier}/weights_checked.csv" if PLAN.weights(stage, classifier).path else []


def printed(table):
    """Return the numbers of one of the paper's tables, `table1` to `table4`, as it prints them."""
    return os.path.relpath(WORKFLOW / "resources" / f"paper_{table}.csv")  # else a moved project would draw again


def fingerprint(rule, *, encoder=""):
    """Return the fingerprint of the code that a rule runs, so that a change of it runs the rule again.

    `encoder` is the stage whose network the rule builds; its encoder is imported by name.
    """
    script = WORKFLOW / "scripts" / f"{rule}.py"

    def named(besides=()):
        return f"code {code_fingerprint(script, besides=besides)}"  # the word is what a dry run's reason shows

    if not encoder:
        return named()
    return lambda wildcards: named([parameters.encoder_module(CONFIG, encoder, wildcards.classifier)])


def download_source(label, section, file, key):
    """Return where a download comes from and how patiently: fields of `mdc.downloads.source.Wanted`, and of `Patience`."""
    keys = getattr(CONFIG.downloads, section)
    return _download(label, keys.urls, keys.archive_mb, keys.unpacked_mb, f"downloads.{section}.urls", file, key)


def weights_source(wildcards):
    """Return the same for published weights of an encoder."""
    source = PLAN.weights_source(wildcards.encoder, wildcards.weights)
    label, key = (
        f"the weights {wildcards.weights} of {wildcards.encoder}",
        f"downloads.weights.{wildcards.weights}.urls",
    )
    file = f"weights/{wildcards.encoder}/{wildcards.weights}.pth"
    return _download(label, source["urls"], source["megabytes"], 0, key, file, "encoder.weights")


def saliency_network_source(wildcards):
    """Return the same for a salient-object network."""
    source, known = PLAN.saliency_network_source(), CONFIG.saliency.known_network
    label = f"the saliency network {CONFIG.saliency.model}" + (f" ({known.licence})" if known else "")
    key = f"downloads.weights.{CONFIG.saliency.model}.urls" if known else "saliency.model"
    file = f"saliency/{wildcards.network_file}.onnx"
    return _download(label, source["urls"], source["megabytes"], 0, key, file, "saliency.model")


def _download(label, urls, archive_mb, unpacked_mb, urls_key, file, key):
    return {
        "label": label,
        "urls": urls,
        "archive_mb": archive_mb,
        "unpacked_mb": unpacked_mb,
        "advice": f"try again later, name another source in {urls_key}, put the file at {PLAN.downloads}/{file}, or name "
        f"what you have in {key}",
        "keep_archive": CONFIG.downloads.keep_archives,
        "patience": CONFIG.downloads.model_dump(include={"rounds", "timeout_seconds"}),
    }


def without_rerun(value):
    """Return a param whose change runs nothing again: Snakemake leaves out what depends on threads when it compares."""
    return lambda wildcards, threads: value


def per_attempt(amount):
    """Return a resource (memory, minutes) that a job gets `amount` of, and as much again on every retry."""
    return lambda wildcards, attempt: amount * attempt


def or_workflow_error(function):
    """Return a function for `input` that shows an InputError of `function` as Snakemake shows errors."""

    def checked(wildcards):
        try:
            return function(wildcards)
        except InputError as error:
            raise WorkflowError(str(error)) from None

    return checked
