# predictions: class scores of the segmenter at network resolution, and the best class of every pixel.
# Needs:    the trained segmenter and the images of a split.
# Produces: predictions/<classifier>/seed<seed>/<setting>/<split>.<shard>-of-<shards>.h5 (mdc/predictions/files.py),
#           <split>/<id>.png and a table of them per shard.


rule predictions:
    """The predictions of all segmenters."""
    input:
        PLAN.every_prediction("predictions"),


rule predict_scores:
    """Store the class scores of a shard of the images, and palette PNGs of the best class."""
    input:
        split_csv="<run>/data/{split}.csv",
        weights="<run>/segmenter/<network>/{setting}/weights.pt",
    output:
        scores="<run>/predictions/<network>/{setting}/{split}.<shard>.h5",
        table="<run>/predictions/<network>/{setting}/{split}.<shard>.csv",
    log:
        "<run>/logs/predict_scores/<network>/{setting}/{split}.<shard>.log",
    benchmark:
        "<run>/benchmarks/predict_scores/<network>/{setting}/{split}.<shard>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
        gpu=GPU,
        device=CONFIG.device,
    params:
        code=fingerprint("predict_scores", encoder="segmenter"),
    script:
        "../scripts/predict_scores.py"
