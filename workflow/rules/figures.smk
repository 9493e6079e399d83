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
        PLAN.paper_figures(),


rule check_figure_ids:
    """Check, before anything is trained, that the images which figures are to show are there."""
    input:
        manifests=[PLAN.manifest(split) for _, split in PLAN.figure_ids().values()],
    output:
        checked="<run>/figures/ids_checked.txt",
    log:
        "<run>/logs/check_figure_ids.log",
    benchmark:
        "<run>/benchmarks/check_figure_ids.tsv"
    priority: 100
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("check_figure_ids"),
        ids={key: ids for key, (ids, _) in PLAN.figure_ids().items()},
    script:
        "../scripts/check_figure_ids.py"


rule draw_figure5:
    """Draw the localization maps of every block and their fusion over the photo, a row per image."""
    input:
        split_csv=PLAN.manifest("train"),
        classes="<run>/data/classes.txt",
        checked="<run>/figures/ids_checked.txt" if CONFIG.figures.figure5 else [],
        images=lambda wildcards: PLAN.figure5_scores(network_of(wildcards)),
        cams=lambda wildcards: PLAN.cams(network_of(wildcards), "train"),
    output:
        png=report(
            "<run>/figures/<network>/figure5.png",
            category="Figure 5: localization maps",
            labels={"classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/figure5.rst",
        ),
        pdf="<run>/figures/<network>/figure5.pdf",
    log:
        "<run>/logs/draw_figure5/<network>.log",
    benchmark:
        "<run>/benchmarks/draw_figure5/<network>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("draw_figure5"),
        setting=lambda wildcards: CONFIG.shown_maps(wildcards.classifier),
        ids=CONFIG.figures.figure5,
        caption=lambda wildcards, threads: caption(
            CONFIG, **wildcards, split="train", result=f"pseudo-{CONFIG.shown_maps(wildcards.classifier)}"
        ),
    script:
        "../scripts/draw_figure5.py"


rule draw_figure6:
    """Draw the predictions of a weak and a semi-supervised segmenter without and with CRF, a row per image."""
    input:
        split_csv=PLAN.manifest(PLAN.shown_split()),
        classes="<run>/data/classes.txt",
        checked="<run>/figures/ids_checked.txt" if CONFIG.figures.figure6 else [],
        images=lambda wildcards: PLAN.figure6_scores(network_of(wildcards)),
        predictions=lambda wildcards: PLAN.shown_masks(network_of(wildcards)),
        crf=lambda wildcards: PLAN.shown_masks(network_of(wildcards), crf=True),
    output:
        png=report(
            "<run>/figures/<network>/figure6.png",
            category="Figure 6: predictions",
            labels={"classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/figure6.rst",
        ),
        pdf="<run>/figures/<network>/figure6.pdf",
    log:
        "<run>/logs/draw_figure6/<network>.log",
    benchmark:
        "<run>/benchmarks/draw_figure6/<network>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("draw_figure6"),
        settings=lambda wildcards: [str(one) for one in PLAN.shown_segmenters(wildcards.classifier)],
        ids=CONFIG.figures.figure6,
        caption=lambda wildcards, threads: caption(
            CONFIG,
            **wildcards,
            split=PLAN.shown_split(),
            result=f"{PLAN.shown_segmenters(wildcards.classifier)[0]}-crf",
        ),
    script:
        "../scripts/draw_figure6.py"


rule plot_sweep:
    """Draw the quality of the pseudo masks over the threshold, a line per map setting."""
    input:
        sweeps=lambda wildcards: PLAN.sweeps(network_of(wildcards)),
    output:
        png=report(
            "<run>/figures/<network>/sweep.png",
            category="Pseudo masks",
            labels={"what": "threshold sweep", "classifier": "{classifier}", "seed": "{seed}"},
            caption="../report/sweep.rst",
        ),
        pdf="<run>/figures/<network>/sweep.pdf",
    log:
        "<run>/logs/plot_sweep/<network>.log",
    benchmark:
        "<run>/benchmarks/plot_sweep/<network>.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_sweep"),
        threshold=None if CONFIG.masks.threshold == "best" else CONFIG.masks.threshold,
        caption=lambda wildcards, threads: caption(CONFIG, **wildcards, split="train", tells=["masks"]),
    script:
        "../scripts/plot_sweep.py"


rule plot_confusion:
    """Draw the confusion matrix of one result, each row as percentages."""
    input:
        confusion="<run>/scores/<network>/{split}/{result}.confusion.csv",
    output:
        png=report(
            "<run>/figures/<network>/{split}/{result}.confusion.png",
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
        pdf="<run>/figures/<network>/{split}/{result}.confusion.pdf",
    log:
        "<run>/logs/plot_confusion/<network>/{split}/{result}.log",
    benchmark:
        "<run>/benchmarks/plot_confusion/<network>/{split}/{result}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_confusion"),
        caption=lambda wildcards, threads: caption(CONFIG, **wildcards),
    script:
        "../scripts/plot_confusion.py"


rule plot_classes:
    """Draw the scores of one result by class, beside the paper's where data and networks are the paper's."""
    input:
        per_class="<run>/scores/per_class.csv",
        paper=lambda wildcards: printed(PLAN.table_of(result_of(wildcards))),
    output:
        png=report(
            "<run>/figures/{classifier}/{split}/{result}.classes.png",
            category=lambda wildcards: TABLES[PLAN.table_of(result_of(wildcards))][0],
            labels=lambda wildcards: {
                "what": f"{TABLES[PLAN.table_of(result_of(wildcards))][1]} as bars",
                "result": wildcards.result,
                "split": wildcards.split,
                "classifier": wildcards.classifier,
            },
            caption="../report/classes.rst",
        ),
        pdf="<run>/figures/{classifier}/{split}/{result}.classes.pdf",
    log:
        "<run>/logs/plot_classes/{classifier}/{split}/{result}.log",
    benchmark:
        "<run>/benchmarks/plot_classes/{classifier}/{split}/{result}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("plot_classes"),
        as_paper=lambda wildcards: not departures(CONFIG, wildcards.classifier),
        caption=lambda wildcards, threads: caption(CONFIG, **wildcards),
    script:
        "../scripts/plot_classes.py"
