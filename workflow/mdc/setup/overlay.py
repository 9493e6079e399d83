"""The few lines of configuration of a folder of photos, over config/own.yaml, and the command that uses them."""

import re
import shlex
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from mdc.config.config import Config
from mdc.config.documents import flow
from mdc.config.load import load_config
from mdc.config.sources import Data

PROJECT = Path(__file__).parents[3]
OWN = PROJECT / "config/own.yaml"
MARK = "# Written by `python -m mdc setup`"  # how files begin that it may overwrite
COMMENT_COLUMN = 26


def run_name(folder: Path) -> str:
    """Return the name of a folder with what a run's name cannot have made "-": `Ma fête 2` is `Ma-fete-2`."""
    plain = unicodedata.normalize("NFKD", folder.resolve().name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-_.") or "photos"


def overlay_text(
    *, run: str, source: str, root: str, tags_csv: str, classes: Sequence[str], val_share: float, command: str
) -> str:
    """Return the text of a configuration over config/own.yaml; the arguments are its keys and the command to start."""
    data = {"source": source, "root": root}
    data |= {"tags_csv": tags_csv} if tags_csv else {}
    data |= {"classes": list(classes)} if classes else {}
    meaning = {
        "source": "folder: a table, XML or folders per class; voc_layout: VOC's",
        "root": "the folder of photos",
        "tags_csv": "the table of tags",
        "classes": "in the order of the mask indices 1, 2, ...",
        "val_share": "kept aside for validation where nothing says which",
    }
    lines = [f"  {key}: {flow(value)}" for key, value in (data | {"val_share": val_share}).items()]
    return "\n".join(
        [
            f"{MARK}. Start with",
            f"#   {command}",
            "# Keys that are not here are those of config/own.yaml, else of config/config.yaml: copy what you change.",
            _commented(f"run: {flow(run)}", "results are written below results/<run>"),
            "",
            "data:",
            *(_commented(line, meaning[line.split(":")[0].strip()]) for line in lines),
            "",
            "predictions:",
            _commented("  splits: [val]", "[train, val] for masks of all photos"),
            "",
        ]
    )


def _commented(line: str, comment: str) -> str:
    return f"{line:<{COMMENT_COLUMN}}  # {comment}"


def own_data() -> Data:
    """Return the section `data` of config/own.yaml."""
    return Data.model_validate(load_configfile(str(OWN))["data"])


def checked_overlay(text: str) -> Config:
    """Return the configuration of config/own.yaml with `text` over it, as Snakemake puts files upon each other.

    Raises `InputError` as `load_config` does.
    """
    values: dict[str, Any] = {}
    update_config(values, load_configfile(str(OWN)))
    update_config(values, yaml.safe_load(text))
    return load_config(values)


def start_command(output: Path, *, cores: int) -> str:
    """Return the command that runs the workflow with the configuration at `output`, from the current folder."""
    files = [_from_project(OWN), _from_project(output)]
    command = shlex.join(["snakemake", "--cores", str(cores), "--configfile", *files])
    return command if is_here() else f"cd {shlex.quote(str(PROJECT))} && {command}"


def is_here() -> bool:
    """Return whether the current folder is the project's, where the workflow is started."""
    return PROJECT.samefile(Path.cwd())


def _from_project(path: Path) -> str:
    absolute = path.absolute()
    return str(absolute.relative_to(PROJECT) if absolute.is_relative_to(PROJECT) else absolute)
