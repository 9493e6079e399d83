"""`python -m mdc COMMAND`: what can be done before a run and with its results, outside the workflow."""

import os

# Before numpy is imported: each request has a thread, and its matrices are small.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys

from mdc.runtime.errors import InputError


def main() -> None:
    """Run the command of the arguments; ends with a sentence and status 1 where they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m mdc")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    setup = commands.add_parser("setup", help="look at a folder of your photos and write the configuration for it")
    explore = commands.add_parser("explore", help="look at images, maps and masks of a run in a browser")
    # only the command that is asked for is imported
    if sys.argv[1:2] == ["setup"]:
        from mdc.setup import command

        command.add_arguments(setup)
        setup.set_defaults(run_command=command.setup)
    elif sys.argv[1:2] == ["explore"]:
        from mdc.explore import command

        command.add_arguments(explore)
        explore.set_defaults(run_command=command.explore)
    arguments = parser.parse_args()
    try:
        arguments.run_command(arguments)
    except InputError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
