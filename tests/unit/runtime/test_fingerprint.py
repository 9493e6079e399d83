"""A rule's fingerprint follows the code that it reaches, and nothing else."""

from pathlib import Path

import pytest

import mdc
from mdc.runtime import fingerprint as module
from mdc.runtime.fingerprint import code_fingerprint, reached_files

FILES = {
    "pack/__init__.py": '"""The package."""\n',
    "pack/direct.py": (
        '"""Direct."""\nfrom pack.deep.far import value\n\n\ndef double():\n    """Twice."""\n    return 2 * value\n'
    ),
    "pack/deep/__init__.py": "",
    "pack/deep/far.py": "value = 1\n",
    "pack/other.py": "unused = 1\n",
    "pack/named.py": "chosen = 1\n",
    "script.py": "import os\n\n\ndef main():\n    from pack.direct import double\n\n    double()\n",
}


@pytest.fixture
def tree(tmp_path):
    """Return a function that writes the files above, changed as asked, and returns the script's fingerprint."""

    def fingerprint(changes: dict[str, str] | None = None, *, by_name: dict[str, list[str]] | None = None) -> str:
        for name, text in (FILES | (changes or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        module._tree.cache_clear()
        module._directly_imported.cache_clear()
        return code_fingerprint(tmp_path / "script.py", package=tmp_path / "pack", by_name=by_name)

    fingerprint.folder = tmp_path
    return fingerprint


def test_reached_are_the_script_its_imports_their_imports_and_the_packages_on_the_way(tree):
    tree()
    found = reached_files(tree.folder / "script.py", package=tree.folder / "pack")
    names = ["pack/__init__.py", "pack/deep/__init__.py", "pack/deep/far.py", "pack/direct.py", "script.py"]
    assert found == [tree.folder / name for name in names]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pack/direct.py", FILES["pack/direct.py"].replace('"""Direct."""', '"""Reworded."""')),
        ("pack/direct.py", FILES["pack/direct.py"].replace('"""Twice."""', '"""Two times."""')),
        ("pack/direct.py", FILES["pack/direct.py"].replace('    """Twice."""\n', "")),
        ("pack/direct.py", "# a comment\n\n" + FILES["pack/direct.py"].replace("2 * value", "(2  *  value)  # why")),
        ("pack/deep/far.py", "\n\nvalue = (1)\n"),
        ("pack/__init__.py", '"""Another text."""\n'),
        ("pack/other.py", "unused = 2\n"),  # code, but not reached
        ("pack/named.py", "chosen = 2\n"),  # the same
    ],
)
def test_comments_docstrings_formatting_and_modules_not_reached_do_not_count(tree, name, text):
    assert tree({name: text}) == tree()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("script.py", FILES["script.py"].replace("double()\n", "double() + 1\n")),
        ("pack/direct.py", FILES["pack/direct.py"].replace("2 *", "3 *")),
        ("pack/deep/far.py", "value = 2\n"),  # imported by what the script imports
        ("pack/deep/far.py", "value = '1'\n"),
        ("pack/__init__.py", "side_effect = 1\n"),
        ("pack/deep/__init__.py", "side_effect = 1\n"),
    ],
)
def test_code_that_is_reached_counts(tree, name, text):
    assert tree({name: text}) != tree()


def test_a_string_that_is_no_docstring_counts(tree):
    text = "value = 1\n'a string that does nothing'\n"
    assert tree({"pack/deep/far.py": text}) != tree({"pack/deep/far.py": text.replace("nothing", "little")})


def test_imports_of_a_package_reach_its_modules_in_both_forms(tree):
    for line in ("import pack.other", "from pack import other", "from pack.other import unused"):
        script = {"script.py": f"{line}\n"}
        assert tree(script) != tree(script | {"pack/other.py": "unused = 2\n"})


def test_a_module_named_at_run_time_counts_when_it_is_given(tree):
    changed = {"pack/named.py": "chosen = 2\n"}
    given = {"pack.direct": ["pack.named"]}
    assert tree(by_name=given) != tree(changed, by_name=given)


def test_a_module_named_at_run_time_does_not_count_where_its_importer_is_not_reached(tree):
    changed = {"pack/named.py": "chosen = 2\n"}
    given = {"pack.other": ["pack.named"]}
    assert tree(by_name=given) == tree(changed, by_name=given)


def test_of_this_workflow_the_mask_stage_does_not_reach_the_networks():
    workflow = Path(mdc.__file__).parents[1]
    masks = {path.stem for path in reached_files(workflow / "scripts" / "fuse_masks.py")}
    cams = {path.stem for path in reached_files(workflow / "scripts" / "dump_cams.py")}
    assert {"fusion", "grid", "hdf5", "maps", "mask_files"} <= masks
    assert not masks & {"classifier", "engine", "losses", "multi_dilation", "vgg", "crf"}
    assert {"multi_dilation", "grid", "hdf5"} <= cams
    assert not cams & {"classifier", "engine", "train", "largefov"}  # maps need the network, not its training
