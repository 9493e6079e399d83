"""Sentences for people: short lines, also where they quote somebody's file, and whole ones otherwise."""

import logging
import pickle

from mdc.runtime.errors import InputError, listing
from mdc.runtime.logs import _formatted


def test_of_lines_that_quote_pages_the_middle_is_left_out():
    error = InputError(listing("two things:", [f"a: '{'x' * 5000}' is no number: write one", "b: short"]))
    headline, long, short = str(error).split("\n")
    assert (headline, short) == ("two things:", "  b: short")
    assert long == "  a: '" + "x" * 694 + " ... " + "x" * 275 + "' is no number: write one"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # workers send it to their parent


def test_other_lines_stay_as_they_are():
    assert str(InputError("y" * 1000)) == "y" * 1000


def test_what_a_terminal_would_obey_is_escaped_in_sentences_and_logs():
    assert str(InputError("a\x1b[2J\r.jpg\tb:\nc\x9b")) == "a\\x1b[2J\\x0d.jpg\tb:\nc\\x9b"
    record = logging.makeLogRecord({"msg": "answered 404 \x1b[31mNot Found"})
    assert _formatted(logging.NullHandler()).format(record).endswith(r" answered 404 \x1b[31mNot Found")
