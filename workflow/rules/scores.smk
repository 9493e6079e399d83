# scores: confusion matrices of pseudo masks, baselines and predictions, and the tables made of them (paper tables 3 and 4).
# Needs:    masks of every kind and the true masks of train, val and test, as far as there are any.
# Produces: scores/<classifier>/seed<seed>/<split>/<result>.confusion.csv, .images.csv (a row per image) and .pixels.csv
#           (a row per image and class, for scores of any group of images);
#           scores/summary.csv (a row per result), scores/per_class.csv, scores/best_thresholds.csv; the run's segmenters
#           in the shape of table 3, scores/segmenters.csv and .md; scores/table3.csv and .md, scores/table4.csv and .md
#           with the rows of the config section scores, beside the paper's numbers.
# <result> is pseudo-<maps>, or with a variant pseudo-<maps>@<variant>, salient-<maps>, all-background, or a segmenter's setting, with -crf after the CRF.


# Seconds each, whatever the number of images: not worth a place in a cluster's queue.
localrules:
    tabulate_scores,
    tabulate_paper,


rule scores:
    """The tables of scores."""
    input:
        f"{RESULTS}/scores/summary.csv",
        f"{RESULTS}/scores/segmenters.md",


rule table3:
    """The paper's table 3, its ablations, and what the run adds to it."""
    input:
        f"{RESULTS}/scores/table3.md",
        f"{RESULTS}/config.yaml",


rule table4:
    """The paper's table 4: semi-supervised learning."""
    input:
        f"{RESULTS}/scores/table4.md",
        f"{RESULTS}/config.yaml",


rule score_masks:
    """Compare the masks of one result with the true masks of a split."""
    input:
        split_csv=f"{RESULTS}/data/{{split}}.csv",
        classes=CLASSES,
        masks=lambda wildcards: tables_of_result(wildcards, wildcards.split),
    output:
        confusion=f"{RESULTS}/scores/{BY_NETWORK}/{{split}}/{{result}}.confusion.csv",
        images=f"{RESULTS}/scores/{BY_NETWORK}/{{split}}/{{result}}.images.csv",
        pixels=f"{RESULTS}/scores/{BY_NETWORK}/{{split}}/{{result}}.pixels.csv",
    log:
        f"{RESULTS}/logs/score_masks/{BY_NETWORK}/{{split}}/{{result}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_masks/{BY_NETWORK}/{{split}}/{{result}}.tsv"
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
        confusions=[score_file(result, "confusion") for result in every_result()],
        images=[score_file(result, "images") for result in every_result()],
        sweeps=every_sweep(),
    output:
        summary=f"{RESULTS}/scores/summary.csv",
        per_class=f"{RESULTS}/scores/per_class.csv",
        best_thresholds=f"{RESULTS}/scores/best_thresholds.csv",
        segmenters_csv=f"{RESULTS}/scores/segmenters.csv",
        segmenters_md=f"{RESULTS}/scores/segmenters.md",
    log:
        f"{RESULTS}/logs/tabulate_scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_scores.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=fingerprint("tabulate_scores"),
        results=every_result(),
        swept=[(classifier, seed) for classifier, seed, _ in every_network() for _ in sweeps_of(classifier)],
        note=saliency_note(config, (setting for name in CLASSIFIERS for setting in segmenter_settings(config, name))),
    script:
        "../scripts/tabulate_scores.py"


rule tabulate_paper:
    """Set the scores of a table's rows beside the paper's."""
    input:
        confusions=lambda wildcards: [score_file(result, "confusion") for result in table_results(wildcards.table)],
        images=lambda wildcards: [score_file(result, "images") for result in table_results(wildcards.table)],
    output:
        csv=f"{RESULTS}/scores/{{table}}.csv",
        md=f"{RESULTS}/scores/{{table}}.md",
        html=report(
            f"{RESULTS}/report/{{table}}.html",
            category=lambda wildcards: TABLES[wildcards.table][0],
            labels=lambda wildcards: {"what": TABLES[wildcards.table][1]},
            caption="../report/paper_table.rst",
        ),
    log:
        f"{RESULTS}/logs/tabulate_paper/{{table}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_paper/{{table}}.tsv"
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
        results=lambda wildcards: table_results(wildcards.table),
        blocks={name: classifier_blocks(config, name) for name in classifiers(config)},
        strides={name: output_stride(config, name) for name in classifiers(config)},
        on_voc=config["data"]["source"] == "voc",
        unscored=lambda wildcards: [
            "/".join(row)
            for row in table_rows(config, wildcards.table)
            if "test" not in config["predictions"]["splits"] and learns_from_val(config, row[1])
        ],
        note=lambda wildcards: saliency_note(config, (setting for _, setting in table_rows(config, wildcards.table))),
        caption=lambda wildcards, threads: caption(
            config, classifier=list(dict.fromkeys(name for name, _ in table_rows(config, wildcards.table)))
        ),
    script:
        "../scripts/tabulate_paper.py"
