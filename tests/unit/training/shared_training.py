"""A script that trains the segmenter on given tables, as a rule's script does.

In argv: the folder, the description and the further arguments as JSON.

A training on several GPUs starts the running script again, so it must be one, and not pytest.
"""

import json
import sys
from pathlib import Path

from mdc.networks.largefov import SegmenterDescription
from mdc.runtime.jobs import run_logged
from mdc.segmenter.train import train_segmenter

folder, arguments = Path(sys.argv[1]), json.loads(sys.argv[3])


def main() -> None:
    train_segmenter(
        train_csv=folder.parent / "train.csv",
        val_csv=folder.parent / "val.csv",
        masks_csv=folder.parent / "masks.csv",
        strong_csv=None,
        classifier_pt=None,
        weights_pt=folder / "weights.pt",
        description=SegmenterDescription.model_validate_json(sys.argv[2]),
        init="random",
        weights="",
        loss_resolution="network",
        online_term=True,
        online_warmup_epochs=1,
        strong_share=0,
        seed=0,
        device="cpu",
        threads=1,
        code="",
        **arguments,
    )


if __name__ == "__main__":
    folder.mkdir(exist_ok=True)
    run_logged(str(folder / "log.txt"), main)
