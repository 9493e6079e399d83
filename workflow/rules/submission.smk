# submission: masks of test images as VOC's server takes them, checked before they are packed.
# Needs:    test images (data.voc_test_archive, or a folder in VOC layout with a test list) and a trained segmenter.
# Produces: submission/<classifier>/seed<seed>/<result>.tgz.


rule submission:
    """The archives to submit: those of submission.results."""
    input:
        or_workflow_error(lambda wildcards: PLAN.submissions()),


rule pack_submission:
    """Check the masks of the test images and pack them for VOC's server."""
    input:
        classes="<run>/data/classes.txt",
        split_csv=PLAN.manifest("test"),
        masks=lambda wildcards: PLAN.masks(network_of(wildcards), result_of(wildcards), "test"),
    output:
        archive="<run>/submission/<network>/{result}.tgz",
    log:
        "<run>/logs/pack_submission/<network>/{result}.log",
    benchmark:
        "<run>/benchmarks/pack_submission/<network>/{result}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(30),
    params:
        code=fingerprint("pack_submission"),
        root=lambda wildcards: PLAN.test_root,
        competition=CONFIG.submission.competition,
    script:
        "../scripts/pack_submission.py"
