"""A script that trains the classifier or the segmenter on given tables, as a rule's script does; JSON in argv.

A training on several GPUs starts the running script again, so it must be one, and not pytest.
"""

import json
import sys
from pathlib import Path

from mdc.classifier import train_classifier
from mdc.runtime.jobs import run_logged
from mdc.segmenter.train import train_segmenter

stage, folder, arguments = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
files = {"train_csv": folder.parent / "train.csv", "weights_pt": folder / "weights.pt"}
common = {"classes": ["a", "b"], "init": "random", "weights": "", "weights_input": "", "seed": 0, "device": "cpu"}
common |= {"threads": 2, "code": ""}


def main() -> None:
    if stage == "classifier":
        own = {"val_csv": folder.parent / "val.csv", "dilations": [1, 3], "names": ["d1", "d3"]}
        train_classifier(**files, **common, **own, **arguments)
    else:
        own = {"masks_csv": folder.parent / "masks.csv", "strong_csv": None, "classifier_pt": None}
        own |= {"loss_resolution": "network", "online_term": True, "online_warmup_epochs": 1, "strong_share": 0}
        train_segmenter(**files, **common, **own, max_side_px=64, **arguments)


if __name__ == "__main__":
    folder.mkdir(exist_ok=True)
    run_logged(str(folder / "log.txt"), main)
