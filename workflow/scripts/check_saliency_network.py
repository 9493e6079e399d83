"""Try the salient-object network on one photo, before anything is trained."""

from pathlib import Path

from mdc.runtime.jobs import run_logged


def main() -> None:
    import json

    from mdc.runtime.files import write_whole
    from mdc.saliency.onnx import check_network

    files, settings, resources = snakemake.input, snakemake.params, snakemake.resources
    found = check_network(
        Path(settings.network),
        settings.scaling,
        train_csv=Path(files.train_csv),
        device=resources.device,
        gpus=resources.gpu,
        threads=snakemake.threads,
    )
    write_whole(Path(snakemake.output.checked), (json.dumps(found, indent=1) + "\n").encode())


run_logged(snakemake.log[0], main)
