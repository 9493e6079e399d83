"""The cams stage: what is stored is what the network says, for each photo of a shard; or another method's maps."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from mdc.cams.dump import dump_cams, maps_of
from mdc.cams.external import link_cams
from mdc.cams.files import LAYOUT, Cams, cams_info, create_cams, read_cams
from mdc.data.manifest import read_manifest
from mdc.networks.checkpoints import save_network
from mdc.networks.grid import Grid
from mdc.networks.weight_files import weights_hash
from mdc.runtime.errors import InputError
from mdc.storage import hdf5
from tests.unit.networks.slim_networks import slim_classifier

CLASSES = ["a", "b", "c"]


@pytest.fixture
def split(write_split, noise):
    """Return the manifest of three photos of odd sizes: two tags, no tag, one tag."""
    return write_split(
        "train",
        {
            "x/1": (noise(0, 41, 50), "a;c", None),
            "none": (noise(1, 17, 9), "", None),
            "tiny": (noise(2, 1, 30), "b", None),
        },
    )


@pytest.fixture
def classifier(tmp_path):
    """Return a random classifier and the file of its weights."""
    description = slim_classifier(classes=CLASSES)
    torch.manual_seed(0)
    model = description.build()
    save_network(tmp_path / "classifier.pt", model, description, settings={})
    return model.eval(), tmp_path / "classifier.pt"


PAPER = {"scales": [1], "flip": False}


def dumped(split, weights, path, *, shard=0, shards=1, settings=PAPER) -> list[Cams]:
    places = {"split_csv": split, "weights_pt": weights, "cams_h5": path, "shard": shard, "shards": shards}
    dump_cams(**places, settings=settings, device="cpu", threads=1)
    return list(read_cams(path))


def linked(external, split, path, **changes) -> list[Cams]:
    arguments = {"classes": CLASSES, "dilations": [1, 3], "shard": 0, "shards": 1}
    link_cams(external_h5=external, split_csv=split, cams_h5=path, **arguments | changes)
    return list(read_cams(path))


def test_maps_of_the_tagged_classes_are_the_networks(tmp_path, split, classifier, noise):
    model, weights = classifier
    first, none, tiny = dumped(split, weights, tmp_path / "m.h5")
    assert [found.id for found in (first, none, tiny)] == ["x/1", "none", "tiny"]
    image = torch.from_numpy(noise(0, 41, 50)).permute(2, 0, 1)[None]
    with torch.no_grad():
        maps, logits = model.maps_and_logits(model.encoder.prepare(image))
    assert (first.height, first.width, first.class_ids.tolist()) == (41, 50, [1, 3])
    np.testing.assert_allclose(first.maps, maps[0][:, [0, 2]].numpy(), rtol=1e-3, atol=1e-6)  # half precision
    np.testing.assert_allclose(first.logits, logits[0].numpy(), rtol=1e-6)
    assert none.maps.shape == (2, 0, 3, 2) and none.class_ids.tolist() == []
    assert tiny.maps.shape == (2, 1, 1, 5) and tiny.class_ids.tolist() == [2]
    found = cams_info(tmp_path / "m.h5")
    assert (found.grid, found.classes, found.dilations, found.blocks) == (Grid(8), CLASSES, [1, 3], ["d1", "d3"])
    assert found.weights_hash == weights_hash(model.state_dict())
    told = hdf5.attributes(tmp_path / "m.h5", LAYOUT)["config"]
    assert '"block_width": 8' in told and '"cams": {"flip": false, "scales": [1]}' in told


def test_a_photo_that_was_replaced_stops_the_run(tmp_path, split, classifier):
    image = Path(read_manifest(split)["image"][0])
    Image.open(image).transpose(Image.Transpose.ROTATE_180).save(image)
    with pytest.raises(InputError, match=f"{image}: the photo or its mask has changed since the data stage"):
        dumped(split, classifier[1], tmp_path / "m.h5")


def test_shards_together_are_the_whole(tmp_path, split, classifier):
    _, weights = classifier
    whole = dumped(split, weights, tmp_path / "m.h5")
    parts = [dumped(split, weights, tmp_path / f"{shard}.h5", shard=shard, shards=5) for shard in range(5)]
    joined = sum(parts, [])
    assert [found.id for found in joined] == [found.id for found in whole]
    for found, expected in zip(joined, whole, strict=True):
        np.testing.assert_array_equal(found.maps, expected.maps)


class Brightness(torch.nn.Module):
    """Stands in for a classifier of one block and one class: its map is the photo at the grid's pixels, less 100."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.encoder, self.grid = self, grid

    def prepare(self, photos):
        height, width = photos.shape[-2:]
        sides = self.grid.padded_side(width) - width, self.grid.padded_side(height) - height
        return torch.nn.functional.pad(photos.float(), (0, sides[0], 0, sides[1]))

    def maps_and_logits(self, photos):
        start, step = int(self.grid.offset), self.grid.stride
        maps = photos[:, None, :1, start::step, start::step] - 100
        return maps, maps.mean((3, 4))


def maps_seen(values: list[float], grid: Grid, **settings) -> list[float]:
    """Return the map of a photo of one row."""
    photo = torch.tensor(values).expand(3, 1, -1)
    return maps_of(Brightness(grid), photo, **PAPER | settings)[0][0, 0, 0].tolist()


ROW = [50.0, 110.0, 140.0, 120.0, 160.0]


