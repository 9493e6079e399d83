"""The exceptions that are shown to people as a sentence instead of a traceback."""

LONGEST_TEXT = 120


class InputError(Exception):
    """Something the user can mend: names the file or key, what is wrong with it and what to do.

    The scripts print its text and exit with status 1; every other exception is a defect and keeps its traceback.
    """


class StoppedError(BaseException):
    """The process was asked to stop (SIGTERM). As KeyboardInterrupt, no Exception: readers of files catch all those."""


def listing(headline: str, problems: list[str]) -> str:
    """Return `headline` followed by one indented line per problem, so that all of them can be mended in one go."""
    return "\n".join([headline, *(f"  {problem}" for problem in problems)])


def shortened(text: str) -> str:
    """Return a text of others, as it may stand in a sentence: what is longer than a line is cut."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."
