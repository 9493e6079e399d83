"""Rules state what they need, and their scripts use all that rules hand on: a key without a reader would do nothing."""

import re
from pathlib import Path

import pytest
import yaml

WORKFLOW = Path(__file__).parents[2] / "workflow"
TEXT = "\n".join(path.read_text() for path in sorted((WORKFLOW / "rules").glob("*.smk")))
RULES = re.findall(r"^( *)((?:use )?rule [^\n]*:\n.*?)(?=^(?!\1 ) *\S|\Z)", TEXT, re.S | re.M)
WORKING = {re.match(r"rule (\w+)", text)[1]: text for _, text in RULES if "script:" in text}
SCRIPTS = {re.search(r'"../scripts/(\w+)\.py"', text)[1]: name for name, text in WORKING.items()}


def test_every_script_is_of_one_rule():
    assert sorted(SCRIPTS) == sorted(path.stem for path in (WORKFLOW / "scripts").glob("*.py"))
    assert len(SCRIPTS) == len(WORKING) >= 40


@pytest.mark.parametrize("name", WORKING)
def test_every_working_rule_states_its_needs(name):
    text = WORKING[name]
    for directive in ("log", "benchmark", "conda", "threads", "resources", "params", "output"):
        assert re.search(rf"^ +{directive}:", text, flags=re.M), directive
    assert "mem_mb=" in text and "runtime=" in text
    # what is downloaded is identified by its hash: other code must not download it again
    has_code = re.search(r"^ +code=(lambda wildcards: )?fingerprint\(", text, flags=re.M) is not None
    assert has_code is not (re.search(r"^ +hash=", text, flags=re.M) is not None)
    assert '"""' in text  # the sentence that `snakemake --list-rules` shows


def test_the_slurm_profile_sends_every_rule_that_may_use_a_gpu_to_its_partition():
    profile = yaml.safe_load((WORKFLOW.parent / "profiles/slurm/config.yaml").read_text())["set-resources"]
    on_gpu = {name for name, asked in profile.items() if asked.get("slurm_partition") == "CHANGE_GPU"}
    assert on_gpu == {name for name, text in WORKING.items() if re.search(r"^ +gpu=", text, re.M)}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_uses_every_parameter_of_its_rules_and_no_other(script):
    """`code` and `digest` are read by none, as they only rerun; `caption` and `is_overview` are read by the report."""
    text = (WORKFLOW / "scripts" / f"{script}.py").read_text()
    read = set(re.findall(r"snakemake\.params\.(\w+)", text))
    if re.search(r"\bsettings\b.* = .*snakemake\.params", text):
        read |= set(re.findall(r"\bsettings\.(\w+)", text))
    made_of_it = [text for _, text in RULES if text.startswith(f"use rule {SCRIPTS[script]} as ")]
    for rule in (WORKING[SCRIPTS[script]], *made_of_it):
        section = re.search(r"^( +)params:\n((?:\1 +.*\n|\n)+)", rule, re.M)
        given = set(re.findall(rf"^ {{{len(section[1]) + 4}}}(\w+)=", section[2], re.M))
        assert given - {"code", "digest", "caption", "is_overview"} == read - {"code", "digest"}
