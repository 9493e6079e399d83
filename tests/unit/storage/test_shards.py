"""The number of shards: what is finished stays, what was begun goes on, and only the rest follows the key."""

import os

import pytest

from mdc.storage.shards import number_of_shards, shards_on_disk


@pytest.fixture
def disk(tmp_path):
    """Return the pattern of a stage's tables, and a function that makes shards of it, given as (shard, shards)."""
    (tmp_path / "a[b]").mkdir()

    def make(*shards, stage="crf", age=0):
        for shard, count in shards:
            path = tmp_path / "a[b]" / f"{stage}-val.{shard}-of-{count}.csv"
            path.touch()
            os.utime(path, (1000 - age, 1000 - age))
        return str(tmp_path / "a[b]" / f"{stage}-val.{{shard}}-of-{{shards}}.csv")

    return make


def test_shards_are_counted_by_set_and_other_files_are_not(disk, tmp_path):
    pattern = disk((0, 2), (1, 2), (3, 8), (9, 8))
    (tmp_path / "a[b]" / "crf-val.csv").touch()
    (tmp_path / "a[b]" / ".crf-val.1-of-8.csv.tmp").touch()
    assert shards_on_disk(pattern) == {2: 2, 8: 1}


@pytest.mark.parametrize(
    ("made", "wanted", "expected"),
    [
        ([], 4, 4),
        ([(0, 1)], 4, 1),  # finished
        ([(0, 2), (1, 2)], 1, 2),
        ([(0, 1), (0, 4), (1, 4), (2, 4), (3, 4)], 4, 4),  # both are
        ([(1, 2)], 4, 2),  # begun, or one was removed: the other one is made
        ([(1, 2), (0, 4)], 4, 4),  # begun twice: the key decides
        ([(0, 1), (0, 4)], 4, 1),  # finished goes before begun
        ([(0, 3), (2, 5), (4, 5)], 4, 5),
    ],
)
def test_finished_sets_go_before_begun_ones_and_these_before_the_key(disk, made, wanted, expected):
    assert number_of_shards(disk(*made), wanted) == expected


def test_a_begun_set_that_goes_before_the_key_is_logged_once(disk, tmp_path, caplog):
    for _ in range(2):
        assert number_of_shards(disk((1, 3), (2, 3)), 4) == 3
    assert caplog.messages == [
        f"{tmp_path}/a[b]/crf-val.*-of-3.*: 2 of 3 shards are finished, so 3 are made, not 4 as the key shards says: "
        "remove these files to use the key"
    ]


def test_of_two_finished_sets_the_newer_one_counts(disk):
    disk((0, 1), age=10)
    assert number_of_shards(disk((0, 2), (1, 2), age=20), 4) == 1
    assert number_of_shards(disk((0, 2), (1, 2), age=5), 4) == 2


def test_what_is_made_shard_by_shard_of_finished_shards_has_their_number(disk):
    source = disk((0, 2), (1, 2), stage="predictions")
    assert number_of_shards(disk(), 4, source=source) == 2
    assert number_of_shards(disk((1, 3)), 4, source=source) == 2  # also what was begun, or finished, of older ones
    assert number_of_shards(disk((0, 3), (1, 3), (2, 3)), 4, source=source) == 2
    none = disk(stage="none")
    assert number_of_shards(disk(), 4, source=none) == 3  # finished, and its source was removed
    assert number_of_shards(disk(stage="other"), 4, source=none) == 4
