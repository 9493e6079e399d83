# study: what the maps respond to, and the tables of several runs that answer the paper's claims.
# Needs:    the maps and true masks of a run; for the tables, the runs named in `study.runs`, finished.
# Produces: study/data.csv and study/<classifier>/seed<seed>/{regions,sizes,seen,response,contrast,logits}.csv of a run;
#           results/study/: tables, figures and study.md, the README's section of results.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    list_measures,
    write_study,


rule study_measures:
    """What the maps of this run respond to, what its data is like, and the configuration it was made with."""
    input:
        f"{RESULTS}/study/measures.csv",
        f"{RESULTS}/config.yaml",


rule describe_data:
    """Describe the training images and how well saliency finds their objects."""
    input:
        train_csv=manifest("train"),
        saliency=sharded(f"{RESULTS}/saliency/rbd/train.{{shard}}-of-{{shards}}.csv", {}),
    output:
        table=f"{RESULTS}/study/data.csv",
    log:
        f"{RESULTS}/logs/describe_data.log",
    benchmark:
        f"{RESULTS}/benchmarks/describe_data.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        code=fingerprint("describe_data"),
    script:
        "../scripts/describe_data.py"


rule measure_maps:
    """Measure what a classifier's maps respond to, on the training images' true masks."""
    input:
        train_csv=manifest("train"),
        train_cams=lambda wildcards: cam_files(wildcards, "train"),
        val_cams=lambda wildcards: cam_files(wildcards, "val"),
    output:
        [f"{RESULTS}/study/{BY_NETWORK}/{name}.csv" for name in MEASURES],
    log:
        f"{RESULTS}/logs/measure_maps/{BY_NETWORK}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_maps/{BY_NETWORK}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
    params:
        code=fingerprint("measure_maps"),
        settings=lambda wildcards: map_settings(config, wildcards.classifier),
        names=lambda wildcards: block_names(classifier_blocks(config, wildcards.classifier)),
        thresholds=config["masks"]["sweep_thresholds"],
        shapes=(
            {key: config["data"]["shapes"][key] for key in ("side_px", "body_cue", "seed")}
            if config["data"]["source"] == "shapes"
            else {}
        ),
    script:
        "../scripts/measure_maps.py"


rule list_measures:
    """List the measures of this run with their digests, so that the study's tables see when one changes."""
    input:
        data=f"{RESULTS}/study/data.csv",
        # masks of another method have no maps
        maps=(
            []
            if config["masks"]["own_masks"]
            else expand(
                f"{RESULTS}/study/{BY_NETWORK}/{{name}}.csv",
                classifier=CLASSIFIERS,
                seed=config["seeds"],
                name=MEASURES,
            )
        ),
    output:
        table=f"{RESULTS}/study/measures.csv",
    log:
        f"{RESULTS}/logs/list_measures.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_measures.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        code=fingerprint("list_measures"),
    script:
        "../scripts/list_measures.py"


rule study_tables:
    """The tables and figures over all runs of the study."""
    input:
        "results/study/study.md",
        "results/study/response.png",


rule tabulate_study:
    """Gather the runs of the study: every setting, every claim, every measure."""
    input:
        summaries=[f"results/{run}/scores/summary.csv" for run in study_runs()],
        measures=[f"results/{run}/study/measures.csv" for run in study_runs()],
        configs=[f"results/{run}/config.yaml" for run in study_runs()],
    output:
        tables=[f"results/study/{name}.csv" for name in STUDY_TABLES],
    log:
        "results/study/logs/tabulate_study.log",
    benchmark:
        "results/study/benchmarks/tabulate_study.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("tabulate_study"),
        runs=config["study"]["runs"],
        unseen_seed=config["study"]["unseen_seed"],
        draws=config["study"]["draws"],
    script:
        "../scripts/tabulate_study.py"


rule write_study:
    """Write the study in words and draw its figures."""
    input:
        tables=rules.tabulate_study.output.tables,
    output:
        text="results/study/study.md",
        details="results/study/details.md",
        response="results/study/response.png",
        sizes="results/study/sizes.png",
        differences="results/study/differences.png",
    log:
        "results/study/logs/write_study.log",
    benchmark:
        "results/study/benchmarks/write_study.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("write_study"),
    script:
        "../scripts/write_study.py"
