# downloads: what source voc and init pretrained need and the configuration does not name: VOC 2012, SBD, weights; and
#           the network of saliency.source onnx.
# Needs:    the config section `downloads`, and the internet; for VOC's test images an archive of yours.
# Produces: in `downloads.folder`, for all runs: voc/, sbd/ and voc_test/ (unpacked), weights/<encoder>/<name>.pth,
#           saliency/<name>.onnx, and the archives; <stage>/<classifier>/weights_checked.csv in the run's results.
# Only the small ready files are outputs in Snakemake's sense, since it deletes outputs before it runs a rule again. A
# download is identified by its hash, so no change of code, settings or environment downloads it twice. Downloads run on
# the machine where Snakemake was started: nodes of clusters often have no way to the internet.


localrules:
    download_voc,
    download_sbd,
    download_weights,
    download_saliency_network,


rule downloads:
    """All that this configuration needs from the internet."""
    input:
        PLAN.downloaded(),


rule download_voc:
    """Download VOC 2012, SBD or weights, as far as they are not there, and unpack an archive."""
    output:
        ready="<downloads>/voc/ready.txt",
    log:
        "<downloads>/logs/download_voc.log",
    benchmark:
        "<downloads>/benchmarks/download_voc.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(1440),
    params:
        file=f"{PLAN.downloads}/VOCtrainval_11-May-2012.tar",
        members=["VOCdevkit/*"],
        hash=CONFIG.downloads.voc.hash,
        source=without_rerun(download_source("VOC 2012", "voc", "VOCtrainval_11-May-2012.tar", "data.voc_root")),
    script:
        "../scripts/download.py"


use rule download_voc as download_sbd with:
    output:
        ready="<downloads>/sbd/ready.txt",
    log:
        "<downloads>/logs/download_sbd.log",
    benchmark:
        "<downloads>/benchmarks/download_sbd.tsv"
    params:
        file=f"{PLAN.downloads}/benchmark.tgz",
        members=[f"benchmark_RELEASE/dataset/{part}" for part in ("train.txt", "val.txt", "cls/*.mat")],
        hash=CONFIG.downloads.sbd.hash,
        source=without_rerun(download_source("SBD", "sbd", "benchmark.tgz", "data.sbd_root")),


use rule download_voc as download_weights with:
    output:
        ready="<downloads>/weights/{encoder}/{weights}.ready.txt",
    log:
        "<downloads>/logs/download_weights/{encoder}/{weights}.log",
    benchmark:
        "<downloads>/benchmarks/download_weights/{encoder}/{weights}.tsv"
    params:
        file=lambda wildcards: PLAN.published(wildcards.encoder, wildcards.weights).path,
        members=[],
        hash=lambda wildcards: PLAN.published(wildcards.encoder, wildcards.weights).hash,
        source=lambda wildcards, threads: weights_source(wildcards),


use rule download_voc as download_saliency_network with:
    output:
        ready="<downloads>/saliency/{network_file}.ready.txt",
    log:
        "<downloads>/logs/download_saliency_network/{network_file}.log",
    benchmark:
        "<downloads>/benchmarks/download_saliency_network/{network_file}.tsv"
    params:
        file=lambda wildcards: f"{PLAN.downloads}/saliency/{wildcards.network_file}.onnx",
        members=[],
        hash=lambda wildcards: PLAN.saliency_network().hash,
        source=lambda wildcards, threads: saliency_network_source(wildcards),


if CONFIG.unpacks_test_images:

    rule unpack_voc_test:
        """Unpack the archive of VOC's test images that the user has."""
        input:
            archive=CONFIG.data.voc_test_archive,
        output:
            ready="<downloads>/voc_test/ready.txt",
        log:
            "<downloads>/logs/unpack_voc_test.log",
        benchmark:
            "<downloads>/benchmarks/unpack_voc_test.tsv"
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
            unpacked_mb=without_rerun(CONFIG.downloads.voc.unpacked_mb),
        script:
            "../scripts/unpack_voc_test.py"


rule check_weights:
    """Try the starting weights of a network on it, before anything is trained."""
    input:
        weights=lambda wildcards: PLAN.weights(wildcards.stage, wildcards.classifier).watched or [],
        classes="<run>/data/classes.txt",
    output:
        checked="<run>/{stage}/{classifier}/weights_checked.csv",
    log:
        "<run>/logs/check_weights/{stage}/{classifier}.log",
    benchmark:
        "<run>/benchmarks/check_weights/{stage}/{classifier}.tsv"
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
        code=lambda wildcards: fingerprint("check_weights", encoder=wildcards.stage)(wildcards),
        network=lambda wildcards: parameters.network_keys(CONFIG, wildcards.stage, wildcards.classifier),
        init=lambda wildcards: getattr(CONFIG, wildcards.stage).init,
        weights=lambda wildcards: PLAN.weights(wildcards.stage, wildcards.classifier).path,
        expected_hash=lambda wildcards: PLAN.weights(wildcards.stage, wildcards.classifier).hash,
    script:
        "../scripts/check_weights.py"
