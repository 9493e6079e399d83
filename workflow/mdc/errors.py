"""The one exception that is shown to people as a sentence instead of a traceback."""


class InputError(Exception):
    """Something the user can mend: names the file or key, what is wrong with it and what to do.

    The scripts print its text and exit with status 1; every other exception is a defect and keeps its traceback.
    """


def listing(headline: str, problems: list[str]) -> str:
    """Return `headline` followed by one indented line per problem, so that all of them can be mended in one go."""
    return "\n".join([headline, *(f"  {problem}" for problem in problems)])
