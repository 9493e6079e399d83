"""A script that trains the classifier or the segmenter on given tables, as a rule's script does.

In argv: which, the folder, its description and the further arguments as JSON.

A training on several GPUs starts the running script again, so it must be one, and not pytest.
"""

import json
import sys
from pathlib import Path

from mdc.classifier import train_classifier
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.multi_dilation import ClassifierDescription
from mdc.runtime.jobs import run_logged
from mdc.segmenter.train import train_segmenter

stage, folder, arguments = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[4])
describe = {"classifier": ClassifierDescription, "segmenter": SegmenterDescription}[stage]
description = describe.model_validate_json(sys.argv[3])
files = {"train_csv": folder.parent / "train.csv", "val_csv": folder.parent / "val.csv"}
files |= {"weights_pt": folder / "weights.pt"}
common = {"description": description, "init": "random", "weights": "", "seed": 0}
common |= {"device": "cpu", "threads": 1, "code": ""}


def main() -> None:
    if stage == "classifier":
        train_classifier(**files, **common, **arguments)
    else:
        own = {"masks_csv": folder.parent / "masks.csv", "strong_csv": None, "classifier_pt": None}
        own |= {"loss_resolution": "network", "online_term": True, "online_warmup_epochs": 1, "strong_share": 0}
        train_segmenter(**files, **common, **own, **arguments)


if __name__ == "__main__":
    folder.mkdir(exist_ok=True)
    run_logged(str(folder / "log.txt"), main)
