# cams: one localization map per block and tagged class, stored raw (paper 3.2).
# Needs:    the trained classifier, or another method's maps (`cams.own_maps`).
# Produces: cams/<classifier>/seed<seed>/<split>.<shard>-of-<shards>.h5; the layout is described in mdc/store.py;
#           <split>.h5 beside them, by which all shards open as one file;
#           cams/<classifier>/seed<seed>/untrained/ likewise, of the network as initialised, where a variant asks for it.


localrules:
    list_cams,


rule cams:
    """The localization maps of train, val and whatever else the run makes them of."""
    input:
        expand(
            f"{RESULTS}/cams/{BY_NETWORK}/{{split}}.h5",
            classifier=CLASSIFIERS,
            seed=config["seeds"],
            split=["train", "val"],
        ),
        [
            cam_files({"classifier": classifier, "seed": seed}, split)
            for classifier, seed, _ in every_network()
            for split in ("train", "val")
        ],
        [path for path in every_map() if path.startswith(f"{RESULTS}/cams/")],


use rule list_saliency as list_cams with:
    input:
        tables=[],
        stores=lambda wildcards: cam_files(wildcards, wildcards.split),
    output:
        store=f"{RESULTS}/cams/{BY_NETWORK}/{{split}}.h5",
    log:
        f"{RESULTS}/logs/list_cams/{BY_NETWORK}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_cams/{BY_NETWORK}/{{split}}.tsv"


if config["cams"]["own_maps"]:

    rule link_cams:
        """Check another method's maps and take them over."""
        input:
            own=lambda wildcards: config["cams"]["own_maps"].replace("{split}", wildcards.split),
            split_csv=f"{RESULTS}/data/{{split}}.csv",
            classes=CLASSES,
        output:
            cams=f"{RESULTS}/cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.h5",
        log:
            f"{RESULTS}/logs/link_cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/link_cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 1
        resources:
            mem_mb=per_attempt(4000),
            runtime=per_attempt(60),
        params:
            code=fingerprint("link_cams"),
            dilations=lambda wildcards: classifier_blocks(config, wildcards.classifier),
        script:
            "../scripts/link_cams.py"

else:

    rule dump_cams:
        """Store the class activation maps of a shard of the images."""
        input:
            split_csv=f"{RESULTS}/data/{{split}}.csv",
            classes=CLASSES,
            weights=f"{RESULTS}/classifier/{BY_NETWORK}/weights.pt",
        output:
            cams=f"{RESULTS}/cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.h5",
        log:
            f"{RESULTS}/logs/dump_cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/dump_cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 4
        resources:
            mem_mb=per_attempt(8000),
            runtime=per_attempt(120),
            gpu=GPU,
            device=config["device"],
        params:
            code=fingerprint("dump_cams"),
            dilations=lambda wildcards: classifier_blocks(config, wildcards.classifier),
            network=lambda wildcards: classifier_network(wildcards.classifier),
        script:
            "../scripts/dump_cams.py"

    rule init_classifier:
        """Store the classifier as initialised: the baseline that shows what its training adds."""
        input:
            classes=CLASSES,
            weights=weights_ready("classifier"),
            weights_checked=weights_checks("classifier"),
        output:
            weights=f"{RESULTS}/classifier/{BY_NETWORK}/untrained.pt",
        log:
            f"{RESULTS}/logs/init_classifier/{BY_NETWORK}.log",
        benchmark:
            f"{RESULTS}/benchmarks/init_classifier/{BY_NETWORK}.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 1
        resources:
            mem_mb=per_attempt(4000),
            runtime=per_attempt(10),
        params:
            code=fingerprint("init_classifier"),
            dilations=lambda wildcards: classifier_blocks(config, wildcards.classifier),
            network=lambda wildcards: classifier_network(wildcards.classifier),
            init=config["classifier"]["init"],
            weights=starting_weights("classifier"),
            weights_input=weights_input("classifier"),
        script:
            "../scripts/init_classifier.py"

    use rule dump_cams as dump_untrained_cams with:
        input:
            split_csv=f"{RESULTS}/data/{{split}}.csv",
            classes=CLASSES,
            weights=f"{RESULTS}/classifier/{BY_NETWORK}/untrained.pt",
        output:
            cams=f"{RESULTS}/cams/{BY_NETWORK}/untrained/{{split}}.{{shard}}-of-{{shards}}.h5",
        log:
            f"{RESULTS}/logs/dump_untrained_cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/dump_untrained_cams/{BY_NETWORK}/{{split}}.{{shard}}-of-{{shards}}.tsv"
