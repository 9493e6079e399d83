# data: tables of images, one per split, that every later stage reads.
# Needs:    the config section `data`, and what it names: nothing (shapes), a folder in VOC layout or photos with tags.
# Produces: data/{train,val,test}.csv (id, image, tags, mask, height, width, digest) and data/classes.txt;
#           data/shapes/ for the built-in dataset; data/images and data/masks for photos that had to be converted.
# Everything that is wrong with the input is found here and listed at once.

DATA = config["data"]
DEVKIT = f"{RESULTS}/data/shapes" if DATA["source"] == "shapes" else os.path.normpath(DATA["root"])


rule data:
    input:
        expand(f"{RESULTS}/data/{{split}}.csv", split=["train", "val", "test"]),


if DATA["source"] == "shapes":

    rule make_shapes:
        """Draw the built-in dataset, in VOC layout."""
        output:
            devkit=directory(DEVKIT),
        log:
            f"{RESULTS}/logs/make_shapes.log",
        benchmark:
            f"{RESULTS}/benchmarks/make_shapes.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 4
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            code=fingerprint("make_shapes"),
            images={split: DATA["shapes"][split] for split in ("train", "val", "test")},
            side_px=DATA["shapes"]["side_px"],
            seed=DATA["shapes"]["seed"],
        script:
            "../scripts/make_shapes.py"


rule link_data:
    """Check all photos, tags and masks and list them in one table per split."""
    input:
        # the lists and not the photos: a job graph must not grow with the number of images
        lists=(
            DEVKIT
            if DATA["source"] == "shapes"
            else watched_files(DATA["source"], root=Path(DEVKIT), tags_csv=DATA["tags_csv"])
        ),
    output:
        train=manifest("train"),
        val=manifest("val"),
        test=manifest("test"),
        classes=CLASSES,
    log:
        f"{RESULTS}/logs/link_data.log",
    benchmark:
        f"{RESULTS}/benchmarks/link_data.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=fingerprint("link_data"),
        source=DATA["source"],
        root=lambda wildcards: DEVKIT,
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
        mem_mb=1000,
        runtime=5,
    params:
        code=fingerprint("check_true_masks"),
    script:
        "../scripts/check_true_masks.py"
