# From image tags to segmentation masks: Wei et al., Revisiting Dilated Convolution, CVPR 2018.
# The stages are the files of workflow/rules; their order here is the order in which they run.
from snakemake.utils import min_version

min_version("9.13")


configfile: f"{workflow.basedir}/config/config.yaml"


report: "workflow/report/workflow.rst"


# On a cluster the scheduler counts the GPUs; the limit in profiles/default is for this machine only.
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/downloads.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/saliency.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/classifier.smk"
include: "workflow/rules/cams.smk"
include: "workflow/rules/masks.smk"
include: "workflow/rules/segmenter.smk"
include: "workflow/rules/predictions.smk"
include: "workflow/rules/crf.smk"
include: "workflow/rules/shards.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/submission.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/study.smk"


rule all:
    default_target: True
    input:
        # Intermediate files as well: else one that was damaged and removed would stay missing.
        PLAN.every_map("saliency"),
        PLAN.every_map("cams"),
        PLAN.every_weight(),
        rules.predictions.input,
        rules.crf.input,
        rules.scores.input,
        rules.report.input,
        "<run>/README.md",
