# report: what people look at: curves, contact sheets, tables as HTML, the config that was used, and the figures; and a
#           page about the run: versions, hardware, commit, time and memory of each rule, and the command that repeats it.
# Needs:    the metrics, maps, masks and scores of the stages before, and the stage figures.
# Produces: report/... as PNG and HTML, gathered into one file by `snakemake --report`; config.yaml and README.md.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    write_config,
    write_readme,
    show_table,
    plot_curves,
    draw_sheet,


rule report:
    """The figures and tables that people look at."""
    input:
        "<run>/config.yaml",
        "<run>/report/summary.html",
        "<run>/report/per_class.html",
        "<run>/report/best_thresholds.html",
        "<run>/report/segmenters.html",
        "<run>/report/certainty.html" if PLAN.rated_masks() else [],
        PLAN.report_pictures(),
        PLAN.paper_figures(),


rule write_config:
    """Keep the complete configuration beside the results."""
    output:
        yaml=report(
            "<run>/config.yaml",
            category="Configuration",
            labels={"file": "config.yaml"},
            caption="../report/config.rst",
        ),
    log:
        "<run>/logs/write_config.log",
    benchmark:
        "<run>/benchmarks/write_config.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        code=fingerprint("write_config"),
        config=CONFIG.model_dump(exclude_none=True),
    script:
        "../scripts/write_config.py"


rule show_table:
    """Write a table of scores as an HTML page."""
    input:
        table="<run>/scores/{table}.csv",
    output:
        html=report(
            "<run>/report/{table}.html",
            category=lambda wildcards: TABLES[wildcards.table][0],
            labels=lambda wildcards: {"what": TABLES[wildcards.table][1]},
            caption="../report/table.rst",
        ),
    log:
        "<run>/logs/show_table/{table}.log",
    benchmark:
        "<run>/benchmarks/show_table/{table}.tsv"
    wildcard_constraints:
        table="summary|per_class|best_thresholds|certainty|segmenters",
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("show_table"),
        caption=lambda wildcards, threads: caption(CONFIG),
    script:
        "../scripts/show_table.py"


rule plot_curves:
    """Draw the training curves of a network."""
    input:
        metrics="<run>/{path}/metrics.csv",
    output:
        png=report(
            "<run>/{path}/curves.png",
            category="Training",
            labels=lambda wildcards: {"network": wildcards.path},
            caption="../report/curves.rst",
        ),
    log:
        "<run>/logs/plot_curves/{path}.log",
    benchmark:
        "<run>/benchmarks/plot_curves/{path}.tsv"
    wildcard_constraints:
        path="(classifier|segmenter)/.+",
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_curves"),
        caption=lambda wildcards, threads: caption(
            CONFIG,
            **PLAN.trained(wildcards.path),
            tells=["masks"] if wildcards.path.startswith("segmenter") else [],
        ),
    script:
        "../scripts/plot_curves.py"


rule draw_sheet:
    """Draw the best, median and worst images of one result from photo to truth."""
    input:
        split_csv="<run>/data/{split}.csv",
        classes="<run>/data/classes.txt",
        images="<run>/scores/<network>/{split}/{result}.images.csv",
        cams=lambda wildcards: PLAN.sheet_maps(network_of(wildcards), result_of(wildcards), wildcards.split),
        saliency=lambda wildcards: PLAN.sheet_saliency(result_of(wildcards), wildcards.split),
        masks=lambda wildcards: PLAN.sheet_masks(network_of(wildcards), result_of(wildcards), wildcards.split),
        certainty=lambda wildcards: PLAN.sheet_certainty(network_of(wildcards), result_of(wildcards), wildcards.split),
        predictions=lambda wildcards: PLAN.predicted(network_of(wildcards), result_of(wildcards), wildcards.split),
        crf=lambda wildcards: PLAN.predicted(network_of(wildcards), result_of(wildcards), wildcards.split, crf=True),
    output:
        png=report(
            "<run>/report/<network>/{split}/{result}.png",
            category="Contact sheets",
            labels={"split": "{split}", "result": "{result}", "classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/sheet.rst",
        ),
    log:
        "<run>/logs/draw_sheet/<network>/{split}/{result}.log",
    benchmark:
        "<run>/benchmarks/draw_sheet/<network>/{split}/{result}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("draw_sheet"),
        setting=lambda wildcards: PLAN.maps_of(result_of(wildcards), wildcards.classifier),
        each=CONFIG.report.sheet_images,
        caption=lambda wildcards, threads: caption(CONFIG, **wildcards),
        is_overview=lambda wildcards, output: output.png == PLAN.overview(),
    script:
        "../scripts/draw_sheet.py"


rule write_readme:
    """Write what the run was made with, what it took, and how to repeat it."""
    input:
        scores=rules.scores.input,
        report=rules.report.input,
    output:
        readme="<run>/README.md",
    log:
        "<run>/logs/write_readme.log",
    benchmark:
        "<run>/benchmarks/write_readme.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("write_readme"),
        project=without_rerun(str(workflow.basedir)),
        arguments=without_rerun(sys.argv),
    script:
        "../scripts/write_readme.py"
