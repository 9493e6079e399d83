"""Which jobs a configuration leads to, and the sentences that a wrong one is refused with."""

import re

import pytest

from mdc.data.images import read_image
from mdc.data.manifest import read_manifest
from mdc.saliency.maps import read_saliency
from mdc.storage.image_tables import read_table
from tests.unit.saliency.networks import write_network
from tests.voc_archives import sbd_files, voc_files, write_folder

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
    assert (
        counts["fuse_masks"] == 6 + 5
    )  # the four blocks, fusion and mean; and for the sheets of five segmenters on val
    assert counts["apply_crf"] == counts["predict_scores"] == 6
    for rule in ("download_voc", "download_sbd", "download_weights", "convert_sbd"):
        assert counts[rule] == 1
    assert counts["check_weights"] == 2  # of both networks, before the first is trained
    assert not counts.keys() & {"draw_synthetic", "unpack_voc_test", "init_classifier"}


def test_shards_and_seeds_multiply_the_jobs(project):
    result = project.snakemake("--dry-run", "--config", "shards=4", "seeds=[0,1]")
    counts = job_counts(result.stdout)
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


def test_a_salient_object_network_makes_the_maps_of_every_shard_after_it_is_checked(tmp_path):
    copy = copy_project(tmp_path)
    write_network(tmp_path / "mine.onnx", shape=(1, 3, 32, 32))
    config = ("shards=2", "saliency={source: onnx, model: mine.onnx, scaling: {mean: [0, 0, 0], std: [1, 1, 1]}}")
    result = copy.snakemake("saliency", "--config", *config, overlays=TINY)
    assert result.returncode == 0, result.stdout + result.stderr
    counts = job_counts(result.stdout + result.stderr)
    assert (counts["check_saliency_network"], counts["run_saliency_network"]) == (1, 4)
    assert not counts.keys() & {"compute_saliency", "download_saliency_network"}
    maps = read_table([tmp_path / "results/tiny/saliency/onnx/train.csv"])
    photo = read_manifest(tmp_path / "results/tiny/data/train.csv").set_index("id")["image"]
    for image_id, path in maps.items():
        found, shown = read_saliency(tmp_path / path), read_image(tmp_path / photo[image_id])
        assert found.shape == shown.shape[:2]
        assert abs(found.mean() - shown.mean() / 255) < 0.01  # resized to 32 px and back


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


def test_table_3_has_the_ablations_and_reuses_what_the_run_has(project):
    counts = job_counts(project.snakemake("table3", "--dry-run").stdout)
    assert counts["train_classifier"] == 3  # mdc; four blocks of d=1; output stride 16
    assert counts["train_segmenter"] == 8  # the four blocks, fusion and mean; fusion of the other two
    assert counts["apply_crf"] == 8 and counts["tabulate_paper"] == 1
    assert job_counts(project.snakemake("table3", "all", "--dry-run").stdout)["train_segmenter"] == 9  # true-masks


def test_table_4_trains_on_val_only_what_is_scored_on_test(project):
    counts = job_counts(project.snakemake("table4", "--dry-run").stdout)
    assert counts["train_classifier"] == 1
    assert counts["choose_strong"] == counts["train_segmenter"] == 3  # no test images: not the one with val
    (project.folder / "test.tar").touch()
    with_test = ("--config", "data={voc_test_archive: test.tar}", "predictions={splits: [val, test]}")
    counts = job_counts(project.snakemake("table4", "--dry-run", *with_test).stdout)
    assert counts["choose_strong"] == counts["train_segmenter"] == 4
    assert counts["predict_scores"] == 3 * 2 + 1
    last = "results/paper/scores/mdc/seed0/val/semi2913-fusion.confusion.csv"
    result = project.snakemake(last, "--dry-run", *with_test)
    assert result.returncode == 1
    assert "learns from the true masks of val, so it has no score on val" in result.stdout + result.stderr


def test_what_cannot_be_is_refused_when_it_is_asked_for(project):
    """What is said of each is in tests/unit/config/test_plan.py."""
    row = ("--config", "scores={table3: [mdc/weak-d2]}")
    for target, config, words in (
        ("table3", row, "scores.table3: mdc/weak-d2 needs maps that mdc lacks"),
        ("predict", ("--config", "predict={photos: ''}"), "predict.photos: name a folder of photos"),
    ):
        result = project.snakemake(target, "--dry-run", *config)
        assert result.returncode == 1 and words in result.stdout + result.stderr
    assert project.snakemake("--dry-run", *row).returncode == 0


def test_external_masks_replace_classifier_and_fusion(project):
    (project.folder / "fake" / "masks").mkdir(parents=True)
    result = project.snakemake(
        "--dry-run", "--config", "masks={external_masks: fake/masks}", "segmenter={settings: [weak-external]}",
    )  # fmt: skip
    counts = job_counts(result.stdout)
    assert counts["copy_masks"] == counts["train_segmenter"] == 1
    assert not counts.keys() & {"train_classifier", "dump_cams", "fuse_masks", "compute_saliency", "sweep_threshold"}


