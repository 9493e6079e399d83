# figures: the paper's figures 5 and 6 and plots of the scores, at the width of a page, as PNG and as PDF.
# Needs:    maps, predictions, CRF masks, threshold sweeps and scores; the paper's numbers (workflow/resources).
# Produces: figures/<classifier>/seed<seed>/figure5, figure6, sweep and <split>/<result>.confusion;
#           figures/<classifier>/<split>/<result>.classes, the mean over the seeds; each as .png and .pdf.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    check_figure_ids,
    draw_figure5,
    draw_figure6,
    plot_sweep,
    plot_confusion,
    plot_classes,


rule figures:
    """The figures in the paper's manner."""
    input:
        paper_figures(),


rule check_figure_ids:
    """Check, before anything is trained, that the images which figures are to show are there."""
    input:
        manifests=[manifest(split) for _, split in figure_ids().values()],
    output:
        checked=f"{RESULTS}/figures/ids_checked.txt",
    log:
        f"{RESULTS}/logs/check_figure_ids.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_figure_ids.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("check_figure_ids"),
        ids={key: ids for key, (ids, _) in figure_ids().items()},
    script:
        "../scripts/check_figure_ids.py"


rule draw_figure5:
    """Draw the localization maps of every block and their fusion over the photo, a row per image."""
    input:
        split_csv=manifest("train"),
        classes=CLASSES,
        checked=f"{RESULTS}/figures/ids_checked.txt" if config["figures"]["figure5"] else [],
        images=lambda wildcards: figure_scores("figure5", wildcards.classifier),
        cams=lambda wildcards: cam_files(wildcards, "train"),
    output:
        png=report(
            f"{RESULTS}/figures/{BY_NETWORK}/figure5.png",
            category="Figure 5: localization maps",
            labels={"classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/figure5.rst",
        ),
        pdf=f"{RESULTS}/figures/{BY_NETWORK}/figure5.pdf",
    log:
        f"{RESULTS}/logs/draw_figure5/{BY_NETWORK}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_figure5/{BY_NETWORK}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("draw_figure5"),
        names=lambda wildcards: block_names(classifier_blocks(config, wildcards.classifier)),
        setting=lambda wildcards: figure_maps(config, wildcards.classifier),
        ids=config["figures"]["figure5"],
        caption=lambda wildcards, threads: caption(
            config, **wildcards, **figure_result("figure5", wildcards.classifier)
        ),
    script:
        "../scripts/draw_figure5.py"


rule draw_figure6:
    """Draw the predictions of a weak and a semi-supervised segmenter without and with CRF, a row per image."""
    input:
        split_csv=manifest(figure_split(config)),
        classes=CLASSES,
        checked=f"{RESULTS}/figures/ids_checked.txt" if config["figures"]["figure6"] else [],
        images=lambda wildcards: figure_scores("figure6", wildcards.classifier),
        predictions=lambda wildcards: figure_tables(wildcards, "predictions"),
        crf=lambda wildcards: figure_tables(wildcards, "crf"),
    output:
        png=report(
            f"{RESULTS}/figures/{BY_NETWORK}/figure6.png",
            category="Figure 6: predictions",
            labels={"classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/figure6.rst",
        ),
        pdf=f"{RESULTS}/figures/{BY_NETWORK}/figure6.pdf",
    log:
        f"{RESULTS}/logs/draw_figure6/{BY_NETWORK}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_figure6/{BY_NETWORK}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("draw_figure6"),
        settings=lambda wildcards: figure_segmenters(config, wildcards.classifier),
        ids=config["figures"]["figure6"],
        caption=lambda wildcards, threads: caption(
            config, **wildcards, **figure_result("figure6", wildcards.classifier)
        ),
    script:
        "../scripts/draw_figure6.py"


rule plot_sweep:
    """Draw the quality of the pseudo masks over the threshold, a line per map setting."""
    input:
        sweeps=lambda wildcards: sweeps_of(wildcards.classifier),
    output:
        png=report(
            f"{RESULTS}/figures/{BY_NETWORK}/sweep.png",
            category="Pseudo masks",
            labels={"what": "threshold sweep", "classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/sweep.rst",
        ),
        pdf=f"{RESULTS}/figures/{BY_NETWORK}/sweep.pdf",
    log:
        f"{RESULTS}/logs/plot_sweep/{BY_NETWORK}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_sweep/{BY_NETWORK}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_sweep"),
        threshold=None if config["masks"]["threshold"] == "best" else config["masks"]["threshold"],
        caption=lambda wildcards, threads: caption(config, **wildcards, split="train", tells=["masks"]),
    script:
        "../scripts/plot_sweep.py"


rule plot_confusion:
    """Draw the confusion matrix of one result, each row as percentages."""
    input:
        confusion=f"{RESULTS}/scores/{BY_NETWORK}/{{split}}/{{result}}.confusion.csv",
    output:
        png=report(
            f"{RESULTS}/figures/{BY_NETWORK}/{{split}}/{{result}}.confusion.png",
            category="Scores",
            labels={
                "what": "confusion matrix",
                "split": "{split}",
                "result": "{result}",
                "classifier": "{classifier}",
                "seed": "{seed}",
            },
            caption="../report/confusion.rst",
        ),
        pdf=f"{RESULTS}/figures/{BY_NETWORK}/{{split}}/{{result}}.confusion.pdf",
    log:
        f"{RESULTS}/logs/plot_confusion/{BY_NETWORK}/{{split}}/{{result}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_confusion/{BY_NETWORK}/{{split}}/{{result}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_confusion"),
        caption=lambda wildcards, threads: caption(config, **wildcards),
    script:
        "../scripts/plot_confusion.py"


rule plot_classes:
    """Draw the scores of one result by class, beside the paper's where the classes are VOC's."""
    input:
        per_class=f"{RESULTS}/scores/per_class.csv",
        paper=lambda wildcards: WORKFLOW / "resources" / f"paper_{table_of(wildcards.result)}.csv",
    output:
        png=report(
            f"{RESULTS}/figures/{{classifier}}/{{split}}/{{result}}.classes.png",
            category=lambda wildcards: TABLES[table_of(wildcards.result)][0],
            labels=lambda wildcards: {
                "what": f"{TABLES[table_of(wildcards.result)][1]} as bars",
                "result": wildcards.result,
                "split": wildcards.split,
                "classifier": wildcards.classifier,
            },
            caption="../report/classes.rst",
        ),
        pdf=f"{RESULTS}/figures/{{classifier}}/{{split}}/{{result}}.classes.pdf",
    log:
        f"{RESULTS}/logs/plot_classes/{{classifier}}/{{split}}/{{result}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/plot_classes/{{classifier}}/{{split}}/{{result}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_classes"),
        caption=lambda wildcards, threads: caption(config, **wildcards),
    script:
        "../scripts/plot_classes.py"
