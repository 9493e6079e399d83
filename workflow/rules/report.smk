# report: what people look at: curves, contact sheets, tables as HTML, the config that was used, and the figures.
# Needs:    the metrics, maps, masks and scores of the stages before, and the stage figures.
# Produces: report/... as PNG and HTML, gathered into one file by `snakemake --report`.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    write_config,
    show_table,
    plot_curves,
    draw_sheet,


rule report:
    """The figures and tables that people look at."""
    input:
        f"{RESULTS}/config.yaml",
        f"{RESULTS}/report/summary.html",
        f"{RESULTS}/report/per_class.html",
        f"{RESULTS}/report/best_thresholds.html",
        f"{RESULTS}/report/segmenters.html",
        every_figure(),
        paper_figures(),


rule write_config:
    """Keep the complete configuration beside the results."""
    output:
        yaml=report(
            f"{RESULTS}/config.yaml",
            category="Configuration",
            labels={"file": "config.yaml"},
            caption="../report/config.rst",
        ),
    log:
        f"{RESULTS}/logs/write_config.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_config.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(5),
    params:
        code=fingerprint("write_config"),
        config=config,
    script:
        "../scripts/write_config.py"


rule show_table:
    """Write a table of scores as an HTML page."""
    input:
        table=f"{RESULTS}/scores/{{table}}.csv",
    output:
        html=report(
            f"{RESULTS}/report/{{table}}.html",
            category=lambda wildcards: TABLES[wildcards.table][0],
            labels=lambda wildcards: {"what": TABLES[wildcards.table][1]},
            caption="../report/table.rst",
        ),
    log:
        f"{RESULTS}/logs/show_table/{{table}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/show_table/{{table}}.tsv"
    wildcard_constraints:
        table="summary|per_class|best_thresholds|segmenters",
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("show_table"),
        caption=lambda wildcards, threads: caption(config),
    script:
        "../scripts/show_table.py"


rule plot_curves:
    """Draw the training curves of a network."""
    input:
        metrics=f"{RESULTS}/{{network}}/metrics.csv",
    output:
        png=report(
            f"{RESULTS}/{{network}}/curves.png",
            category="Training",
            labels=lambda wildcards: {"network": wildcards.network},
            caption="../report/curves.rst",
        ),
    log:
        f"{RESULTS}/logs/plot_curves/{{network}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_curves/{{network}}.tsv"
    wildcard_constraints:
        network="(classifier|segmenter)/.+",
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_curves"),
        caption=lambda wildcards, threads: caption(
            config,
            **curves_of(wildcards.network),
            tells=["masks"] if wildcards.network.startswith("segmenter") else [],
        ),
    script:
        "../scripts/plot_curves.py"


rule draw_sheet:
    """Draw the best, median and worst images of one result from photo to truth."""
    input:
        split_csv=f"{RESULTS}/data/{{split}}.csv",
        classes=CLASSES,
        images=f"{RESULTS}/scores/{BY_NETWORK}/{{split}}/{{result}}.images.csv",
        cams=lambda wildcards: (
            []
            if config["masks"]["own_masks"]
            else cam_files(wildcards, wildcards.split, wildcards.result.removesuffix("-crf"))
        ),
        saliency=lambda wildcards: (
            []
            if config["masks"]["own_masks"]
            else saliency_tables(wildcards.split, wildcards.result.removesuffix("-crf"))
        ),
        masks=lambda wildcards: sheet_tables(wildcards, "masks"),
        predictions=lambda wildcards: sheet_tables(wildcards, "predictions"),
        crf=lambda wildcards: sheet_tables(wildcards, "crf"),
    output:
        png=report(
            f"{RESULTS}/report/{BY_NETWORK}/{{split}}/{{result}}.png",
            category="Contact sheets",
            labels={"split": "{split}", "result": "{result}", "classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/sheet.rst",
        ),
    log:
        f"{RESULTS}/logs/draw_sheet/{BY_NETWORK}/{{split}}/{{result}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_sheet/{BY_NETWORK}/{{split}}/{{result}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("draw_sheet"),
        names=lambda wildcards: block_names(classifier_blocks(config, wildcards.classifier)),
        setting=lambda wildcards: maps_of_result(wildcards.result, wildcards.classifier),
        each=config["report"]["sheet_images"],
        caption=lambda wildcards, threads: caption(config, **wildcards),
    script:
        "../scripts/draw_sheet.py"
