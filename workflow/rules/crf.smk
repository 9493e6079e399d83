# crf: predictions refined by a fully connected CRF, image by image over all cores (paper 4.3).
# Needs:    the stored class scores and the photos.
# Produces: crf/<classifier>/seed<seed>/<setting>/<split>/<id>.png and a table of them per shard; <split>.csv, the
#           table of all.


localrules:
    list_crf,


rule crf:
    """The predictions after the CRF."""
    input:
        lists_of_segmenters("crf"),
        shards_of_segmenters("crf"),


rule apply_crf:
    """Refine the predictions of a shard of the images."""
    input:
        split_csv=f"{RESULTS}/data/{{split}}.csv",
        scores=f"{RESULTS}/predictions/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.h5",
    output:
        table=f"{RESULTS}/crf/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.csv",
    log:
        f"{RESULTS}/logs/apply_crf/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/apply_crf/{BY_NETWORK}/{{setting}}/{{split}}.{{shard}}-of-{{shards}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
    params:
        code=fingerprint("apply_crf"),
        parameters=config["crf"],
        folder=f"{RESULTS}/crf/{BY_NETWORK}/{{setting}}/{{split}}",
    script:
        "../scripts/apply_crf.py"


use rule list_saliency as list_crf with:
    input:
        tables=lambda wildcards: mask_tables(wildcards, "crf", wildcards.setting, wildcards.split),
        stores=[],
    output:
        table=f"{RESULTS}/crf/{BY_NETWORK}/{{setting}}/{{split}}.csv",
    log:
        f"{RESULTS}/logs/list_crf/{BY_NETWORK}/{{setting}}/{{split}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_crf/{BY_NETWORK}/{{setting}}/{{split}}.tsv"
