"""Ids of images, which become names of files and cells of tables."""

import re
import sys
from pathlib import PurePosixPath

from mdc.data.class_names import FORMULA

LONGEST_PATH_BYTES = 2000  # systems take 4096, with the folders above
LONGEST_NAME_BYTES = 200  # file systems take 255; extensions and temporary names need the rest
LOCALE_ADVICE = ", or set LC_ALL=C.UTF-8"


def id_problem(id: str) -> str | None:
    """Return why `id` cannot name files below a folder of ours, as the end of a sentence, or None if it can."""
    parts = PurePosixPath(id).parts
    if not id or id != id.strip():
        return "is empty or begins or ends with a blank: rename it"
    if id.startswith("/") or ".." in parts:
        return "is absolute or contains '..': list images by their path below the data folder"
    if not parts or parts[-1].startswith("..") and not parts[-1].rpartition(".")[0].strip("."):
        return "has a name of nothing but dots and an extension: rename it"
    if id[0] == "=" or id[0] in FORMULA and re.search(r"[(|!]", id):  # "-1" and "@home" compute and call nothing
        return "is a formula to spreadsheets: rename it"
    if re.search(r"[\x00-\x1f\x7f\udc80-\udcff]", id):
        is_utf8 = sys.getfilesystemencoding() == "utf-8"  # a locale such as C hides what names are
        return f"contains a control character or bytes that are not UTF-8: rename it{'' if is_utf8 else LOCALE_ADVICE}"
    if any(len(part.encode()) > LONGEST_NAME_BYTES for part in parts):
        return f"has a name of more than {LONGEST_NAME_BYTES} bytes: shorten it"
    if len(id.encode()) > LONGEST_PATH_BYTES:
        return f"has a path of more than {LONGEST_PATH_BYTES} bytes: shorten it"
    if any(part.lower().endswith((".jpg", ".png")) for part in parts[:-1]):
        return "has a folder that is named like an image: rename the folder"
    return None
