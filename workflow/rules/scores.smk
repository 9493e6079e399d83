# scores: confusion matrices of pseudo masks, baselines and predictions, and the tables made of them (paper tables 3 and 4).
# Needs:    masks of every kind and the true masks of train, val and test, as far as there are any; the paper's numbers
#           (workflow/resources).
# Produces: scores/<classifier>/seed<seed>/<split>/<result>.confusion.csv, .images.csv (a row per image) and .pixels.csv
#           (a row per image and class, for scores of any group of images);
#           scores/summary.csv (a row per result), scores/per_class.csv, scores/best_thresholds.csv;
#           scores/certainty.csv, how well the certainty of pseudo masks predicts their scores; the run's segmenters
#           in the shape of table 3, scores/segmenters.csv and .md; scores/table3.csv and .md, scores/table4.csv and .md
#           with the rows of the config section scores, beside the paper's numbers.
# <result> is pseudo-<masks>, all-background, or a segmenter's setting, with -crf after the CRF.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    tabulate_scores,
    tabulate_certainty,
    tabulate_paper,


rule scores:
    """The tables of scores."""
    input:
        "<run>/scores/summary.csv",
        "<run>/scores/segmenters.md",


rule table3:
    """The paper's table 3, its ablations, and what the run adds to it."""
    input:
        "<run>/scores/table3.md",
        "<run>/config.yaml",


rule table4:
    """The paper's table 4: semi-supervised learning."""
    input:
        "<run>/scores/table4.md",
        "<run>/config.yaml",


rule score_masks:
    """Compare the masks of one result with the true masks of a split."""
    input:
        split_csv="<run>/data/{split}.csv",
        classes="<run>/data/classes.txt",
        masks=or_workflow_error(
            lambda wildcards: PLAN.scored(network_of(wildcards), result_of(wildcards), wildcards.split)
        ),
    output:
        confusion="<run>/scores/<network>/{split}/{result}.confusion.csv",
        images="<run>/scores/<network>/{split}/{result}.images.csv",
        pixels="<run>/scores/<network>/{split}/{result}.pixels.csv",
    log:
        "<run>/logs/score_masks/<network>/{split}/{result}.log",
    benchmark:
        "<run>/benchmarks/score_masks/<network>/{split}/{result}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 4
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=fingerprint("score_masks"),
    script:
        "../scripts/score_masks.py"


rule tabulate_scores:
    """Gather all results in one summary, and the segmenters in the shape of the paper's table 3."""
    input:
        confusions=PLAN.scores("confusion", PLAN.results()),
        images=PLAN.scores("images", PLAN.results()),
        sweeps=[sweep for _, sweep in PLAN.every_sweep()],
    output:
        summary="<run>/scores/summary.csv",
        per_class="<run>/scores/per_class.csv",
        best_thresholds="<run>/scores/best_thresholds.csv",
        segmenters_csv="<run>/scores/segmenters.csv",
        segmenters_md="<run>/scores/segmenters.md",
    log:
        "<run>/logs/tabulate_scores.log",
    benchmark:
        "<run>/benchmarks/tabulate_scores.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("tabulate_scores"),
        results=PLAN.results(),
        swept=[(network.classifier, network.seed) for network, _ in PLAN.every_sweep()],
        note=saliency_note(CONFIG, (setting for _, setting in PLAN.segmenters())),
    script:
        "../scripts/tabulate_scores.py"


rule tabulate_certainty:
    """Compare the certainty of pseudo masks with their scores, where there are true masks."""
    input:
        certainties=[PLAN.certainty(str(network), masks) for network, masks in PLAN.rated_masks()],
        images=[PLAN.pseudo_mask_scores(network, masks) for network, masks in PLAN.rated_masks()],
    output:
        table="<run>/scores/certainty.csv",
    log:
        "<run>/logs/tabulate_certainty.log",
    benchmark:
        "<run>/benchmarks/tabulate_certainty.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("tabulate_certainty"),
        masks=[(network.classifier, network.seed, masks.masks_name) for network, masks in PLAN.rated_masks()],
    script:
        "../scripts/tabulate_certainty.py"


rule tabulate_paper:
    """Set the scores of a table's rows beside the paper's."""
    input:
        confusions=or_workflow_error(lambda wildcards: PLAN.scores("confusion", PLAN.table_results(wildcards.table))),
        images=or_workflow_error(lambda wildcards: PLAN.scores("images", PLAN.table_results(wildcards.table))),
        paper=lambda wildcards: printed(wildcards.table),
        others=lambda wildcards: printed(OTHER_METHODS[wildcards.table]),
    output:
        csv="<run>/scores/{table}.csv",
        md="<run>/scores/{table}.md",
        html=report(
            "<run>/report/{table}.html",
            category=lambda wildcards: TABLES[wildcards.table][0],
            labels=lambda wildcards: {"what": TABLES[wildcards.table][1]},
            caption="../report/paper_table.rst",
        ),
    log:
        "<run>/logs/tabulate_paper/{table}.log",
    benchmark:
        "<run>/benchmarks/tabulate_paper/{table}.tsv"
    wildcard_constraints:
        table="table3|table4",
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("tabulate_paper"),
        results=lambda wildcards: PLAN.table_results(wildcards.table),
        departures=lambda wildcards: {
            name: departures(CONFIG, name) for name in PLAN.table_classifiers(wildcards.table)
        },
        on_voc=CONFIG.data.source == "voc",
        unscored=lambda wildcards: PLAN.unscored(wildcards.table),
        notes=lambda wildcards: [
            saliency_note(CONFIG, (setting for _, setting in CONFIG.rows(wildcards.table))),
            classifiers_sentence(CONFIG, PLAN.table_classifiers(wildcards.table)),
            segmenters_note(CONFIG, (setting for _, setting in CONFIG.rows(wildcards.table))),
        ],
        caption=lambda wildcards, threads: caption(CONFIG, classifier=PLAN.table_classifiers(wildcards.table)),
    script:
        "../scripts/tabulate_paper.py"
