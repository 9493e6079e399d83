"""Tables of pictures, shards, and files that are whole or not there."""

import pandas as pd
import pytest

from mdc.runtime.errors import InputError
from mdc.runtime.files import written_whole
from mdc.storage.image_tables import join_tables, paths_of, read_table, write_table
from mdc.storage.shards import shard_of


def test_tables_come_back_over_all_shards_in_their_order(tmp_path):
    write_table([("NA", "p/NA.png", "0"), ("001", "p/001.png", "1")], tmp_path / "1.csv")
    write_table([("a,b", 'p/"a,b".png', "2")], tmp_path / "0.csv")
    write_table([], tmp_path / "none.csv")
    found = read_table([tmp_path / "1.csv", tmp_path / "none.csv", tmp_path / "0.csv"])
    assert list(found.items()) == [("NA", "p/NA.png"), ("001", "p/001.png"), ("a,b", 'p/"a,b".png')]
    assert paths_of(["a,b", "NA"], [tmp_path / "1.csv", tmp_path / "0.csv"]) == ['p/"a,b".png', "p/NA.png"]


def test_missing_pictures_are_counted_and_the_first_is_named(tmp_path):
    write_table([("a", "a.png", "0")], tmp_path / "t.csv")
    with pytest.raises(InputError, match="no picture of 2 images, the first is c"):
        paths_of(["a", "c", "b"], [tmp_path / "t.csv"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id,path,digest\na,a.png,12", "a row is cut off"),
        ("id,path,digest\na,a.png\nb,b.png,2\n", "a row is cut off"),
        ("id,path,digest\nx,a,a.png,1\n", "not a readable table"),  # which pandas would take for an index
        ("id,path,digest\na,a\0.png,1\n", "holds control characters"),
        ("id,path,digest\na,a.png,1\na,b.png,2\n", "the id 'a' is empty or listed twice"),
        ("id,path,digest\n,a.png,1\n", "the id '' is empty"),
        ("id,path,digest\n\xe9,a.png,1\n", "not a readable table"),
    ],
)
def test_damaged_tables_are_refused(tmp_path, text, sentence):
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=rf"t\.csv: {sentence}.*: remove it and run the same command again"):
        read_table([tmp_path / "t.csv"])


@pytest.mark.parametrize(("rows", "shards"), [(10, 3), (3, 5), (0, 2), (7, 1)])
def test_shards_are_consecutive_nearly_equal_and_cover_every_row_once(rows, shards):
    table = pd.DataFrame({"id": range(rows)})
    parts = [list(shard_of(table, shard, shards)["id"]) for shard in range(shards)]
    assert sum(parts, []) == list(range(rows))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_written_whole_renames_at_the_end_only(tmp_path):
    path = tmp_path / "new" / "f"
    with written_whole(path) as temporary:
        temporary.write_bytes(b"1")
        assert not path.exists() and temporary.parent == path.parent
    assert path.read_bytes() == b"1" and not temporary.exists()
    with pytest.raises(RuntimeError), written_whole(path) as temporary:
        temporary.write_bytes(b"2")
        raise RuntimeError
    assert path.read_bytes() == b"1"


def test_the_shards_of_a_table_are_joined_in_their_order(tmp_path):
    write_table([("NA", "p/NA.png", "0")], tmp_path / "0.csv")
    write_table([], tmp_path / "1.csv")
    write_table([("001", "p/001.png", "1")], tmp_path / "2.csv")
    join_tables([tmp_path / f"{shard}.csv" for shard in range(3)], tmp_path / "all.csv")
    assert (tmp_path / "all.csv").read_text() == "id,path,digest\nNA,p/NA.png,0\n001,p/001.png,1\n"
    with pytest.raises(InputError, match=r"2.csv: the id '001' is in another shard as well"):
        join_tables([tmp_path / "0.csv", tmp_path / "2.csv", tmp_path / "2.csv"], tmp_path / "all.csv")
