# masks: pseudo masks, made by a producer of localization maps and saliency (paper 3.2, 4.1), or another method's.
# Needs:    the maps, and the saliency maps unless `saliency.source` is none; or a folder (`masks.external_masks`).
# Produces: masks/<classifier>/seed<seed>/<masks>/<split>/<id>.png and a table of them per shard; <masks> is the map
#           setting, with the producer in front unless it is fused: fusion, salient-fusion, densecrf-fusion, external;
#           masks/.../<masks>/sweep.csv, quality over the threshold where training images have true masks.
#           masks/.../<masks>/certainty.csv, how sure each mask is, the least certain first.
# A producer is a rule with these outputs and a class of mdc/masks (`mdc.masks.producers.Producer`).


rule masks:
    """The pseudo masks of all map settings."""
    input:
        PLAN.every_mask(),


rule fuse_masks:
    """Fuse the maps of one setting and make a pseudo mask of every image of a shard."""
    input:
        split_csv="<run>/data/{split}.csv",
        cams=lambda wildcards: cams_shard(wildcards),
        saliency=lambda wildcards: PLAN.saliency(wildcards.split, masks_of(wildcards)),
        sweep=lambda wildcards: PLAN.chosen_by(network_of(wildcards), masks_of(wildcards)),
        ground_truth=lambda wildcards: (
            "<run>/data/some_ground_truth_checked.txt"
            if PLAN.chosen_by(network_of(wildcards), masks_of(wildcards))
            else []
        ),
    output:
        table="<run>/masks/<network>/{masks}/{split}.<shard>.csv",
    log:
        "<run>/logs/fuse_masks/<network>/{masks}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/fuse_masks/<network>/{masks}/{split}.<shard>.tsv"
    wildcard_constraints:
        masks=one_of(PLAN.known_masks(FUSED)),
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("fuse_masks"),
        maps=lambda wildcards: masks_of(wildcards).maps,
        recipe=lambda wildcards: parameters.recipe(CONFIG, masks_of(wildcards)),
    script:
        "../scripts/fuse_masks.py"


rule fuse_salient_masks:
    """Make the baseline masks: salient pixels get the tagged class with the highest map."""
    input:
        split_csv="<run>/data/{split}.csv",
        cams=lambda wildcards: cams_shard(wildcards),
        saliency=lambda wildcards: PLAN.saliency(wildcards.split, masks_of(wildcards)),
        threshold=lambda wildcards: (
            f"<run>/saliency/{PLAN.varied(masks_of(wildcards)).saliency.source}/threshold.json"
        ),
    output:
        table="<run>/masks/<network>/{masks}/{split}.<shard>.csv",
    log:
        "<run>/logs/fuse_salient_masks/<network>/{masks}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/fuse_salient_masks/<network>/{masks}/{split}.<shard>.tsv"
    wildcard_constraints:
        masks=one_of(PLAN.known_masks(SALIENT)),
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("fuse_salient_masks"),
        maps=lambda wildcards: masks_of(wildcards).maps,
    script:
        "../scripts/fuse_salient_masks.py"


rule refine_by_densecrf:
    """Refine the confident regions of the fused maps by a dense CRF."""
    input:
        split_csv="<run>/data/{split}.csv",
        cams=lambda wildcards: cams_shard(wildcards),
        saliency=lambda wildcards: PLAN.saliency(wildcards.split, masks_of(wildcards)),
    output:
        table="<run>/masks/<network>/{masks}/{split}.<shard>.csv",
    log:
        "<run>/logs/refine_by_densecrf/<network>/{masks}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/refine_by_densecrf/<network>/{masks}/{split}.<shard>.tsv"
    wildcard_constraints:
        masks=one_of(PLAN.known_masks(DENSECRF)),
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
    params:
        code=fingerprint("refine_by_densecrf"),
        maps=lambda wildcards: masks_of(wildcards).maps,
        parameters=CONFIG.masks.densecrf.model_dump(),
    script:
        "../scripts/refine_by_densecrf.py"


rule refine_by_pamr:
    """Refine the fused maps' scores by pixel-adaptive mask refinement."""
    input:
        split_csv="<run>/data/{split}.csv",
        cams=lambda wildcards: cams_shard(wildcards),
        saliency=lambda wildcards: PLAN.saliency(wildcards.split, masks_of(wildcards)),
    output:
        table="<run>/masks/<network>/{masks}/{split}.<shard>.csv",
    log:
        "<run>/logs/refine_by_pamr/<network>/{masks}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/refine_by_pamr/<network>/{masks}/{split}.<shard>.tsv"
    wildcard_constraints:
        masks=one_of(PLAN.known_masks(PAMR)),
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(240),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=fingerprint("refine_by_pamr"),
        maps=lambda wildcards: masks_of(wildcards).maps,
        parameters=CONFIG.masks.pamr.model_dump(),
    script:
        "../scripts/refine_by_pamr.py"


rule copy_masks:
    """Check another method's masks of a shard of the images, and copy them."""
    input:
        split_csv="<run>/data/{split}.csv",
        classes="<run>/data/classes.txt",
    output:
        table="<run>/masks/<network>/{masks}/{split}.<shard>.csv",
    log:
        "<run>/logs/copy_masks/<network>/{masks}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/copy_masks/<network>/{masks}/{split}.<shard>.tsv"
    wildcard_constraints:
        masks=one_of(PLAN.known_masks(EXTERNAL)),
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("copy_masks"),
        external_folder=CONFIG.masks.external_masks,
    script:
        "../scripts/copy_masks.py"


rule sweep_threshold:
    """Measure the pseudo masks of one setting over a range of thresholds."""
    input:
        train_csv=PLAN.manifest("train"),
        classes="<run>/data/classes.txt",
        cams=lambda wildcards: PLAN.cams(network_of(wildcards), "train", masks_of(wildcards)),
        saliency=lambda wildcards: PLAN.saliency("train", masks_of(wildcards)),
    output:
        sweep="<run>/masks/<network>/{masks}/sweep.csv",
    log:
        "<run>/logs/sweep_threshold/<network>/{masks}.log",
    benchmark:
        "<run>/benchmarks/sweep_threshold/<network>/{masks}.tsv"
    wildcard_constraints:
        masks=one_of(PLAN.known_masks(FUSED)),
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
    params:
        code=fingerprint("sweep_threshold"),
        maps=lambda wildcards: masks_of(wildcards).maps,
        recipe=lambda wildcards: parameters.sweep_recipe(CONFIG, masks_of(wildcards)),
        thresholds=CONFIG.masks.sweep_thresholds,
    script:
        "../scripts/sweep_threshold.py"


rule estimate_certainty:
    """Estimate how sure the pseudo masks of the training images are, without true masks."""
    input:
        split_csv=PLAN.manifest("train"),
        cams=lambda wildcards: PLAN.cams(network_of(wildcards), "train", masks_of(wildcards)),
        saliency=lambda wildcards: PLAN.saliency("train", masks_of(wildcards)),
        masks="<run>/masks/<network>/{masks}/train.csv",
    output:
        certainty="<run>/masks/<network>/{masks}/certainty.csv",
    log:
        "<run>/logs/estimate_certainty/<network>/{masks}.log",
    benchmark:
        "<run>/benchmarks/estimate_certainty/<network>/{masks}.tsv"
    wildcard_constraints:
        masks=one_of(name for producer in (FUSED, *NAMED_PRODUCERS) for name in PLAN.known_masks(producer)),
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("estimate_certainty"),
        maps=lambda wildcards: masks_of(wildcards).maps,
    script:
        "../scripts/estimate_certainty.py"
