# saliency: how much each pixel stands out from the border of the photo, the cue for background (paper 4.1).
# Needs:    the tables of images; for `saliency.source: folder`, a map per image, or `saliency.missing: rbd`.
# Produces: saliency/<source>/<split>/<id>.png (8-bit, 255 = salient) and a table of them per shard;
#           saliency/<source>/threshold.json, the threshold that fits the training images best (for the baselines).


rule saliency:
    """The saliency maps of train and val."""
    input:
        saliency_tables("train"),
        saliency_tables("val"),


rule check_maps_exist:
    """Find the images without a map in the folder of saliency maps, before anything is trained."""
    input:
        split_csvs=[manifest(split) for split in dict.fromkeys(["train", "val", *config["predictions"]["splits"]])],
    output:
        missing=f"{RESULTS}/saliency/folder/missing.csv",
    log:
        f"{RESULTS}/logs/check_maps_exist.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_maps_exist.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        code=fingerprint("check_maps_exist"),
        folder=config["saliency"]["folder"],
        by_rbd=BY_RBD,
    script:
        "../scripts/check_maps_exist.py"


rule compute_saliency:
    """Compute or check the saliency maps of a shard of the images."""
    input:
        split_csv=f"{RESULTS}/data/{{split}}.csv",
        missing=lambda wildcards: f"{RESULTS}/saliency/folder/missing.csv" if wildcards.source == "folder" else [],
    output:
        table=f"{RESULTS}/saliency/{{source}}/{{split}}.{{shard}}-of-{{shards}}.csv",
    log:
        f"{RESULTS}/logs/compute_saliency/{{source}}/{{split}}.{{shard}}-of-{{shards}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/compute_saliency/{{source}}/{{split}}.{{shard}}-of-{{shards}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        code=fingerprint("compute_saliency"),
        own_folder=config["saliency"]["folder"],
        by_rbd=BY_RBD,
        folder=lambda wildcards, output: f"{RESULTS}/saliency/{wildcards.source}/{wildcards.split}",
    script:
        "../scripts/compute_saliency.py"


rule choose_saliency_threshold:
    """Find the saliency threshold that separates the training images' objects best."""
    input:
        train_csv=manifest("train"),
        saliency=sharded(f"{RESULTS}/saliency/{{source}}/train.{{shard}}-of-{{shards}}.csv"),
    output:
        json=f"{RESULTS}/saliency/{{source}}/threshold.json",
    log:
        f"{RESULTS}/logs/choose_saliency_threshold/{{source}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_saliency_threshold/{{source}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=fingerprint("choose_saliency_threshold"),
    script:
        "../scripts/choose_saliency_threshold.py"
