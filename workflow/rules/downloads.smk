# downloads: what source voc and init imagenet need and the configuration does not name: VOC 2012, SBD, VGG16's weights.
# Needs:    the config section `downloads`, and the internet; for VOC's test images an archive of yours.
# Produces: in `downloads.folder`, for all runs: voc/, sbd/ and voc_test/ (unpacked), vgg16/<enum>.pth, and the archives;
#           <stage>/<classifier>/weights_checked.csv in the run's results.
# Only the small ready files are outputs in Snakemake's sense, since it deletes outputs before it runs a rule again: what
# they stand for is told by its hash, and no change of code, settings or environment downloads it twice. Downloads run on the
# machine where Snakemake was started: nodes of clusters often have no way to the internet.

VOC, SBD = config["downloads"]["voc"], config["downloads"]["sbd"]
PATIENCE = {"rounds": config["downloads"]["rounds"], "timeout_seconds": config["downloads"]["timeout_seconds"]}
KEEP_ARCHIVES = config["downloads"]["keep_archives"]


localrules:
    download_voc,
    download_sbd,
    download_weights,


rule downloads:
    """All that this configuration needs from the internet."""
    input:
        downloaded(),


rule download_voc:
    """Download VOC 2012, SBD or weights, as far as they are not there, and unpack an archive."""
    output:
        ready=VOC_READY,
    log:
        f"{DOWNLOADS}/logs/download_voc.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/download_voc.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(1440),
    params:
        hash=VOC["hash"],
        file=f"{DOWNLOADS}/VOCtrainval_11-May-2012.tar",
        members=["VOCdevkit/*"],
        label=without_rerun("VOC 2012"),
        urls=without_rerun(VOC["urls"]),
        megabytes=without_rerun((VOC["archive_mb"], VOC["unpacked_mb"])),
        patience=without_rerun(PATIENCE),
        keep_archive=without_rerun(KEEP_ARCHIVES),
        advice=without_rerun(advice("voc", f"{DOWNLOADS}/VOCtrainval_11-May-2012.tar", "data.voc_root")),
    script:
        "../scripts/download.py"


use rule download_voc as download_sbd with:
    output:
        ready=SBD_READY,
    log:
        f"{DOWNLOADS}/logs/download_sbd.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/download_sbd.tsv"
    params:
        hash=SBD["hash"],
        file=f"{DOWNLOADS}/benchmark.tgz",
        members=[f"benchmark_RELEASE/dataset/{part}" for part in ("train.txt", "val.txt", "cls/*.mat")],
        label=without_rerun("SBD"),
        urls=without_rerun(SBD["urls"]),
        megabytes=without_rerun((SBD["archive_mb"], SBD["unpacked_mb"])),
        patience=without_rerun(PATIENCE),
        keep_archive=without_rerun(KEEP_ARCHIVES),
        advice=without_rerun(advice("sbd", f"{DOWNLOADS}/benchmark.tgz", "data.sbd_root")),


use rule download_voc as download_weights with:
    output:
        ready=WEIGHTS_READY,
    log:
        f"{DOWNLOADS}/logs/download_weights.log",
    benchmark:
        f"{DOWNLOADS}/benchmarks/download_weights.tsv"
    params:
        hash=weights_source(config)["hash"],
        file=WEIGHTS,
        members=[],
        label=without_rerun("VGG16's weights"),
        urls=without_rerun(weights_source(config)["urls"]),
        megabytes=without_rerun((VGG16_MB, 0)),
        patience=without_rerun(PATIENCE),
        keep_archive=without_rerun(True),
        advice=without_rerun(advice("weights", WEIGHTS, "classifier.weights")),


if TEST_ARCHIVE:

    rule unpack_voc_test:
        """Unpack the archive of VOC's test images that the user has."""
        input:
            archive=TEST_ARCHIVE,
        output:
            ready=TEST_READY,
        log:
            f"{DOWNLOADS}/logs/unpack_voc_test.log",
        benchmark:
            f"{DOWNLOADS}/benchmarks/unpack_voc_test.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 1
        resources:
            mem_mb=per_attempt(500),
            runtime=per_attempt(60),
        params:
            code=fingerprint("unpack_voc_test"),
            members=["VOCdevkit/*"],
            must_hold="VOCdevkit/VOC2012/ImageSets/Segmentation/test.txt",
            unpacked_mb=without_rerun(VOC["unpacked_mb"]),
        script:
            "../scripts/unpack_voc_test.py"


rule check_weights:
    """Try the starting weights of a network on it, before anything is trained."""
    input:
        weights=lambda wildcards: weights_ready(wildcards.stage),
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
        mem_mb=per_attempt(4000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("check_weights"),
        dilations=lambda wildcards: classifier_blocks(config, wildcards.classifier),
        network=lambda wildcards: (
            classifier_network(wildcards.classifier) if wildcards.stage == "classifier" else segmenter_network()
        ),
        init=lambda wildcards: config[wildcards.stage]["init"],
        weights=lambda wildcards: starting_weights(wildcards.stage),
        weights_input=lambda wildcards: weights_input(wildcards.stage),
        expected_hash=lambda wildcards: weights_hash(wildcards.stage),
    script:
        "../scripts/check_weights.py"
