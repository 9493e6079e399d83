"""The exceptions that are shown to people as a sentence instead of a traceback."""

LONGEST_LINE, KEPT_AT_ITS_END = 1000, 300  # characters
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
NO_ACCESS = "may not be read: ask its owner for access"
INTERNAL_ERROR = "internal error, please report it"  # of any other exception, with its traceback


class InputError(Exception):
    """Something the user can mend: names the file or key, what is wrong with it and what to do.

    The scripts print its text and exit with status 1; every other exception is a defect and keeps its traceback. Of a
    line that quotes pages of somebody's file, the middle is left out; control characters are escaped.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("\n".join(map(_shortened, printable(sentence).split("\n"))))


def printable(text: str) -> str:
    """Return a text with control characters but newlines and tabs as escapes: terminals obey what names may hold."""
    return text.translate(_ESCAPES)


def _shortened(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE - KEPT_AT_ITS_END]} ... {line[-KEPT_AT_ITS_END:]}"


class StoppedError(BaseException):
    """The process was asked to stop (SIGTERM). As KeyboardInterrupt, no Exception: readers of files catch all those."""


def listing(headline: str, problems: list[str]) -> str:
    """Return `headline` followed by one indented line per problem, so that all of them can be mended in one go."""
    return "\n".join([headline, *(f"  {problem}" for problem in problems)])
