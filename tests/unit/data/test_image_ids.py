"""Which ids images can have."""

import pytest

from mdc.data.image_ids import id_problem

REFUSED = ["a\nb", "x" * 201, "a.jpg/b", "", " a", "a/../b", ".", "..png", "a/...jpg", "a\udcff"]
FORMULAS = ["=1", "+cmd|a/C calc", "@sum(1)", "-a!b"]


@pytest.mark.parametrize("id", [*REFUSED, *FORMULAS])
def test_ids_that_cannot_name_files_or_are_formulas_are_refused(id):
    assert id_problem(id) is not None


@pytest.mark.parametrize("id", ["Ordner ä/photo 1.v2", "-1", "@home/a"])
def test_other_ids_are_taken(id):
    assert id_problem(id) is None
