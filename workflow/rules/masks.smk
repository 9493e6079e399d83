# masks: localization maps fused, cut by one threshold and completed with background (paper 3.2, 4.1).
# Needs:    the maps, and the saliency maps unless `saliency.source` is none; or a folder of masks (`masks.own_masks`).
# Produces: masks/<classifier>/seed<seed>/<maps>/<split>/<id>.png with their table, for every map setting;
#           masks/.../salient-<maps>/ likewise, the baseline that trusts saliency alone;
#           masks/.../<maps>/sweep.csv, their quality over the threshold where training images have true masks.


rule masks:
    """The pseudo masks of all map settings."""
    input:
        [
            expand(f"{RESULTS}/masks/{BY_NETWORK}/{maps}/train.csv", classifier=classifier, seed=config["seeds"])
            for classifier in CLASSIFIERS
            for maps in pseudo_settings(config, classifier)
        ],


if config["masks"]["own_masks"]:

    rule link_masks:
        """Check another method's masks and list them."""
        input:
            split_csv=f"{RESULTS}/data/{{split}}.csv",
            classes=CLASSES,
        output:
            table=f"{RESULTS}/masks/{BY_NETWORK}/own/{{split}}.csv",
        log:
            f"{RESULTS}/logs/link_masks/{BY_NETWORK}/{{split}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/link_masks/{BY_NETWORK}/{{split}}.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 1
        resources:
            mem_mb=per_attempt(2000),
            runtime=per_attempt(60),
        params:
            code=fingerprint("link_masks"),
            own_masks=config["masks"]["own_masks"],
        script:
            "../scripts/link_masks.py"

else:

    rule fuse_masks:
        """Fuse the maps of one setting and make a pseudo mask of every image."""
        input:
            cams=lambda wildcards: cam_files(wildcards, wildcards.split, wildcards.maps),
            saliency=lambda wildcards: saliency_tables(wildcards.split, wildcards.maps),
            sweep=lambda wildcards: sweep_of(wildcards.maps) if chosen_on_truth(wildcards.maps) else [],
            true_masks=lambda wildcards: (
                f"{RESULTS}/data/some_true_masks_checked.txt" if chosen_on_truth(wildcards.maps) else []
            ),
        output:
            table=f"{RESULTS}/masks/{BY_NETWORK}/{{maps}}/{{split}}.csv",
        log:
            f"{RESULTS}/logs/fuse_masks/{BY_NETWORK}/{{maps}}/{{split}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/fuse_masks/{BY_NETWORK}/{{maps}}/{{split}}.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 8
        resources:
            mem_mb=per_attempt(8000),
            runtime=per_attempt(60),
        params:
            code=fingerprint("fuse_masks"),
            names=lambda wildcards: block_names(classifier_blocks(config, wildcards.classifier)),
            recipe=lambda wildcards: recipe(wildcards.maps),
        script:
            "../scripts/fuse_masks.py"

    rule fuse_salient_masks:
        """Make the baseline masks: salient pixels get the tagged class with the highest map."""
        input:
            cams=lambda wildcards: cam_files(wildcards, wildcards.split, wildcards.salient),
            saliency=lambda wildcards: saliency_tables(wildcards.split, wildcards.salient),
            threshold=lambda wildcards: f"{RESULTS}/saliency/{saliency_source(wildcards.salient)}/threshold.json",
        output:
            table=f"{RESULTS}/masks/{BY_NETWORK}/{{salient}}/{{split}}.csv",
        log:
            f"{RESULTS}/logs/fuse_salient_masks/{BY_NETWORK}/{{salient}}/{{split}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/fuse_salient_masks/{BY_NETWORK}/{{salient}}/{{split}}.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 8
        resources:
            mem_mb=per_attempt(8000),
            runtime=per_attempt(60),
        params:
            code=fingerprint("fuse_salient_masks"),
            names=lambda wildcards: block_names(classifier_blocks(config, wildcards.classifier)),
        script:
            "../scripts/fuse_salient_masks.py"

    rule sweep_threshold:
        """Measure the pseudo masks of one setting over a range of thresholds."""
        input:
            train_csv=manifest("train"),
            classes=CLASSES,
            cams=lambda wildcards: cam_files(wildcards, "train", wildcards.maps),
            saliency=lambda wildcards: saliency_tables("train", wildcards.maps),
        output:
            sweep=f"{RESULTS}/masks/{BY_NETWORK}/{{maps}}/sweep.csv",
        log:
            f"{RESULTS}/logs/sweep_threshold/{BY_NETWORK}/{{maps}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/sweep_threshold/{BY_NETWORK}/{{maps}}.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 8
        resources:
            mem_mb=per_attempt(8000),
            runtime=per_attempt(120),
        params:
            code=fingerprint("sweep_threshold"),
            names=lambda wildcards: block_names(classifier_blocks(config, wildcards.classifier)),
            # the threshold is swept, so the configured one must not make this run again
            recipe=lambda wildcards: {k: value for k, value in recipe(wildcards.maps).items() if k != "threshold"},
            thresholds=config["masks"]["sweep_thresholds"],
        script:
            "../scripts/sweep_threshold.py"
