"""`python -m mdc COMMAND`: what can be done with finished runs outside the workflow."""

import os

# Before numpy is imported: each request has a thread, and its matrices are small.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys

from mdc.explore import command as explore
from mdc.runtime.errors import InputError


def main() -> None:
    """Run the command of the arguments; ends with a sentence and status 1 where they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m mdc")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("explore", help="look at images, maps and masks of a run in a browser")
    explore.add_arguments(one)
    one.set_defaults(run=explore.explore)
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
