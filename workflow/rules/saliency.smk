# saliency: how much each pixel stands out from the border of the photo, the cue for background (paper 4.1).
# Needs:    the tables of images; for `saliency.source: folder`, a map per image, or `saliency.missing: rbd`.
# Produces: saliency/<source>/<split>/<id>.png (8-bit, 255 = salient) and a table of them per shard;
#           saliency/<source>/<split>.csv, one table of all shards;
#           saliency/<source>/threshold.json, the threshold that fits the training images best (for the baselines).


localrules:
    list_saliency,


rule saliency:
    """The saliency maps of train, val and whatever else the run makes them of."""
    input:
        expand(f"{RESULTS}/saliency/{SALIENCY}/{{split}}.csv", split=["train", "val"] if SALIENCY != "none" else []),
        saliency_tables("train"),
        saliency_tables("val"),
        [path for path in every_map() if path.startswith(f"{RESULTS}/saliency/")],


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
        mem_mb=per_attempt(1000),
        runtime=per_attempt(15),
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
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        code=fingerprint("compute_saliency"),
        own_folder=config["saliency"]["folder"],
        by_rbd=BY_RBD,
        folder=lambda wildcards, output: f"{RESULTS}/saliency/{wildcards.source}/{wildcards.split}",
    script:
        "../scripts/compute_saliency.py"


rule list_saliency:
    """List what the shards of a stage hold in one table, and give the maps or scores of all of them by one file."""
    input:
        tables=lambda wildcards: sharded(
            f"{RESULTS}/saliency/{{source}}/{{split}}.{{shard}}-of-{{shards}}.csv", wildcards
        ),
        stores=[],
    output:
        table=f"{RESULTS}/saliency/{{source}}/{{split}}.csv",
    log:
        f"{RESULTS}/logs/list_saliency/{{source}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_saliency/{{source}}/{{split}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("list_shards"),
    script:
        "../scripts/list_shards.py"


rule choose_saliency_threshold:
    """Find the saliency threshold that separates the training images' objects best."""
    input:
        train_csv=manifest("train"),
        saliency=lambda wildcards: sharded(
            f"{RESULTS}/saliency/{{source}}/train.{{shard}}-of-{{shards}}.csv", wildcards
        ),
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
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        code=fingerprint("choose_saliency_threshold"),
    script:
        "../scripts/choose_saliency_threshold.py"
