"""The profiles agree where they must."""

from pathlib import Path

import yaml

PROFILES = Path(__file__).parents[3] / "profiles"


def profile(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text())


def test_a_cluster_reruns_what_this_machine_would():
    here, cluster = profile("default"), profile("slurm")
    limit = here.pop("resources")
    assert limit == {"gpu": 1}
    assert "gpu" not in cluster["resources"]  # it would cut the GPUs that a job may have
    assert {key: cluster.get(key) for key in here} == here
