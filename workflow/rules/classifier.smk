# classifier: the multi-dilation network, trained on tags (paper 3.2).
# Needs:    the tables of images; the starting weights, if any.
# Produces: classifier/<name>/seed<seed>/weights.pt, metrics.csv (a row per epoch: loss, average precision per block),
#           tensorboard/ and curves.png. A killed training continues from its last finished epoch.


rule classifier:
    """The trained classifiers."""
    input:
        expand(f"{RESULTS}/classifier/{BY_NETWORK}/weights.pt", classifier=CLASSIFIERS, seed=config["seeds"]),


rule train_classifier:
    """Train the multi-dilation classifier on the tags."""
    input:
        train_csv=manifest("train"),
        val_csv=manifest("val"),
        classes=CLASSES,
        weights=weights_ready("classifier"),
        weights_checked=weights_checks("classifier"),
    output:
        weights=f"{RESULTS}/classifier/{BY_NETWORK}/weights.pt",
        metrics=f"{RESULTS}/classifier/{BY_NETWORK}/metrics.csv",
    log:
        f"{RESULTS}/logs/train_classifier/{BY_NETWORK}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_classifier/{BY_NETWORK}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(16000),
        runtime=per_attempt(720),
        gpu=GPU,
        device=config["device"],
    params:
        code=fingerprint("train_classifier"),
        dilations=lambda wildcards: classifier_blocks(config, wildcards.classifier),
        names=lambda wildcards: block_names(classifier_blocks(config, wildcards.classifier)),
        network=lambda wildcards: classifier_network(wildcards.classifier),
        init=config["classifier"]["init"],
        weights=starting_weights("classifier"),
        weights_input=weights_input("classifier"),
        view=config["classifier"]["view"],
        training=config["classifier"]["training"],
    script:
        "../scripts/train_classifier.py"
