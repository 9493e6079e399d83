"""The HDF5 files: what is written comes back, whole files only, and other files are refused."""

import h5py
import numpy as np
import pytest

from mdc.cams.files import LAYOUT as CAMS
from mdc.cams.files import Cams, read_cams
from mdc.predictions.files import LAYOUT as SCORES
from mdc.predictions.files import Scores, add_scores, read_scores
from mdc.runtime.errors import InputError
from mdc.storage.hdf5 import attributes, create, group_name, ids_in, link_shards

HEAD = {
    "stride": 8,
    "offset": 0,
    "classes": ["cat", "dog", "cow"],
    "weights_hash": "0123",
    "config": {"b": 1, "a": [2]},
}


def cams(image_id: str, *, tagged=(1, 3), seed=0) -> Cams:
    rng = np.random.default_rng(seed)
    return Cams(
        id=image_id,
        maps=rng.standard_normal((2, len(tagged), 3, 4)).astype(np.float16),
        class_ids=np.array(tagged, np.uint8),
        logits=rng.standard_normal((2, 3)).astype(np.float32),
        height=17,
        width=20,
    )


def written(path, items, **changes):
    with create(path, CAMS, dilations=[1, 3], **HEAD | changes) as writer:
        for item in items:
            writer.add(item.item())
    return path


def assert_same(found: Cams, expected: Cams) -> None:
    assert (found.id, found.height, found.width) == (expected.id, expected.height, expected.width)
    for name in ("maps", "class_ids", "logits"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


def test_maps_come_back_exactly_in_the_order_in_which_they_were_written(tmp_path):
    items = [cams("b"), cams("a", seed=1), cams("no tags", tagged=())]
    path = written(tmp_path / "new" / "m.h5", items)
    assert len(ids_in(path, CAMS)) == 3
    for found, expected in zip(read_cams(path), items, strict=True):
        assert_same(found, expected)
    assert [found.id for found in read_cams(path, ["no tags", "b"])] == ["no tags", "b"]


def test_ids_may_hold_slashes_and_percent_signs_and_be_folders_of_others(tmp_path):
    ids = ["a", "a/b", "a%2Fb", "50%", "ä ö/é", "a/b/c"]
    items = [cams(image_id, seed=seed) for seed, image_id in enumerate(ids)]
    path = written(tmp_path / "m.h5", items)
    for expected in items:
        (found,) = read_cams(path, [expected.id])
        assert_same(found, expected)
    assert len({group_name(image_id) for image_id in ids}) == len(ids)
    assert (group_name("a/b"), group_name("a%2Fb")) == ("a%2Fb", "a%252Fb")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e5])
def test_what_float16_cannot_hold_is_refused_with_the_image(tmp_path, value):
    item = Cams(**vars(cams("bad")) | {"maps": np.full((2, 2, 3, 4), value, np.float32)})
    with np.errstate(over="ignore"), pytest.raises(InputError, match="image bad: .* not finite or beyond 65504"):
        written(tmp_path / "m.h5", [cams("a"), item])
    assert not (tmp_path / "m.h5").exists()


def test_scores_come_back(tmp_path):
    scores = np.arange(36).reshape(3, 3, 4).astype(np.float16)
    with create(tmp_path / "s.h5", SCORES, **HEAD) as writer:
        add_scores(writer, Scores(id="a/b", scores=scores, height=17, width=25))
    (found,) = read_scores(tmp_path / "s.h5")
    assert (found.id, found.height, found.width, found.scores.dtype) == ("a/b", 17, 25, np.float16)
    np.testing.assert_array_equal(found.scores, scores)


def test_plain_h5py_reads_the_layout_that_the_module_describes(tmp_path):
    item = cams("x/50%")
    with h5py.File(written(tmp_path / "m.h5", [item])) as file:
        group = file["x%2F50%25"]
        assert (group.attrs["id"], group.attrs["height"], group.attrs["width"]) == (b"x/50%", 17, 20)
        assert (group["maps"].dtype, group["maps"].shape) == (np.float16, (2, 2, 3, 4))
        assert group["class_ids"][:].tolist() == [1, 3]
        assert (group["logits"].dtype, group["logits"].shape) == (np.float32, (2, 3))
        assert list(file.attrs["dilations"]) == [1, 3]


