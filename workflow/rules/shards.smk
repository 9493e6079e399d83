# shards: what the shards of a stage hold, as one table or one file.
# Needs:    the shards of saliency, cams, masks, predictions or crf.
# Produces: <stage>/.../<split>.csv, a table of all pictures, and cams|predictions/.../<split>.h5, by which all shards
#           open as one file.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    join_tables,
    join_stores,


rule join_tables:
    """List the pictures of all shards of a stage in one table."""
    input:
        tables=lambda wildcards: PLAN.shards(wildcards.path, ".csv"),
    output:
        table="<run>/{path}.csv",
    log:
        "<run>/logs/join_tables/{path}.log",
    benchmark:
        "<run>/benchmarks/join_tables/{path}.tsv"
    wildcard_constraints:
        path="(saliency|masks|predictions|crf)/.+/(train|val|test)",
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("join_tables"),
    script:
        "../scripts/join_tables.py"


rule join_stores:
    """Write a file by which the maps or scores of all shards open as one."""
    input:
        stores=lambda wildcards: PLAN.shards(wildcards.path, ".h5"),
    output:
        store="<run>/{path}.h5",
    log:
        "<run>/logs/join_stores/{path}.log",
    benchmark:
        "<run>/benchmarks/join_stores/{path}.tsv"
    wildcard_constraints:
        path="(cams|predictions)/.+/(train|val|test)",
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("join_stores"),
    script:
        "../scripts/join_stores.py"
