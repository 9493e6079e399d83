"""A rule's fingerprint follows the code that it reaches, and nothing else."""

from collections.abc import Sequence
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

    def fingerprint(changes: dict[str, str] | None = None, *, besides: Sequence[str] = ()) -> str:
        for name, text in (FILES | (changes or {})).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for kept in (module._code, module._dumped, module._directly_imported):
            kept.cache_clear()
        return code_fingerprint(tmp_path / "script.py", package=tmp_path / "pack", besides=besides)

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


def test_imports_of_a_package_reach_its_modules_in_both_forms(tree):
    for line in ("import pack.other", "from pack import other", "from pack.other import unused"):
        script = {"script.py": f"{line}\n"}
        assert tree(script) != tree(script | {"pack/other.py": "unused = 2\n"})


def test_what_only_type_checkers_import_and_packages_that_compute_nothing_do_not_count(tree):
    script = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from pack.other import unused\n"
    script += "from pack.runtime.files import write\nfrom pack.config.keys import Key\n"
    files = {"script.py": script, "pack/runtime/files.py": "write = 1\n", "pack/config/keys.py": "Key = 1\n"}
    changed = {
        "pack/other.py": "unused = 2\n",
        "pack/runtime/files.py": "write = 2\n",
        "pack/config/keys.py": "Key = 2\n",
    }
    assert tree(files) == tree(files | changed)


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("def f(x):\n    raise ValueError(f'WORD {x}') from None\n", False),
        ("logger.info('WORD %s', 1)\n", False),
        ("problem = 'WORD' if x else ''\n", False),
        ("def key_problem(x):\n    return 'WORD'\n", False),
        ("width: int = Field(3, description='WORD')\n", False),
        ("def f():\n    return 'WORD'\n", True),
        ("table['WORD'] = 1\n", True),
        ("run(mode='WORD')\n", True),
    ],
)
def test_sentences_that_people_read_do_not_count_and_other_texts_do(tree, code, counts):
    texts = [tree({"pack/deep/far.py": f"value = 1\n{code.replace('WORD', word)}"}) for word in ("one", "another")]
    assert (texts[0] != texts[1]) == counts


def test_whether_there_is_a_sentence_counts_and_so_does_code_inside_a_raise(tree):
    edits = [("problem = ''\n", "problem = 'a word'\n"), ("raise ValueError(f(1))\n", "raise ValueError(f(2))\n")]
    for before, after in edits:
        assert tree({"pack/other.py": before, "script.py": "import pack.other\n"}) != tree(
            {"pack/other.py": after, "script.py": "import pack.other\n"}
        )


# The rules whose networks are built by an encoder, which is imported by its name.
WITH_ENCODER = (
    "encode_views train_classifier dump_cams train_segmenter predict_scores predict_photos export_segmenter".split()
)
RULES = [
    *WITH_ENCODER,
    *"download draw_synthetic link_data compute_saliency fuse_masks fuse_salient_masks sweep_threshold".split(),
    *"apply_crf score_masks tabulate_scores draw_sheet plot_curves pack_submission tabulate_study".split(),
]


@pytest.mark.parametrize(
    ("edited", "rules"),
    [
        ("runtime/logs", ""),
        ("downloads/source", "download"),
        (
            "storage/hdf5",
            "encode_views train_classifier dump_cams fuse_masks fuse_salient_masks sweep_threshold train_segmenter "
            "predict_scores apply_crf draw_sheet predict_photos export_segmenter",
        ),
        ("data/voc_layout", "link_data pack_submission"),
        ("networks/multi_dilation", "train_classifier dump_cams"),
        ("networks/largefov", "train_segmenter predict_scores predict_photos export_segmenter"),
        ("networks/encoders/vgg", " ".join(WITH_ENCODER)),
        ("training/engine", "train_classifier train_segmenter"),
        ("features", "encode_views train_classifier train_segmenter"),
        ("masks/fusion", "fuse_masks fuse_salient_masks sweep_threshold draw_sheet"),
        ("predictions/inference", "predict_scores predict_photos export_segmenter"),
        ("crf", "apply_crf predict_photos export_segmenter"),
        ("predict/overlays", "predict_photos export_segmenter"),
        ("study/claims", "tabulate_study"),
    ],
)
def test_an_edit_of_one_module_runs_these_rules_again(edited, rules):
    library = Path(mdc.__file__).parent
    reached_by = [
        rule
        for rule in RULES
        if library / f"{edited}.py"
        in reached_files(
            library.parent / "scripts" / f"{rule}.py",
            besides=["mdc.networks.encoders.vgg"] if rule in WITH_ENCODER else [],
        )
    ]
    assert sorted(reached_by) == sorted(rules.split())
