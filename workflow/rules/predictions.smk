# predictions: class scores of the segmenter at network resolution, and the best class of every pixel.
# Needs:    the trained segmenter and the images of a split.
# Produces: predictions/<classifier>/seed<seed>/<setting>/<split>.<shard>-of-<shards>.h5 (layout: mdc/store.py),
#           <split>/<id>.png and a table of them per shard.


rule predictions:
    """The predictions of all segmenters."""
    input:
        every_prediction("predictions"),


rule predict_scores:
    """Store the class scores of a shard of the images, and palette PNGs of the best class."""
    input:
        split_csv=f"{RESULTS}/data/{{split}}.csv",
        classes=CLASSES,
        weights=f"{RESULTS}/segmenter/{BY_NETWORK}/{{setting}}/weights.pt",
    output:
        scores=f"{RESULTS}/predictions/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.h5",
        table=f"{RESULTS}/predictions/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.csv",
    log:
        f"{RESULTS}/logs/predict_scores/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict_scores/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=8000,
        runtime=120,
        gpu=GPU,
        device=config["device"],
    params:
        code=fingerprint("predict_scores"),
        network=segmenter_network(),
        folder=f"{RESULTS}/predictions/{BY_NETWORK}/{{setting}}/{{split}}",
    script:
        "../scripts/predict_scores.py"