def test_the_file_is_absent_until_it_is_complete(tmp_path):
    path = tmp_path / "m.h5"
    with pytest.raises(RuntimeError, match="stop"), create(path, CAMS, dilations=[1], **HEAD) as writer:
        writer.add(cams("a").item())
        assert not path.exists()
        raise RuntimeError("stop")
    assert not path.exists()
    assert ids_in(written(path, [cams("b")]), CAMS) == ["b"]  # what was left behind is no obstacle


def test_a_file_cut_short_is_refused(tmp_path):
    path = written(tmp_path / "m.h5", [cams("a"), cams("b")])
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(
            InputError,
            match="not a readable HDF5 file .*; remove it and run the same command with the target cams",
        ):
            list(read_cams(path))
        with pytest.raises(InputError, match="not a readable HDF5 file"):
            attributes(path, CAMS)


def test_a_missing_file_another_kind_and_another_version_are_refused(tmp_path):
    path = written(tmp_path / "m.h5", [cams("a")])
    with pytest.raises(
        InputError,
        match=r"none.h5: there is no such file; run the same command with the target cams \(rule dump_cams or "
        r"link_cams\)",
    ):
        ids_in(tmp_path / "none.h5", CAMS)
    with pytest.raises(InputError, match="format mdc-cams version 2, expected mdc-scores version 2"):
        list(read_scores(path))
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 3
    with pytest.raises(InputError, match="version 3, expected mdc-cams version 2; remove it and run"):
        ids_in(path, CAMS)
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(InputError, match="format None version None"):
        ids_in(tmp_path / "other.h5", CAMS)


def test_an_image_that_is_not_in_the_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no image 'x/y' in this file"):
        list(read_cams(written(tmp_path / "m.h5", [cams("a")]), ["x/y"]))


@pytest.fixture
def shards(tmp_path):
    """Two shards, with the images b and x/y in the first and a in the second, and the file that links to them."""
    written(tmp_path / "train.0-of-2.h5", [cams("b"), cams("x/y", seed=1)])
    written(tmp_path / "train.1-of-2.h5", [cams("a", seed=2)])
    paths = [tmp_path / f"train.{shard}-of-2.h5" for shard in (0, 1)]
    link_shards(paths, tmp_path / "train.h5", CAMS)
    return paths


def test_linked_shards_open_as_one_file_wherever_their_folder_lies(tmp_path, shards):
    (tmp_path / "moved").mkdir()
    for path in (*shards, tmp_path / "train.h5"):
        path.rename(tmp_path / "moved" / path.name)
    path = tmp_path / "moved" / "train.h5"
    expected = [cams("b"), cams("x/y", seed=1), cams("a", seed=2)]
    for found, item in zip(read_cams(path), expected, strict=True):
        assert_same(found, item)
    assert ids_in(path, CAMS) == ["b", "x/y", "a"]
    assert attributes(path, CAMS) == attributes(tmp_path / "moved" / "train.0-of-2.h5", CAMS)
    with h5py.File(path) as file:  # as the README opens it
        np.testing.assert_array_equal(file["x%2Fy"]["maps"][:], expected[1].maps)


@pytest.mark.parametrize("fault", ["missing", "truncated"])
def test_a_missing_or_truncated_shard_is_an_error_and_never_zeros(tmp_path, shards, fault):
    if fault == "missing":
        shards[1].unlink()
    else:
        shards[1].write_bytes(shards[1].read_bytes()[:-100])
    with pytest.raises(
        InputError, match=r"train.1-of-2.h5: the shard with image 'a' cannot be read .* with the target cams"
    ):
        list(read_cams(tmp_path / "train.h5"))
    assert [found.id for found in read_cams(tmp_path / "train.h5", ["b"])] == ["b"]  # of the other shard
    with h5py.File(tmp_path / "train.h5") as file, pytest.raises(KeyError):
        file["a"]
    with pytest.raises(InputError, match=r"train.1-of-2.h5: (not a readable HDF5 file|there is no such file)"):
        link_shards(shards, tmp_path / "again.h5", CAMS)
    assert not (tmp_path / "again.h5").exists()


def test_shards_of_another_kind_or_with_an_image_twice_are_not_linked(tmp_path, shards):
    with pytest.raises(InputError, match="expected mdc-scores version"):
        link_shards(shards, tmp_path / "again.h5", SCORES)
    written(shards[1], [cams("a"), cams("b")])
    with pytest.raises(InputError, match="train.1-of-2.h5: image 'b' is in an earlier shard too"):
        link_shards(shards, tmp_path / "again.h5", CAMS)


