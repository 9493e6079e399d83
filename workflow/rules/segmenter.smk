# segmenter: LargeFOV, one per setting: weak-<maps> on pseudo masks (equation 1), weak-salient-<maps> on the baseline's,
#           semi<n>-<maps> on n images with true masks and pseudo masks of the rest (equation 2), true-masks on the true
#           ones; <setting>@<variant> with the keys of `variants.<variant>`.
# Needs:    the training images, the pseudo masks of the setting, the starting weights if any.
# Produces: data/strong/<n>.csv, the images with true masks; segmenter/<classifier>/seed<seed>/<setting>/weights.pt, metrics.csv, tensorboard/ and curves.png.
#           A killed training continues from its last finished epoch.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    choose_strong,


rule segmenter:
    """The trained segmenters."""
    input:
        [
            expand(
                f"{RESULTS}/segmenter/{BY_NETWORK}/{setting}/weights.pt", classifier=classifier, seed=config["seeds"]
            )
            for classifier in CLASSIFIERS
            for setting in segmenter_settings(config, classifier)
        ],


rule choose_strong:
    """Choose the images whose true masks a semi-supervised setting learns from; fewer are always among more."""
    input:
        train_csv=manifest("train"),
        val_csv=lambda wildcards: (
            manifest("val") if int(wildcards.images) == config["segmenter"]["strong"]["with_val"] else []
        ),
        lists=data_lists() if config["data"]["source"] == "voc" else [],
    output:
        table=f"{RESULTS}/data/strong/{{images}}.csv",
    log:
        f"{RESULTS}/logs/choose_strong/{{images}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_strong/{{images}}.tsv"
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
        voc_root=VOC_ROOT if config["data"]["source"] == "voc" else "",
        pool=config["segmenter"]["strong"]["pool"],
        seed=config["segmenter"]["strong"]["seed"],
    script:
        "../scripts/choose_strong.py"


rule train_segmenter:
    """Train the segmenter of one setting."""
    input:
        train_csv=manifest("train"),
        classes=CLASSES,
        masks=lambda wildcards: (
            []
            if not learnt_masks(split_variant(wildcards.setting)[0])
            else f"{RESULTS}/masks/{BY_NETWORK}/{masks_of_setting(config, wildcards.setting)}/train.csv"
        ),
        true_masks=lambda wildcards: (
            f"{RESULTS}/data/true_masks_checked.txt" if split_variant(wildcards.setting)[0] == "true-masks" else []
        ),
        strong=lambda wildcards: (
            f"{RESULTS}/data/strong/{strong_images(wildcards.setting)}.csv" if strong_images(wildcards.setting) else []
        ),
        classifier=lambda wildcards: (
            f"{RESULTS}/classifier/{BY_NETWORK}/weights.pt"
            if segmenter_key(wildcards.setting, "init") == "classifier"
            else []
        ),
        weights=weights_ready("segmenter"),
        weights_checked=weights_checks("segmenter"),
    output:
        weights=f"{RESULTS}/segmenter/{BY_NETWORK}/{{setting}}/weights.pt",
        metrics=f"{RESULTS}/segmenter/{BY_NETWORK}/{{setting}}/metrics.csv",
    log:
        f"{RESULTS}/logs/train_segmenter/{BY_NETWORK}/{{setting}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_segmenter/{BY_NETWORK}/{{setting}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(16000),
        runtime=per_attempt(720),
        gpu=GPU,
        device=config["device"],
    params:
        code=fingerprint("train_segmenter"),
        network=segmenter_network(),
        init=lambda wildcards: segmenter_key(wildcards.setting, "init"),
        weights=starting_weights("segmenter"),
        weights_input=weights_input("segmenter"),
        view=config["segmenter"]["view"],
        loss_resolution=config["segmenter"]["loss_resolution"],
        online_term=lambda wildcards: segmenter_key(wildcards.setting, "online_term"),
        online_warmup_epochs=lambda wildcards: segmenter_key(wildcards.setting, "online_warmup_epochs"),
        strong_share=lambda wildcards: (
            config["segmenter"]["strong"]["share"] if strong_images(wildcards.setting) else 0
        ),
        training=config["segmenter"]["training"],
        max_side_px=config["data"]["max_side_px"],
    script:
        "../scripts/train_segmenter.py"
