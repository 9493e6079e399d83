"""`python -m mdc COMMAND`: what can be done before a run and with its results, outside the workflow."""

import os

# Before numpy is imported: each request has a thread, and its matrices are small.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib
import sys

from mdc.runtime.errors import InputError

COMMANDS = {
    "setup": "look at a folder of your photos and write the configuration for it",
    "explore": "look at images, maps and masks of a run in a browser",
}


def main() -> None:
    """Run the command of the arguments; ends with a sentence and status 1 where they are wrong."""
    parser = argparse.ArgumentParser(prog="python -m mdc")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, description in COMMANDS.items():
        one = commands.add_parser(name, help=description)
        if sys.argv[1:2] == [name]:  # only the command that is asked for is imported
            command = importlib.import_module(f"mdc.{name}.command")
            command.add_arguments(one)
            one.set_defaults(run_command=getattr(command, name))
    arguments = parser.parse_args()
    try:
        arguments.run_command(arguments)
    except InputError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
