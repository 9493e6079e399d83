# submission: masks of test images as VOC's server takes them, checked before they are packed.
# Needs:    test images (data.voc_test_archive, or a folder in VOC layout with a test list) and a trained segmenter.
# Produces: submission/<classifier>/seed<seed>/<result>.tgz.


rule submission:
    """The archives to submit: those of submission.results."""
    input:
        submission_files,


rule pack_submission:
    """Check the masks of the test images and pack them for VOC's server."""
    input:
        classes=CLASSES,
        split_csv=manifest("test"),
        masks=lambda wildcards: tables_of_result(wildcards, "test"),
    output:
        archive=f"{RESULTS}/submission/{BY_NETWORK}/{{result}}.tgz",
    log:
        f"{RESULTS}/logs/pack_submission/{BY_NETWORK}/{{result}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pack_submission/{BY_NETWORK}/{{result}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(30),
    params:
        code=fingerprint("pack_submission"),
        root=os.path.dirname(TEST_READY) if TEST_ARCHIVE else DATA_ROOT,
        competition=config["submission"]["competition"],
    script:
        "../scripts/pack_submission.py"
