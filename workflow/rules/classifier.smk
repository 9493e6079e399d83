# classifier: the multi-dilation network, trained on tags (paper 3.2).
# Needs:    the tables of images; the starting weights, if any; the features of the views, where the encoder is frozen.
# Produces: classifier/<classifier>/seed<seed>/weights.pt, metrics.csv (a row per epoch: loss, average precision per
#           block), tensorboard/ and curves.png; untrained.pt, the network before its training, where a variant asks for
#           its maps. A killed training continues from its last finished epoch.


rule classifier:
    """The trained classifiers."""
    input:
        [f"<run>/classifier/{network}/weights.pt" for network in PLAN.networks()],


rule train_classifier:
    """Train the multi-dilation classifier on the tags."""
    input:
        train_csv=PLAN.manifest("train"),
        val_csv=PLAN.manifest("val"),
        classes="<run>/data/classes.txt",
        weights=lambda wildcards: PLAN.weights("classifier", wildcards.classifier).watched or [],
        weights_checked=lambda wildcards: weights_checked("classifier", wildcards.classifier),
        features=lambda wildcards: PLAN.features("classifier", wildcards.classifier),
    output:
        weights="<run>/classifier/<network>/weights.pt",
        metrics="<run>/classifier/<network>/metrics.csv",
    log:
        "<run>/logs/train_classifier/<network>.log",
    benchmark:
        "<run>/benchmarks/train_classifier/<network>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(16000),
        runtime=per_attempt(720),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=fingerprint("train_classifier", encoder="classifier"),
        network=lambda wildcards: parameters.network_keys(CONFIG, "classifier", wildcards.classifier),
        head_bias=CONFIG.classifier.head_bias,
        init=CONFIG.classifier.init,
        weights=lambda wildcards: PLAN.weights("classifier", wildcards.classifier).path,
        augmentation=parameters.augmentation(CONFIG, "classifier"),
        training=CONFIG.classifier.training.model_dump(),
    script:
        "../scripts/train_classifier.py"


rule init_classifier:
    """Store the classifier as initialised: the baseline that shows what its training adds."""
    input:
        classes="<run>/data/classes.txt",
        weights=lambda wildcards: PLAN.weights("classifier", wildcards.classifier).watched or [],
        weights_checked=lambda wildcards: weights_checked("classifier", wildcards.classifier),
    output:
        weights="<run>/classifier/<network>/untrained.pt",
    log:
        "<run>/logs/init_classifier/<network>.log",
    benchmark:
        "<run>/benchmarks/init_classifier/<network>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("init_classifier", encoder="classifier"),
        network=lambda wildcards: parameters.network_keys(CONFIG, "classifier", wildcards.classifier),
        init=CONFIG.classifier.init,
        weights=lambda wildcards: PLAN.weights("classifier", wildcards.classifier).path,
    script:
        "../scripts/init_classifier.py"
