# export: the trained segmenter as one ONNX file, for programs without PyTorch (config section `export`).
# Needs:    a trained segmenter, of the first classifier and the first seed.
# Produces: export/<classifier>/seed<seed>/<setting>.onnx, compared with PyTorch before it gets its name.


rule export:
    """The segmenter export.setting as an ONNX file."""
    input:
        lambda wildcards: f"{RESULTS}/export/{segmenter_to_use('export', config['export']['setting'])}.onnx",


rule export_segmenter:
    """Write a segmenter as an ONNX file and check it."""
    input:
        weights=f"{RESULTS}/segmenter/{BY_NETWORK}/{{setting}}/weights.pt",
    output:
        onnx=f"{RESULTS}/export/{BY_NETWORK}/{{setting}}.onnx",
    log:
        f"{RESULTS}/logs/export_segmenter/{BY_NETWORK}/{{setting}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_segmenter/{BY_NETWORK}/{{setting}}.tsv"
    conda:
        "../../envs/mdc.yaml"
    threads: 2
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(20),
    params:
        code=fingerprint("export_segmenter"),
    script:
        "../scripts/export_segmenter.py"