@pytest.mark.parametrize(
    ("grid", "settings", "expected"),
    [
        (Grid(1), {}, [-50, 10, 40, 20, 60]),  # raw
        (Grid(1), {"flip": True}, [0, 10, 40, 20, 60]),  # mirrored back
        (Grid(2), {}, [-50, 40, 60]),
        (Grid(2), {"flip": True}, [0, 40, 60]),  # of 5 pixels, mirrored features sit on the same ones
        # seen as 50 65, 95 117.5, 132.5 135, 125 130, 150 160: two to a pixel, cut at 100 before they are averaged
        (Grid(1), {"scales": [2]}, [0, 8.75, 33.75, 27.5, 55]),
    ],
)
def test_views_are_averaged_without_negative_values_where_their_features_sit(grid, settings, expected):
    assert maps_seen(ROW, grid, **settings) == pytest.approx(expected, abs=1e-4)


def test_mirrored_features_between_those_of_the_photo_are_interpolated():
    # 4 pixels, features on 0 and 2 and, padded, 4; mirrored on 3 and 1 (and -1, padded)
    found = maps_seen([120.0, 140.0, 160.0, 180.0], Grid(2), flip=True)
    seen, mirrored = [20, 60, 0], [(40 + 0) / 2, (80 + 40) / 2, 80]  # padding is 0 - 100, cut
    assert found == pytest.approx([(a + b) / 2 for a, b in zip(seen, mirrored, strict=True)], abs=1e-4)


def test_scales_are_averaged_and_logits_are_the_mean(tmp_path, split, classifier):
    views = [{"scales": [1], "flip": True}, {"scales": [0.5], "flip": True}]
    single = [dumped(split, classifier[1], tmp_path / f"{n}.h5", settings=view) for n, view in enumerate(views)]
    both = dumped(split, classifier[1], tmp_path / "m.h5", settings={"scales": [1, 0.5], "flip": True})
    for one, half, found in zip(*single, both, strict=True):
        np.testing.assert_allclose(found.maps, (one.maps + half.maps) / 2, rtol=2e-3, atol=1e-4)  # half precision
        np.testing.assert_allclose(found.logits, (one.logits + half.logits) / 2, rtol=1e-5)
    assert '"cams": {"flip": true, "scales": [1, 0.5]}' in hdf5.attributes(tmp_path / "m.h5", LAYOUT)["config"]


def test_another_methods_maps_are_taken_over(tmp_path, split, classifier):
    whole = dumped(split, classifier[1], tmp_path / "external.h5")
    found = linked(tmp_path / "external.h5", split, tmp_path / "m.h5", shard=0, shards=2)
    assert [cams.id for cams in found] == ["x/1", "none"]  # rows 0 and 1 of 3, cut at 1.5, rounded to even
    np.testing.assert_array_equal(found[0].maps, whole[0].maps)
    assert cams_info(tmp_path / "m.h5") == cams_info(tmp_path / "external.h5")


def test_maps_below_the_range_of_float16_come_back(tmp_path, split, classifier):
    dumped(split, classifier[1], tmp_path / "external.h5")
    info = cams_info(tmp_path / "external.h5")
    theirs = read_cams(tmp_path / "external.h5")
    given = [replace(cams, maps=np.full(cams.maps.shape, 3e-9, np.float32)) for cams in theirs]
    given[0].maps[:, :1] = 0.5
    with create_cams(tmp_path / "small.h5", info, config={}) as writer:
        for cams in given:
            writer.add(cams.item())
    for cams, found in zip(given, linked(tmp_path / "small.h5", split, tmp_path / "linked.h5"), strict=True):
        np.testing.assert_allclose(found.maps, cams.maps, rtol=2**-11)


def test_another_methods_maps_that_do_not_fit_are_refused(tmp_path, split, classifier, write_split, noise):
    external = tmp_path / "external.h5"
    dumped(split, classifier[1], external)
    with pytest.raises(InputError, match=r"attribute dilations is \[1, 3\], the config says \[1, 6\]"):
        linked(external, split, tmp_path / "m.h5", dilations=[1, 6])
    with pytest.raises(InputError, match=r"attribute classes is \['a', 'b', 'c'\], the config says \['a', 'b'\]"):
        linked(external, split, tmp_path / "m.h5", classes=["a", "b"])
    other_tags = write_split("tags", {"x/1": (noise(0, 41, 50), "a", None)})
    with pytest.raises(InputError, match=r"image x/1 has maps of the classes \[1, 3\], its tags are \[1\]"):
        linked(external, other_tags, tmp_path / "m.h5")
    other_size = write_split("size", {"x/1": (noise(0, 50, 41), "a;c", None)})
    with pytest.raises(InputError, match=r"a photo of 50 x 41 pixels: make maps of .*/x/1\.png, which has 41 x 50$"):
        linked(external, other_size, tmp_path / "m.h5")
    own = {"x/1": np.zeros((41, 50), np.uint8)}
    reduced = write_split("reduced", {"x/1": (noise(0, 20, 24), "a;c", None)}, own_truths=own)
    said = (
        r"maps of a photo of 50 x 41 pixels: make maps of .*, which has 24 x 20, or set data\.max_side_px to 50 or more"
    )
    with pytest.raises(InputError, match=said):
        linked(external, reduced, tmp_path / "m.h5")
    more = write_split("more", {"y": (noise(0, 9, 9), "a", None)})
    with pytest.raises(InputError, match="no image 'y' in this file"):
        linked(external, more, tmp_path / "m.h5")
    with h5py.File(external, "r+") as file:
        del file.attrs["classes"]
    with pytest.raises(InputError, match="attribute classes is None"):
        linked(external, split, tmp_path / "m.h5")
    assert not (tmp_path / "m.h5").exists()