def content(path) -> list:
    return [attributes(path, CAMS), *map(vars, read_cams(path))]


def test_every_damaged_byte_is_noticed_or_changes_nothing(tmp_path):
    path = written(tmp_path / "m.h5", [cams("a"), cams("none", tagged=())])
    whole, expected = path.read_bytes(), repr(content(path))
    refused = 0
    for at in range(0, len(whole), 11):  # all of them are refused or right, which takes longer
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            assert repr(content(path)) == expected
        except InputError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > len(whole) / 22


def of_version_1(path):
    """Write maps as another method's author would: with plain h5py, in the least that the module describes."""
    item = cams("a")
    with h5py.File(path, "w") as file:
        file.attrs.update(
            {"format": "mdc-cams", "version": 1, "stride": 8, "classes": HEAD["classes"], "dilations": [1, 3]}
        )
        group = file.create_group("a")
        group.attrs.update({"id": "a", "height": 17, "width": 20})
        for part in ("maps", "class_ids", "logits"):
            group[part] = getattr(item, part)
    return path


def test_version_1_is_read_as_well(tmp_path):
    path = of_version_1(tmp_path / "own.h5")
    (found,) = read_cams(path)
    assert_same(found, cams("a"))
    assert attributes(path, CAMS)["offset"] == 0  # which these files do not say


def replaced(name, **content):
    def change(file):
        del file["a"][name]
        file["a"].create_dataset(name, **content)

    return change


def linked(link):
    def change(file):
        del file["a"]
        file["a"] = link

    return change


def valued(name, value):
    def change(file):
        file["a"][name][...] = value

    return change


def described(where, name, value):
    return lambda file: file[where].attrs.__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (replaced("logits", shape=(2, 3), dtype="f4"), "logits was never written"),
        (
            replaced("maps", shape=(2, 2, 10**6, 10**6), dtype="f2", chunks=(1, 1, 64, 64)),
            "expected 2 x any x 3 x 4 numbers",
        ),
        (replaced("maps", data=np.zeros((2, 2, 4, 3), "f2")), "expected 2 x any x 3 x 4 numbers"),
        (replaced("maps", data=np.zeros((2, 3, 3, 4), "f2")), "maps are of 3 classes, class_ids of 2"),
        (replaced("logits", data=np.zeros((2, 3), "c8")), "logits is complex64"),
        (
            replaced("logits", shape=(2, 3), dtype="f4", external=[("/etc/passwd", 0, 24)]),
            "logits lies in another file",
        ),
        (valued("maps", np.nan), "maps has values that are not finite"),
        (valued("class_ids", [3, 1]), r"class_ids are \[3, 1\], they must be some of 1 to 3 in rising order"),
        (linked(h5py.SoftLink("/")), "a is missing or a link"),
        (linked(h5py.ExternalLink("../other.h5", "a")), "a is missing or a link"),
        (linked(np.zeros(3)), "a is not a group"),
        (described("a", "id", "b"), "its id is 'b'"),
        (described("a", "height", 0), "its height and width are 0 and 20"),
        (described("/", "stride", 0), "attribute stride is 0, it must be a whole number of pixels"),
        (described("/", "offset", 8), "attribute offset is 8, it must be between 0 and the stride"),
        (described("/", "dilations", "1"), "attribute dilations is .1., it must be"),
        (lambda file: file.attrs.pop("classes"), "attribute classes is None"),
        (lambda file: file["a"].pop("maps"), "image 'a' is damaged"),
    ],
)
def test_files_that_hdf5_reads_and_that_hold_something_else_are_refused(tmp_path, change, sentence):
    path = of_version_1(tmp_path / "own.h5")
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(InputError, match=rf"own\.h5: .*{sentence}.*replace a file of your own"):
        list(read_cams(path))


def test_an_array_without_checksum_in_a_file_that_has_them_is_refused(tmp_path):
    path = written(tmp_path / "m.h5", [cams("a")])
    with h5py.File(path, "r+") as file:
        replaced("logits", data=np.zeros((2, 3), "f4"))(file)
    with pytest.raises(InputError, match="logits has no checksum"):
        list(read_cams(path))
