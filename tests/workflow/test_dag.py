"""Which jobs a configuration leads to; tests/unit/config has the files of each stage, and what is refused."""

import re

from .conftest import TINY, copy_project


def job_counts(output: str) -> dict[str, int]:
    table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", output, flags=re.M | re.S)
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table[1], flags=re.M)}


def test_the_paper_starts_from_nothing_and_is_one_classifier_and_six_segmenters(project):
    result = project.snakemake("--dry-run")
    assert result.returncode == 0, result.stderr
    assert "Using workflow specific profile profiles/default" in result.stdout + result.stderr
    counts = job_counts(result.stdout)
    assert counts["train_classifier"] == 1
    assert counts["train_segmenter"] == 6  # d1, d3, d6, d9, fusion and the true masks
    # the four blocks, fusion and mean; and for the sheets of five segmenters on val
    assert counts["fuse_masks"] == 6 + 5
    assert counts["apply_crf"] == counts["predict_scores"] == 6
    for rule in ("download_voc", "download_sbd", "download_weights", "convert_sbd"):
        assert counts[rule] == 1
    assert counts["check_weights"] == 2  # of both networks, before the first is trained
    assert not counts.keys() & {"draw_synthetic", "unpack_voc_test", "init_classifier"}


def test_shards_and_seeds_multiply_the_jobs(project):
    result = project.snakemake("--dry-run", "--config", "shards=4", "seeds=[0,1]", "scores={table3: [mdc/weak-d2]}")
    counts = job_counts(result.stdout)  # table 3 was not asked for, so that its row does not matter
    assert counts["train_classifier"] == 2
    assert counts["dump_cams"] == 2 * 2 * 4  # seeds, train and val, shards
    assert counts["fuse_masks"] == 2 * (6 + 5) * 4  # as above
    assert counts["fuse_salient_masks"] == 2 * 6 * 4
    assert counts["compute_saliency"] == 2 * 4  # the same for both seeds
    assert counts["apply_crf"] == 2 * 6 * 4
    # one table and one file for all shards
    tables = {"saliency": 2, "masks": 2 * (6 + 5 + 6), "predictions": 2 * 6, "crf": 2 * 6}
    assert counts["join_tables"] == sum(tables.values())
    assert counts["join_stores"] == 2 * 2 + 2 * 6  # maps and scores


def test_tables_3_and_4_add_the_ablations_and_what_learns_from_val_is_scored_on_test(project):
    (project.folder / "test.tar").touch()
    with_test = ("--config", "data={voc_test_archive: test.tar}", "predictions={splits: [val, test]}")
    counts = job_counts(project.snakemake("table3", "table4", "all", "--dry-run", *with_test).stdout)
    assert counts["train_classifier"] == 3  # mdc; four blocks of d=1; output stride 16
    # the run's six; of table 3 the mean, and the fusion of the other two; of table 4 four semi-supervised ones
    assert counts["train_segmenter"] == 6 + 3 + 4 and counts["choose_strong"] == 4
    assert counts["predict_scores"] == 2 * (6 + 3 + 3) + 1  # the one that learns from val has no score there
    assert counts["tabulate_paper"] == 2


def test_all_wrong_keys_are_listed_at_once(project):
    result = project.snakemake("--dry-run", "--config", "device=gpu", "masks={threshold: 3}", "shards=0")
    output = result.stdout + result.stderr
    assert result.returncode == 1 and "Traceback" not in output
    for key in ("device: ", "masks.threshold: ", "shards: "):
        assert key in output


def test_masks_that_no_rule_can_make_are_refused_when_they_are_asked_for(project):
    result = project.snakemake("results/paper/masks/mdc/seed0/fuzion/train.csv", "--dry-run")
    assert result.returncode == 1 and "Missing" in result.stdout + result.stderr


def job_resources(output: str) -> dict[str, dict[str, str]]:
    """Return the resources of a job of every rule, as a dry run shows them."""
    found = re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", output, flags=re.M)
    return {rule: dict(pair.split("=", 1) for pair in resources.split(", ")) for rule, resources in found}


def test_on_slurm_jobs_with_gpus_go_to_their_partition_and_have_them_on_one_node(tmp_path):
    project = copy_project(tmp_path)
    profile = tmp_path / "profiles/slurm/config.yaml"
    text = profile.read_text()
    assert "train_segmenter: *on_gpu " in text
    profile.write_text(text.replace("train_segmenter: *on_gpu ", "train_segmenter: {<<: *on_gpu, gpu: 4} "))
    (tmp_path / "photos").mkdir()
    result = project.snakemake(
        "scores", "predict", "--dry-run", "--workflow-profile", "profiles/slurm", "--config",
        "predict={photos: photos}", "variants={untrained: {cams: {network: untrained}}}",
        "segmenter={settings: [weak-fusion, weak-fusion@untrained]}",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Using workflow specific profile profiles/slurm" in result.stdout + result.stderr
    resources = job_resources(result.stdout)
    gpus = {rule: asked["gpu"] for rule, asked in resources.items() if "gpu" in asked}
    assert gpus == {
        "train_classifier": "1", "dump_cams": "1", "train_segmenter": "4", "predict_scores": "1",
        "predict_photos": "1",
    }  # fmt: skip
    for rule, asked in resources.items():
        assert asked["slurm_partition"] == ("CHANGE_GPU" if rule in gpus else "CHANGE"), rule
        assert asked.get("nodes") == ("1" if rule in gpus else None), rule


def test_jobs_run_the_library_beside_the_snakefile(tmp_path):
    copy = copy_project(tmp_path)
    module = copy.folder / "workflow/mdc/data/synthetic/dataset.py"
    module.write_text(module.read_text() + '\nraise RuntimeError("the copy is what runs")\n')
    result = copy.snakemake("data", overlays=TINY)
    assert result.returncode == 1
    assert "the copy is what runs" in result.stdout + result.stderr