def test_a_variant_of_the_maps_needs_no_rule_of_its_own(project):
    """Maps are dumped once more where `cams` differs, and not where variants differ in something else."""
    variants = "untrained: {cams: {network: untrained}}, best: {masks: {threshold: best}}"
    variants += ", bare: {cams: {network: untrained}, saliency: {source: none}}"
    settings = ["weak-fusion", "weak-fusion@untrained", "weak-fusion@best", "weak-fusion@bare"]

    def dumped(*names: str) -> tuple[dict[str, int], set[str]]:
        config = ["--config", f"variants={{{variants}}}", f"segmenter={{settings: [{', '.join(names)}]}}"]
        result = project.snakemake("segmenter", "--dry-run", *config, overlays=TINY)
        return job_counts(result.stdout), set(re.findall(r"output: results/tiny/cams/(\S+)", result.stdout))

    plain, maps = dumped(*settings[:1])
    assert maps == {"mdc/seed0/main/train.0-of-1.h5"} and plain["train_segmenter"] == 1
    varied, maps = dumped(*settings)
    assert maps == {"mdc/seed0/main/train.0-of-1.h5", "mdc/seed0/untrained/train.0-of-1.h5"}
    assert varied["train_segmenter"] == 4 and varied["fuse_masks"] == 4
    # the untrained network, and true masks and a sweep for the best threshold
    assert varied.keys() - plain.keys() == {"init_classifier", "check_some_ground_truth", "sweep_threshold"}


def test_every_stage_is_a_target(project):
    stages = "data saliency classifier cams masks segmenter predictions crf scores figures report write_readme".split()
    last = "link_data compute_saliency train_classifier dump_cams fuse_masks train_segmenter predict_scores apply_crf"
    result = project.snakemake(*stages, "--dry-run", overlays=TINY)
    assert result.returncode == 0, result.stderr
    counts = job_counts(result.stdout)
    assert {*last.split(), "tabulate_scores", "draw_figure5", "draw_sheet", "write_readme"} <= counts.keys()
    assert job_counts(project.snakemake("downloads", "--dry-run").stdout) == dict.fromkeys(
        ("download_voc", "download_sbd", "download_weights", "downloads"), 1
    )


def test_all_wrong_keys_are_listed_at_once(project):
    result = project.snakemake("--dry-run", "--config", "device=gpu", "masks={threshold: 3}", "shards=0")
    output = result.stdout + result.stderr
    assert result.returncode == 1 and "Traceback" not in output
    for key in ("device: ", "masks.threshold: ", "shards: "):
        assert key in output


def test_data_that_is_there_is_used_where_it_lies_and_not_downloaded(project):
    root = write_folder(project.folder / "mine", voc_files() | sbd_files())
    (root / "vgg16.pth").touch()
    data = "data={voc_root: mine/VOCdevkit, sbd_root: mine/benchmark_RELEASE, expected_images: {train: 3, val: 2}}"
    weights = "encoder={weights: mine/vgg16.pth}"
    counts = job_counts(project.snakemake("--dry-run", "--config", data, weights).stdout)
    assert counts["convert_sbd"] == counts["link_data"] == 1
    assert not [rule for rule in counts if rule.startswith(("download", "unpack"))]


def test_only_what_is_needed_is_downloaded(project):
    def downloads(*config: str) -> set[str]:
        counts = job_counts(project.snakemake("--dry-run", "--config", *config).stdout)
        return {rule for rule in counts if rule.startswith(("download", "unpack", "convert"))}

    assert downloads("data={source: synthetic}") == {"download_weights"}
    everything = {"download_voc", "download_sbd", "convert_sbd", "download_weights"}
    (project.folder / "test.tar").touch()
    assert downloads("data={voc_test_archive: test.tar}", "predictions={splits: [val, test]}") == (
        everything | {"unpack_voc_test"}
    )
    random = ["classifier={init: random}", "segmenter={init: classifier}"]
    assert downloads("data={train_list: train}", *random) == {"download_voc"}


def test_jobs_run_the_library_beside_the_snakefile(tmp_path):
    copy = copy_project(tmp_path)
    module = copy.folder / "workflow/mdc/data/synthetic/dataset.py"
    module.write_text(module.read_text() + '\nraise RuntimeError("the copy is what runs")\n')
    result = copy.snakemake("data", overlays=TINY)
    assert result.returncode == 1
    assert "the copy is what runs" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "target",
    [
        "masks/mdc/seed0/fuzion/train.csv",
        "classifier/mdc/seed7/weights.pt",
        "classifier/nope/weights_checked.csv",
        "cams/mdc/seed0/untrained/train.0-of-1.h5",  # there is no such variant
    ],
)
def test_results_that_the_configuration_does_not_have_are_no_targets(project, target):
    result = project.snakemake(f"results/tiny/{target}", "--dry-run", overlays=TINY)
    assert result.returncode == 1
    assert re.search("Missing(Rule|Input)Exception", result.stdout + result.stderr)
