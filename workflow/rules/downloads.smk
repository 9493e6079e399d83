# downloads: what source voc and init imagenet need and the configuration does not name: VOC 2012, SBD, VGG16's weights.
# Needs:    the config section `downloads`, and the internet; for VOC's test images an archive of yours.
# Produces: in `downloads.folder`, for all runs: VOCdevkit/, benchmark_RELEASE/, VOCdevkit_test/, vgg16-<enum>.pth, archives.
# Downloads run on the machine where Snakemake was started: nodes of clusters often have no way to the internet. What
# lies here is told by its hash, so these rules carry no fingerprint: a change of the code downloads nothing again.

VOC, SBD = config["downloads"]["voc"], config["downloads"]["sbd"]
VOC_ARCHIVE = f"{DOWNLOADS}/VOCtrainval_11-May-2012.tar"
SBD_ARCHIVE = f"{DOWNLOADS}/benchmark.tgz"
PATIENCE = {"rounds": config["downloads"]["rounds"], "timeout_seconds": config["downloads"]["timeout_seconds"]}


localrules:
    download_voc,
    download_sbd,
    download_weights,


rule downloads:
    input:
        [VOC_ROOT, SBD_ROOT, *([TEST_ROOT] if TEST_ROOT else [])] if config["data"]["source"] == "voc" else [],
        [WEIGHTS] if downloads_weights(config) else [],


rule download_voc:
    """Download the archive of VOC 2012."""
    output:
        file=VOC_ARCHIVE if config["downloads"]["keep_archives"] else temp(VOC_ARCHIVE),
    log:
        f"{DOWNLOADS}/logs/download_voc.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/download_voc.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=1440,
    params:
        hash=VOC["hash"],
        label="VOC 2012",
        urls=without_rerun(VOC["urls"]),
        megabytes=without_rerun((VOC["archive_mb"], VOC["unpacked_mb"])),
        patience=without_rerun(PATIENCE),
        advice=without_rerun(
            f"try again later, add a source to downloads.voc.urls, put the file at {VOC_ARCHIVE}, "
            "or name a folder that has it unpacked in data.voc_root"
        ),
    script:
        "../scripts/download.py"


use rule download_voc as download_sbd with:
    output:
        file=SBD_ARCHIVE if config["downloads"]["keep_archives"] else temp(SBD_ARCHIVE),
    log:
        f"{DOWNLOADS}/logs/download_sbd.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/download_sbd.tsv"
    params:
        hash=SBD["hash"],
        label="SBD",
        urls=without_rerun(SBD["urls"]),
        megabytes=without_rerun((SBD["archive_mb"], SBD["unpacked_mb"])),
        patience=without_rerun(PATIENCE),
        advice=without_rerun(
            f"try again later, add a source to downloads.sbd.urls, put the file at {SBD_ARCHIVE}, "
            "or name a folder that has it unpacked in data.sbd_root"
        ),


use rule download_voc as download_weights with:
    output:
        file=WEIGHTS,
    log:
        f"{DOWNLOADS}/logs/download_weights.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/download_weights.tsv"
    params:
        hash=weights_source(config)["hash"],
        label="VGG16's weights",
        urls=without_rerun(weights_source(config)["urls"]),
        megabytes=without_rerun((VGG16_MB, 0)),
        patience=without_rerun(PATIENCE),
        advice=without_rerun(
            f"try again later, name a source in downloads.weights.urls, put the file at {WEIGHTS}, "
            "or name yours in classifier.weights and segmenter.weights"
        ),


rule unpack_voc:
    """Unpack VOC 2012, after its hash was checked once more."""
    input:
        archive=VOC_ARCHIVE,
    output:
        folder=directory(f"{DOWNLOADS}/VOCdevkit"),
    log:
        f"{DOWNLOADS}/logs/unpack_voc.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/unpack_voc.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        hash=VOC["hash"],
        top="VOCdevkit",
        wanted=["*"],
        unpacked_mb=without_rerun(VOC["unpacked_mb"]),
        advice=without_rerun("remove it, to have it downloaded again"),
    script:
        "../scripts/unpack.py"


use rule unpack_voc as unpack_sbd with:
    input:
        archive=SBD_ARCHIVE,
    output:
        folder=directory(f"{DOWNLOADS}/benchmark_RELEASE"),
    log:
        f"{DOWNLOADS}/logs/unpack_sbd.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/unpack_sbd.tsv"
    params:
        hash=SBD["hash"],
        top="benchmark_RELEASE",
        wanted=["dataset/train.txt", "dataset/val.txt", "dataset/cls/*.mat"],
        unpacked_mb=without_rerun(SBD["unpacked_mb"]),
        advice=without_rerun("remove it, to have it downloaded again"),


use rule unpack_voc as unpack_voc_test with:
    input:
        archive=config["data"]["voc_test_archive"] or [],
    output:
        folder=directory(f"{DOWNLOADS}/VOCdevkit_test"),
    log:
        f"{DOWNLOADS}/logs/unpack_voc_test.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/unpack_voc_test.tsv"
    params:
        hash="",
        top="VOCdevkit",
        wanted=["*"],
        unpacked_mb=without_rerun(VOC["unpacked_mb"]),
        advice=without_rerun("download VOC2012test.tar once more"),


rule check_weights:
    """Try the starting weights of a network on it, before anything is trained."""
    input:
        weights=lambda wildcards: starting_weights(wildcards.stage),
        classes=CLASSES,
    output:
        checked=f"{RESULTS}/{{stage}}/{{classifier}}/weights_checked.csv",
    log:
        f"{RESULTS}/logs/check_weights/{{stage}}/{{classifier}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_weights/{{stage}}/{{classifier}}.tsv"
    wildcard_constraints:
        stage="classifier|segmenter",
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        code=fingerprint("check_weights"),
        dilations=lambda wildcards: config["classifier"]["blocks"][wildcards.classifier],
        network=lambda wildcards: classifier_network() if wildcards.stage == "classifier" else segmenter_network(),
        init=lambda wildcards: config[wildcards.stage]["init"],
        weights_input=lambda wildcards: weights_input(wildcards.stage),
        expected_hash=lambda wildcards: weights_hash(wildcards.stage),
    script:
        "../scripts/check_weights.py"
