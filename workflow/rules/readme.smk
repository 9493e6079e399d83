# readme: one page in the folder of a run: what each folder holds, versions, hardware, commit, time and memory of each
#         stage, and the command that repeats it.
# Needs:    everything else that the run makes, whose benchmark files it reads.
# Produces: README.md.


localrules:
    write_readme,


rule readme:
    """The page that explains the run."""
    input:
        f"{RESULTS}/README.md",


rule write_readme:
    """Write what the run's folder holds, what it was made with, and how to repeat it."""
    input:
        scores=rules.scores.input,
        report=rules.report.input,
    output:
        readme=f"{RESULTS}/README.md",
    log:
        f"{RESULTS}/logs/write_readme.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_readme.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(5),
    params:
        code=fingerprint("write_readme"),
        run=config["run"],
        project=without_rerun(str(workflow.basedir)),
        arguments=without_rerun(sys.argv),
    script:
        "../scripts/write_readme.py"
