"""Write a segmenter as an ONNX file and check it."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    from mdc.export import export_segmenter

    export_segmenter(
        weights_pt=Path(snakemake.input.weights), onnx_file=Path(snakemake.output.onnx), threads=snakemake.threads
    )


run_logged(snakemake.log[0], main)
