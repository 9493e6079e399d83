# study: what the maps respond to, and the tables of several runs that answer the paper's claims.
# Needs:    the maps and true masks of a run; for the tables, the runs named in `study.runs`, finished.
# Produces: study/data.csv and study/<classifier>/seed<seed>/{regions,sizes,seen,response,contrast,logits}.csv of a run;
#           results/study/: tables, figures and the pages study.md and steps.md.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    list_measures,
    write_study,


rule study_measures:
    """What the maps of this run respond to, what its data is like, and the configuration it was made with."""
    input:
        "<run>/study/measures.csv",
        "<run>/config.yaml",


rule describe_data:
    """Describe the training images and how well saliency finds their objects."""
    input:
        train_csv=PLAN.manifest("train"),
        saliency="<run>/saliency/rbd/train.csv",
    output:
        table="<run>/study/data.csv",
    log:
        "<run>/logs/describe_data.log",
    benchmark:
        "<run>/benchmarks/describe_data.tsv"
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
        train_csv=PLAN.manifest("train"),
        train_cams=lambda wildcards: PLAN.cams(network_of(wildcards), "train"),
        val_cams=lambda wildcards: PLAN.cams(network_of(wildcards), "val"),
    output:
        [f"<run>/study/<network>/{name}.csv" for name in MEASURES],
    log:
        "<run>/logs/measure_maps/<network>.log",
    benchmark:
        "<run>/benchmarks/measure_maps/<network>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 8
    resources:
        mem_mb=per_attempt(8000),
        runtime=per_attempt(120),
    params:
        code=fingerprint("measure_maps"),
        settings=lambda wildcards: CONFIG.map_settings(wildcards.classifier),
        thresholds=CONFIG.masks.sweep_thresholds,
        synthetic=(
            CONFIG.data.synthetic.model_dump(include={"side_px", "body_cue", "seed"})
            if CONFIG.data.source == "synthetic"
            else {}
        ),
    script:
        "../scripts/measure_maps.py"


rule list_measures:
    """List the measures of this run with their digests, so that the study's tables see when one changes."""
    input:
        data="<run>/study/data.csv",
        # masks of another method have no maps
        maps=[
            f"<run>/study/{network}/{name}.csv"
            for network in ([] if CONFIG.masks.external_masks else PLAN.networks())
            for name in MEASURES
        ],
    output:
        table="<run>/study/measures.csv",
    log:
        "<run>/logs/list_measures.log",
    benchmark:
        "<run>/benchmarks/list_measures.tsv"
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
        summaries=[f"results/{run}/scores/summary.csv" for run in CONFIG.study.every_run("runs")],
        measures=[f"results/{run}/study/measures.csv" for run in CONFIG.study.every_run("runs")],
        configs=[f"results/{run}/config.yaml" for run in CONFIG.study.every_run("runs")],
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
        runs=CONFIG.study.runs,
        unseen_seed=CONFIG.study.unseen_seed,
        draws=CONFIG.study.draws,
    script:
        "../scripts/tabulate_study.py"


rule write_study:
    """Write the study's pages and draw its figures."""
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


rule study_steps:
    """What each step from maps to masks brings, over the runs in `study.steps`."""
    input:
        "results/study/steps.md",


rule tabulate_steps:
    """Compare every weak setting of the runs in `study.steps` with the plain one."""
    input:
        summaries=[f"results/{run}/scores/summary.csv" for run in CONFIG.study.every_run("steps")],
        configs=[f"results/{run}/config.yaml" for run in CONFIG.study.every_run("steps")],
    output:
        tables=[f"results/study/{name}.csv" for name in STEP_TABLES],
        text="results/study/steps.md",
    log:
        "results/study/logs/tabulate_steps.log",
    benchmark:
        "results/study/benchmarks/tabulate_steps.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("tabulate_steps"),
        runs=CONFIG.study.steps,
        draws=CONFIG.study.draws,
    script:
        "../scripts/tabulate_steps.py"
