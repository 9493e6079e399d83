# saliency: how much each pixel stands out, the cue for background (paper 4.1).
# Needs:    the tables of images; for `saliency.source: folder`, a map per image, or `saliency.missing: rbd`; for onnx,
#           the network.
# Produces: saliency/<source>/<split>/<id>.png (8-bit, 255 = salient) and a table of them per shard;
#           saliency/<source>/threshold.json, the threshold that fits the training images best (for the baselines); 0.5
#           without true objects.


rule saliency:
    """The saliency maps of train, val and whatever else the run makes them of."""
    input:
        [
            path
            for split in ("train", "val")
            for table in PLAN.saliency(split)
            for path in PLAN.shards_and_list(f"saliency/{CONFIG.saliency.source}/{split}", ".csv")
        ],
        PLAN.every_map("saliency"),


rule check_saliency_folder:
    """Find the images without a map in the folder of saliency maps, before anything is trained."""
    input:
        split_csvs=[PLAN.manifest(split) for split in dict.fromkeys(["train", "val", *CONFIG.predictions.splits])],
    output:
        missing="<run>/saliency/folder/missing.csv",
    log:
        "<run>/logs/check_saliency_folder.log",
    benchmark:
        "<run>/benchmarks/check_saliency_folder.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(15),
    params:
        code=fingerprint("check_saliency_folder"),
        folder=CONFIG.saliency.folder,
        by_rbd=CONFIG.saliency.missing == "rbd",
    script:
        "../scripts/check_saliency_folder.py"


rule compute_saliency:
    """Compute or check the saliency maps of a shard of the images."""
    input:
        split_csv="<run>/data/{split}.csv",
        missing=lambda wildcards: "<run>/saliency/folder/missing.csv" if wildcards.source == "folder" else [],
    output:
        table="<run>/saliency/{source}/{split}.<shard>.csv",
    log:
        "<run>/logs/compute_saliency/{source}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/compute_saliency/{source}/{split}.<shard>.tsv"
    wildcard_constraints:
        source="rbd|folder|ground_truth",
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        code=fingerprint("compute_saliency"),
        # of the source folder alone, so that a change of them does not compute the maps of the others again
        external_folder=lambda wildcards: CONFIG.saliency.folder if wildcards.source == "folder" else "",
        by_rbd=lambda wildcards: wildcards.source == "folder" and CONFIG.saliency.missing == "rbd",
    script:
        "../scripts/compute_saliency.py"


rule check_saliency_network:
    """Try the salient-object network on one photo, before anything is trained."""
    input:
        network=PLAN.saliency_network().watched,
        train_csv=PLAN.manifest("train"),
    output:
        checked="<run>/saliency/onnx/network_checked.json",
    log:
        "<run>/logs/check_saliency_network.log",
    benchmark:
        "<run>/benchmarks/check_saliency_network.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(10),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=fingerprint("check_saliency_network"),
        network=PLAN.saliency_network().path,
        scaling=parameters.saliency_scaling(CONFIG),
    script:
        "../scripts/check_saliency_network.py"


rule run_saliency_network:
    """Compute the saliency maps of a shard of the images by the salient-object network."""
    input:
        split_csv="<run>/data/{split}.csv",
        network=PLAN.saliency_network().watched,
        checked="<run>/saliency/onnx/network_checked.json",
    output:
        table="<run>/saliency/onnx/{split}.<shard>.csv",
    log:
        "<run>/logs/run_saliency_network/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/run_saliency_network/{split}.<shard>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(720),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=fingerprint("run_saliency_network"),
        network=PLAN.saliency_network().path,
        scaling=parameters.saliency_scaling(CONFIG),
    script:
        "../scripts/run_saliency_network.py"


rule choose_saliency_threshold:
    """Find the saliency threshold that separates the training images' objects best."""
    input:
        train_csv=PLAN.manifest("train"),
        saliency="<run>/saliency/{source}/train.csv",
    output:
        json="<run>/saliency/{source}/threshold.json",
    log:
        "<run>/logs/choose_saliency_threshold/{source}.log",
    benchmark:
        "<run>/benchmarks/choose_saliency_threshold/{source}.tsv"
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
