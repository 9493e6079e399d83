# segmenter: LargeFOV or an encoder with a plain head, one per setting: weak-<masks> on pseudo masks (equation 1),
#           semi<n>-<masks> on n images with true masks and pseudo masks of the rest (equation 2), true-masks;
#           <setting>@<variant> with the keys of a variant.
# Needs:    the training images, the pseudo masks of the setting, the starting weights if any; val, to validate on; the
#           features of the views, where the encoder is frozen.
# Produces: data/strong/<n>.csv, the images with true masks; segmenter/<classifier>/seed<seed>/<setting>/weights.pt,
#           metrics.csv, tensorboard/ and curves.png. A killed training continues from its last finished epoch.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    choose_strong,


rule segmenter:
    """The trained segmenters."""
    input:
        [f"<run>/segmenter/{network}/{setting}/weights.pt" for network, setting in PLAN.segmenters()],


rule choose_strong:
    """Choose the images whose true masks a semi-supervised setting learns from; fewer are always among more."""
    input:
        train_csv=PLAN.manifest("train"),
        val_csv=lambda wildcards: (
            PLAN.manifest("val") if int(wildcards.images) == CONFIG.segmenter.strong.with_val else []
        ),
        lists=PLAN.data_lists() if CONFIG.data.source == "voc" else [],
    output:
        table="<run>/data/strong/{images}.csv",
    log:
        "<run>/logs/choose_strong/{images}.log",
    benchmark:
        "<run>/benchmarks/choose_strong/{images}.tsv"
    wildcard_constraints:
        images=r"\d+",
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("choose_strong"),
        voc_root=lambda wildcards: PLAN.data_root if CONFIG.data.source == "voc" else "",
        pool=CONFIG.segmenter.strong.pool,
        seed=CONFIG.segmenter.strong.seed,
    script:
        "../scripts/choose_strong.py"


rule train_segmenter:
    """Train the segmenter of one setting."""
    input:
        train_csv=PLAN.manifest("train"),
        val_csv=lambda wildcards: PLAN.validated_on(setting_of(wildcards)),
        classes="<run>/data/classes.txt",
        masks=lambda wildcards: PLAN.learnt_masks(network_of(wildcards), setting_of(wildcards)),
        ground_truth=lambda wildcards: (
            "<run>/data/ground_truth_checked.txt" if setting_of(wildcards).kind == "true-masks" else []
        ),
        strong=lambda wildcards: (
            f"<run>/data/strong/{setting_of(wildcards).strong}.csv" if setting_of(wildcards).strong else []
        ),
        classifier=lambda wildcards: (
            "<run>/classifier/<network>/weights.pt"
            if PLAN.varied(setting_of(wildcards)).segmenter.init == "classifier"
            else []
        ),
        weights=lambda wildcards: PLAN.weights("segmenter", wildcards.classifier).watched or [],
        weights_checked=lambda wildcards: weights_checked("segmenter", wildcards.classifier),
        features=lambda wildcards: PLAN.features(
            "segmenter",
            wildcards.classifier,
            ["train", "val"] if setting_of(wildcards).learns_from_val(CONFIG) else ["train"],
        ),
    output:
        weights="<run>/segmenter/<network>/{setting}/weights.pt",
        metrics="<run>/segmenter/<network>/{setting}/metrics.csv",
    log:
        "<run>/logs/train_segmenter/<network>/{setting}.log",
    benchmark:
        "<run>/benchmarks/train_segmenter/<network>/{setting}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(16000),
        runtime=per_attempt(720),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=fingerprint("train_segmenter", encoder="segmenter"),
        network=lambda wildcards: parameters.network_keys(CONFIG, "segmenter", wildcards.classifier),
        weights=lambda wildcards: PLAN.weights("segmenter", wildcards.classifier).path,
        settings=lambda wildcards: parameters.segmenter_settings(CONFIG, setting_of(wildcards)),
    script:
        "../scripts/train_segmenter.py"
