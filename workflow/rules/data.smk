# data: tables of images, one per split, that every later stage reads.
# Needs:    the config section `data`, and what it names: VOC 2012 and SBD, nothing (shapes), a folder in VOC layout or
#           photos with tags.
# Produces: data/{train,val,test}.csv (id, image, tags, mask, height, width, digest), data/classes.txt and
#           data/tag_differences.csv; data/shapes/ for the built-in dataset; data/sbd_masks/ for SBD's masks as PNGs;
#           data/images and data/masks for photos that had to be converted.
# Everything that is wrong with the input is found here and listed at once.

DATA = config["data"]


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    check_true_masks,
    check_some_true_masks,


rule data:
    """The tables of images."""
    input:
        expand(f"{RESULTS}/data/{{split}}.csv", split=["train", "val", "test"]),


if DATA["source"] == "shapes":

    rule make_shapes:
        """Draw the built-in dataset, in VOC layout."""
        output:
            devkit=directory(SHAPES),
        log:
            f"{RESULTS}/logs/make_shapes.log",
        benchmark:
            f"{RESULTS}/benchmarks/make_shapes.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 4
        resources:
            mem_mb=per_attempt(2000),
            runtime=per_attempt(20),
        params:
            code=fingerprint("make_shapes"),
            images={split: DATA["shapes"][split] for split in ("train", "val", "test")},
            side_px=DATA["shapes"]["side_px"],
            body_cue=DATA["shapes"]["body_cue"],
            seed=DATA["shapes"]["seed"],
        script:
            "../scripts/make_shapes.py"


rule convert_sbd:
    """Write SBD's masks as palette PNGs."""
    input:
        lists=sbd_lists(),
    output:
        table=f"{RESULTS}/data/sbd_masks.csv",
    log:
        f"{RESULTS}/logs/convert_sbd.log",
    benchmark:
        f"{RESULTS}/benchmarks/convert_sbd.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("convert_sbd"),
        root=lambda wildcards: SBD_ROOT,
        folder=lambda wildcards, output: os.path.splitext(output.table)[0],
    script:
        "../scripts/convert_sbd.py"


rule link_data:
    """Check all photos, tags and masks and list them in one table per split."""
    input:
        # the lists and not the photos: a job graph must not grow with the number of images
        lists=data_lists(),
        sbd_masks=f"{RESULTS}/data/sbd_masks.csv" if FROM_SBD else [],
        test=TEST_READY if TEST_ARCHIVE else [],
    output:
        train=manifest("train"),
        val=manifest("val"),
        test=manifest("test"),
        classes=CLASSES,
        tag_differences=f"{RESULTS}/data/tag_differences.csv",
    log:
        f"{RESULTS}/logs/link_data.log",
    benchmark:
        f"{RESULTS}/benchmarks/link_data.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("link_data"),
        source=DATA["source"],
        root=lambda wildcards: DATA_ROOT,
        sbd_root=lambda wildcards: SBD_ROOT if FROM_SBD else "",
        train_list=DATA["train_list"] if DATA["source"] == "voc" else "",
        expected_images=DATA["expected_images"] if DATA["source"] == "voc" else {},
        tags_csv=DATA["tags_csv"],
        classes=DATA["classes"],
        max_side_px=DATA["max_side_px"],
        val_share=DATA["val_share"],
        split_seed=DATA["split_seed"],
    script:
        "../scripts/link_data.py"


rule check_true_masks:
    """Check, before anything is trained, that every training image has a true mask."""
    input:
        train_csv=manifest("train"),
    output:
        checked=f"{RESULTS}/data/true_masks_checked.txt",
    log:
        f"{RESULTS}/logs/check_true_masks.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_true_masks.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("check_true_masks"),
    script:
        "../scripts/check_true_masks.py"


rule check_some_true_masks:
    """Check, before anything is trained, that there are true masks to choose a threshold by."""
    input:
        train_csv=manifest("train"),
    output:
        checked=f"{RESULTS}/data/some_true_masks_checked.txt",
    log:
        f"{RESULTS}/logs/check_some_true_masks.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_some_true_masks.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("check_some_true_masks"),
    script:
        "../scripts/check_some_true_masks.py"
