"""`python -m mdc explore results/demo`: the arguments, the server, and where it listens."""

import argparse
import os
import socket
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from mdc.explore.app import Explorer
from mdc.runtime.errors import InputError

PORT = 8600


class _Quiet(WSGIRequestHandler):
    """Answers without a line in the terminal per request."""

    def log_request(self, *arguments: object) -> None:
        pass


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("runs", nargs="+", type=Path, help="results/<run>; several to compare them")
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0 for any that is free")
    parser.add_argument("--listen", default="127.0.0.1", help="address to listen on; default: this machine only")
    parser.add_argument("--name", action="append", default=[], help="host name of the page, for a proxy; repeatable")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def explore(arguments: argparse.Namespace) -> None:
    """Serve the page until it is interrupted.

    Raises:
        InputError: a folder is not a run, or the address cannot be listened on.
    """
    server = make_explorer(arguments.runs, port=arguments.port, listen=arguments.listen, names=arguments.name)
    address = page_address(arguments.listen, server.port)
    print(f"Open {address} in a browser; Ctrl-C ends.", flush=True)
    if arguments.open and (sys.platform != "linux" or os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}):
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def page_address(listen: str, port: int) -> str:
    """Return the page's address for a browser, with an IPv6 address in brackets."""
    host = "localhost" if listen == "127.0.0.1" else f"[{listen}]" if ":" in listen else listen
    return f"http://{host}:{port}/"


def make_explorer(
    folders: Sequence[Path], *, port: int = PORT, listen: str = "127.0.0.1", names: Sequence[str] = ()
) -> BaseWSGIServer:
    """Return a server for the runs in `folders` and beside them; see `add_arguments`.

    Raises:
        InputError: a folder is not a run, two have the same name, or the address cannot be listened on.
    """
    app = Explorer(found_runs(folders), hosts={name.lower() for name in names})
    try:
        opened = socket.create_server((listen, port), family=socket.AF_INET6 if ":" in listen else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on port {port} of {listen} ({error}): give another --port") from error
    with opened:
        return make_server(listen, port, app, threaded=True, request_handler=_Quiet, fd=opened.fileno())


def found_runs(folders: Sequence[Path]) -> list[Path]:
    """Return these folders and the other runs beside them; raises InputError for one that is not a run."""
    runs = {}
    for folder in folders:
        if not (folder / "data").is_dir():
            raise InputError(f"{folder}: not a run: give a folder results/<run> whose stage data has begun")
        if runs.setdefault(folder.resolve().name, folder.resolve()) != folder.resolve():
            raise InputError(f"{folder}: another run is called {folder.resolve().name}: rename one of the folders")
    for folder in folders:
        for beside in sorted(folder.resolve().parent.iterdir()):
            if (beside / "data").is_dir():
                runs.setdefault(beside.name, beside)
    return list(runs.values())
