# features: a frozen encoder's features of every view of the photos (`training.freeze: encoder`), computed once.
# Needs:    the tables of images; the starting weights.
# Produces: features/<stage>/<classifier>/<split>.<shard>-of-<shards>.h5, described in mdc/features.py; networks with the same
#           encoder, weights and views share the files of the first one. No stage after the trainings needs them: remove
#           them if you need the room.


rule features:
    """The features of the training views."""
    input:
        [
            PLAN.features(stage, classifier)
            for classifier in CONFIG.classifier.networks
            for stage in ("classifier", "segmenter")
        ],


rule encode_views:
    """Store the features of every view of a shard of a split's photos."""
    input:
        split_csv="<run>/data/{split}.csv",
        weights=lambda wildcards: PLAN.weights(wildcards.stage, wildcards.classifier).watched or [],
        # checked on the whole network, so that other heads would make features again: its time does not count
        weights_checked=lambda wildcards: ancient(weights_checked(wildcards.stage, wildcards.classifier)),
    output:
        features="<run>/features/{stage}/{classifier}/{split}.<shard>.h5",
    log:
        "<run>/logs/encode_views/{stage}/{classifier}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/encode_views/{stage}/{classifier}/{split}.<shard>.tsv"
    wildcard_constraints:
        stage="classifier|segmenter",
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=lambda wildcards: fingerprint("encode_views", encoder=wildcards.stage)(wildcards),
        encoder=lambda wildcards: parameters.described_encoder(CONFIG, wildcards.stage, wildcards.classifier),
        weights=lambda wildcards: PLAN.weights(wildcards.stage, wildcards.classifier).path,
        augmentation=lambda wildcards: parameters.augmentation(CONFIG, wildcards.stage),
    script:
        "../scripts/encode_views.py"
