"""`python -m mdc setup photos`: the arguments, and what is printed and written."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mdc.data.validate_images import SplitTables
from mdc.runtime.errors import NO_ACCESS, InputError
from mdc.runtime.files import write_whole
from mdc.setup.look import Look, look
from mdc.setup.overlay import MARK, PROJECT, checked_overlay, is_here, overlay_text, own_data, run_name, start_command
from mdc.setup.preview import captured_log, counts, linked, untagged

NOTHING_WRITTEN = "No configuration was written: correct this and give the same command again."
MOST_PROCESSES = 8  # as the rule link_data has


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", type=Path, help="folder of photos; nothing in it is changed")
    parser.add_argument("--run", help="name of the run; default: the folder's")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="configuration to write; default: RUN.yaml of the project"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a configuration that this command has written"
    )
    parser.add_argument(
        "--tags", type=Path, metavar="FILE", help="table of tags; default: FOLDER/tags.csv, if it is there"
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        default=[],
        metavar="CLASS",
        help="in the order of the mask indices; default: classes.txt, else the tags",
    )
    parser.add_argument(
        "--source", choices=("folder", "voc_layout"), help="how to read a folder with both a table and JPEGImages"
    )


def setup(arguments: argparse.Namespace) -> None:
    """Say what the folder has, and write the configuration for it.

    Raises:
        InputError: the workflow would refuse the folder, or the configuration is there already; nothing is written.
    """
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no UTF-8
    run = arguments.run or run_name(arguments.folder)
    output = arguments.output or PROJECT / f"{run}.yaml"
    _check_writable(output, overwrite=arguments.overwrite)
    try:
        config_text = _examined(arguments, run, output)
    except PermissionError as error:
        raise InputError(f"{error.filename} {NO_ACCESS}\n{NOTHING_WRITTEN}") from error
    except InputError as error:
        raise InputError(f"{error}\n{NOTHING_WRITTEN}") from error
    write_whole(output, config_text.encode())
    print(f"\nWritten: {_shown(output)}, a few lines to look at and to change. To start:\n")
    print(f"    {start_command(output, cores=_cores())}")


def _check_writable(output: Path, *, overwrite: bool) -> None:
    if not output.exists():
        return
    others = "--output FILE or --run NAME writes another"
    if output.is_dir():
        raise InputError(f"{_shown(output)}: is a folder: {others}")
    if not output.read_bytes().startswith(MARK.encode()):
        raise InputError(f"{_shown(output)}: is there already, and this command has not written it: {others}")
    if not overwrite:
        raise InputError(
            f"{_shown(output)}: is there already: --overwrite looks at the folder again and replaces it, {others}"
        )


def _examined(arguments: argparse.Namespace, run: str, output: Path) -> str:
    """Print what the folder has and return the text of its configuration."""
    folder, tags = _from_project(arguments.folder), _from_project(arguments.tags) if arguments.tags else None
    data = own_data()
    with captured_log():  # the preview says all of it again
        seen = look(
            folder,
            source=arguments.source,
            tags_csv=tags,
            classes=arguments.classes,
            val_share=data.val_share,
            seed=data.split_seed,
        )
    print(described(seen), flush=True)
    text = overlay_text(
        run=run,
        source=seen.source,
        root=str(folder),
        tags_csv=str(tags or ""),
        classes=seen.classes,
        val_share=data.val_share,
        command=start_command(output, cores=_cores()),
    )
    try:
        tables, said = linked(checked_overlay(text), processes=min(_cores(), MOST_PROCESSES))
    except InputError:
        print(remarks_text(seen.remarks), end="", flush=True)
        raise
    print(table_text(tables))
    if not any((table["own_mask"] != "").any() for table in tables.tables.values()):
        print("\nNo photo has a true mask, so there will be pictures to look at, but no scores.")
    remarks = [*seen.remarks, *untagged(tables.tables), *said]
    if Path(PROJECT, "results", run, "data").exists():
        remarks.append(f"results/{run} is there already: that run is continued, and what has changed is made again")
    print(remarks_text(remarks), end="")
    return text


def described(seen: Look) -> str:
    """Return what a folder shows, a line per question; pictures may be masks as well as photos."""
    answers = {"Pictures": seen.pictures, "Tags": seen.tags, "Classes": seen.named_by, "Split": seen.split}
    return "\n".join(f"{question + ':':<10}{answer}" for question, answer in answers.items())


def table_text(tables: SplitTables) -> str:
    """Return the counts of photos as a table in plain text, a column per split that has photos."""
    shown = [place for place, table in enumerate(tables.tables.values()) if len(table)]
    heads = [list(tables.tables)[place] for place in shown]
    rows = [("photos of", heads), *((name, [str(of[place]) for place in shown]) for name, of in counts(tables))]
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}" + "".join(f"{cell:>8}" for cell in cells) for name, cells in rows]
    return "\n".join(["", *lines])


def remarks_text(remarks: Sequence[str]) -> str:
    """Return what should be looked at, a line each; nothing without remarks."""
    return "\n".join(["", "Please check:", *(f"- {remark}" for remark in remarks), ""]) if remarks else ""


def _from_project(path: Path) -> Path:
    """Return the path as the workflow, which is started in the project's folder, finds it."""
    return Path(os.path.normpath(path) if is_here() else os.path.abspath(path))


def _shown(path: Path) -> str:
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
