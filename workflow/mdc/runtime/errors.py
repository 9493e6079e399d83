"""The exceptions that are shown to people as a sentence instead of a traceback."""

LONGEST_LINE, KEPT_AT_ITS_END = 1000, 300  # characters
INTERNAL_ERROR = "internal error, please report it"  # of any other exception, with its traceback


class InputError(Exception):
    """Something the user can mend: names the file or key, what is wrong with it and what to do.

    The scripts print its text and exit with status 1; every other exception is a defect and keeps its traceback. Of a
    line that quotes pages of somebody's file, the middle is left out.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("\n".join(map(_shortened, sentence.split("\n"))))


def _shortened(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE - KEPT_AT_ITS_END]} ... {line[-KEPT_AT_ITS_END:]}"


class StoppedError(BaseException):
    """The process was asked to stop (SIGTERM). As KeyboardInterrupt, no Exception: readers of files catch all those."""


def listing(headline: str, problems: list[str]) -> str:
    """Return `headline` followed by one indented line per problem, so that all of them can be mended in one go."""
    return "\n".join([headline, *(f"  {problem}" for problem in problems)])
