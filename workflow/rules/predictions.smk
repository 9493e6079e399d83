# predictions: class scores of the segmenter at network resolution, and the best class of every pixel.
# Needs:    the trained segmenter and the images of a split.
# Produces: predictions/<classifier>/seed<seed>/<setting>/<split>.<shard>-of-<shards>.h5 (layout: mdc/store.py),
#           <split>/<id>.png and a table of them per shard; <split>.h5 and <split>.csv, all shards as one.


localrules:
    list_predictions,


rule predictions:
    """The predictions of all segmenters."""
    input:
        lists_of_segmenters("predictions"),
        shards_of_segmenters("predictions"),


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
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
        gpu=GPU,
        device=config["device"],
    params:
        code=fingerprint("predict_scores"),
        network=segmenter_network(),
        folder=f"{RESULTS}/predictions/{BY_NETWORK}/{{setting}}/{{split}}",
    script:
        "../scripts/predict_scores.py"


use rule list_saliency as list_predictions with:
    input:
        tables=lambda wildcards: mask_tables(wildcards, "predictions", wildcards.setting, wildcards.split),
        stores=lambda wildcards: stores_beside(
            mask_tables(wildcards, "predictions", wildcards.setting, wildcards.split)
        ),
    output:
        table=f"{RESULTS}/predictions/{BY_NETWORK}/{{setting}}/{{split}}.csv",
        store=f"{RESULTS}/predictions/{BY_NETWORK}/{{setting}}/{{split}}.h5",
    log:
        f"{RESULTS}/logs/list_predictions/{BY_NETWORK}/{{setting}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_predictions/{BY_NETWORK}/{{setting}}/{{split}}.tsv"
