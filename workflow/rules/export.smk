# export: the trained segmenter as one ONNX file, for programs without PyTorch (config section `export`).
# Needs:    a trained segmenter, of the first classifier and the first seed.
# Produces: export/<classifier>/seed<seed>/<setting>.onnx, compared with PyTorch before it is renamed into place.


rule export:
    """The segmenter export.setting as an ONNX file."""
    input:
        or_workflow_error(lambda wildcards: f"<run>/export/{PLAN.chosen_segmenter('export')}.onnx"),


rule export_segmenter:
    """Write a segmenter as an ONNX file and check it."""
    input:
        weights="<run>/segmenter/<network>/{setting}/weights.pt",
    output:
        onnx="<run>/export/<network>/{setting}.onnx",
    log:
        "<run>/logs/export_segmenter/<network>/{setting}.log",
    benchmark:
        "<run>/benchmarks/export_segmenter/<network>/{setting}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 2
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(20),
    params:
        code=fingerprint("export_segmenter", encoder="segmenter"),
    script:
        "../scripts/export_segmenter.py"
