# data: tables of images, one per split, that every later stage reads.
# Needs:    the config section `data`, and what it names: VOC 2012 and SBD, nothing (synthetic), a folder in VOC's layout
#           or photos with tags.
# Produces: data/{train,val,test}.csv (columns: mdc/data/manifest.py), data/classes.txt and
#           data/tag_differences.csv; data/synthetic/ for the built-in dataset; data/sbd_masks/ for SBD's masks as PNGs;
#           data/images, data/masks and data/own_masks for photos and masks that had to be converted.
# Everything that is wrong with the input is found here and listed at once.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    check_ground_truth,
    check_some_ground_truth,


rule data:
    """The tables of images."""
    input:
        [PLAN.manifest(split) for split in ("train", "val", "test")],


if CONFIG.data.source == "synthetic":

    rule draw_synthetic:
        """Draw the built-in dataset, in VOC's layout."""
        output:
            folder=directory("<run>/data/synthetic"),
        log:
            "<run>/logs/draw_synthetic.log",
        benchmark:
            "<run>/benchmarks/draw_synthetic.tsv"
        conda:
            "../../envs/mdc.yaml"
        threads: 4
        resources:
            mem_mb=per_attempt(2000),
            runtime=per_attempt(20),
        params:
            code=fingerprint("draw_synthetic"),
            images=CONFIG.data.synthetic.model_dump(include={"train", "val", "test"}),
            side_px=CONFIG.data.synthetic.side_px,
            body_cue=CONFIG.data.synthetic.body_cue,
            seed=CONFIG.data.synthetic.seed,
        script:
            "../scripts/draw_synthetic.py"


rule convert_sbd:
    """Write SBD's masks as palette PNGs."""
    input:
        lists=PLAN.sbd_lists(),
    output:
        table="<run>/data/sbd_masks.csv",
    log:
        "<run>/logs/convert_sbd.log",
    benchmark:
        "<run>/benchmarks/convert_sbd.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("convert_sbd"),
        root=lambda wildcards: PLAN.sbd_root,
        folder=lambda wildcards, output: os.path.splitext(output.table)[0],
    script:
        "../scripts/convert_sbd.py"


rule link_data:
    """Check all photos, tags and masks and list them in one table per split."""
    input:
        # the lists and not the photos: a job graph must not grow with the number of images
        lists=PLAN.data_lists(),
        sbd_masks="<run>/data/sbd_masks.csv" if CONFIG.uses_sbd else [],
        test=PLAN.ready("voc_test") if CONFIG.unpacks_test_images else [],
    output:
        train=PLAN.manifest("train"),
        val=PLAN.manifest("val"),
        test=PLAN.manifest("test"),
        classes="<run>/data/classes.txt",
        tag_differences="<run>/data/tag_differences.csv",
    log:
        "<run>/logs/link_data.log",
    benchmark:
        "<run>/benchmarks/link_data.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("link_data"),
        source=CONFIG.data.source,
        root=lambda wildcards: PLAN.data_root,
        sbd_root=lambda wildcards: PLAN.sbd_root,
        train_list=CONFIG.data.train_list if CONFIG.data.source == "voc" else "",
        expected_images=CONFIG.data.expected_images.model_dump() if CONFIG.data.source == "voc" else {},
        tags_csv=CONFIG.data.tags_csv,
        classes=CONFIG.data.classes,
        max_side_px=CONFIG.data.max_side_px,
        val_share=CONFIG.data.val_share,
        split_seed=CONFIG.data.split_seed,
    script:
        "../scripts/link_data.py"


rule check_ground_truth:
    """Check, before anything is trained, that every training image has a true mask."""
    input:
        train_csv=PLAN.manifest("train"),
    output:
        checked="<run>/data/ground_truth_checked.txt",
    log:
        "<run>/logs/check_ground_truth.log",
    benchmark:
        "<run>/benchmarks/check_ground_truth.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("check_ground_truth"),
    script:
        "../scripts/check_ground_truth.py"


rule check_some_ground_truth:
    """Check, before anything is trained, that there are true masks to choose a threshold by."""
    input:
        train_csv=PLAN.manifest("train"),
    output:
        checked="<run>/data/some_ground_truth_checked.txt",
    log:
        "<run>/logs/check_some_ground_truth.log",
    benchmark:
        "<run>/benchmarks/check_some_ground_truth.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("check_some_ground_truth"),
    script:
        "../scripts/check_some_ground_truth.py"
