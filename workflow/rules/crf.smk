# crf: predictions refined by a dense CRF, image by image over all cores (paper 4.3).
# Needs:    the stored class scores and the photos.
# Produces: crf/<classifier>/seed<seed>/<setting>/<split>/<id>.png and a table of them per shard.


rule crf:
    """The predictions after the CRF."""
    input:
        PLAN.every_prediction("crf"),


rule apply_crf:
    """Refine the predictions of a shard of the images."""
    input:
        split_csv="<run>/data/{split}.csv",
        scores="<run>/predictions/<network>/{setting}/{split}.<shard>.h5",
    output:
        table="<run>/crf/<network>/{setting}/{split}.<shard>.csv",
    log:
        "<run>/logs/apply_crf/<network>/{setting}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/apply_crf/<network>/{setting}/{split}.<shard>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
    params:
        code=fingerprint("apply_crf"),
        parameters=CONFIG.crf.model_dump(),
    script:
        "../scripts/apply_crf.py"
