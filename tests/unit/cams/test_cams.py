"""The cams and the predictions stages: what is stored is what the network says, for each photo of a shard."""

import h5py
import numpy as np
import pytest
import torch

from mdc.cams.dump import dump_cams
from mdc.cams.external import link_cams
from mdc.data.mask_files import read_mask
from mdc.networks.checkpoints import load_state, save_weights, weights_hash
from mdc.networks.grid import upsample
from mdc.networks.largefov import build_segmenter
from mdc.networks.multi_dilation import build_classifier
from mdc.predictions.predict import predict_scores
from mdc.runtime.errors import InputError
from mdc.storage.hdf5 import CAMS, SCORES, attributes, read_cams, read_scores
from mdc.storage.image_tables import read_table
from mdc.training.datasets import padded_to_grid

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
def classifier(tmp_path, slim_backbone):
    """Return a random classifier, the file of its weights and the config's arguments."""
    network = {"backbone": slim_backbone, "conv5_dilation": 1, "block_width": 8, "head": "per_block"}
    torch.manual_seed(0)
    model = build_classifier(dilations=[1, 3], classes=3, **network)
    save_weights(tmp_path / "classifier.pt", model, settings={})
    return model.eval(), tmp_path / "classifier.pt", network


@pytest.fixture
def predicted(tmp_path, split, slim_backbone):
    """Return a function that writes the scores and masks of a random segmenter, and returns it."""
    network = {"backbone": slim_backbone, "fc_width": 8, "fc6_dilation": 2, "dropout": 0.5}
    torch.manual_seed(1)
    model = build_segmenter(classes=3, **network)
    model.score.weight.data.mul_(100)
    save_weights(tmp_path / "segmenter.pt", model, settings={})

    def predict():
        predict_scores(
            split_csv=split,
            weights_pt=tmp_path / "segmenter.pt",
            scores_h5=tmp_path / "s.h5",
            masks_csv=tmp_path / "masks.csv",
            folder=tmp_path / "masks",
            classes=CLASSES,
            network=network,
            shard=0,
            shards=1,
            device="cpu",
            threads=1,
        )
        return model

    return predict


def dumped(split, classifier, path, *, shard=0, shards=1, **changes):
    _, weights, network = classifier
    arguments = {"classes": CLASSES, "dilations": [1, 3], "network": network, "device": "cpu", "threads": 1}
    dump_cams(split_csv=split, weights_pt=weights, cams_h5=path, shard=shard, shards=shards, **arguments | changes)
    return list(read_cams(path))


def linked(own, split, path, **changes):
    arguments = {"classes": CLASSES, "dilations": [1, 3], "shard": 0, "shards": 1}
    link_cams(own_h5=own, split_csv=split, cams_h5=path, **arguments | changes)
    return list(read_cams(path))


def test_maps_of_the_tagged_classes_are_the_networks(tmp_path, split, classifier, noise):
    first, none, tiny = dumped(split, classifier, tmp_path / "m.h5")
    assert [found.id for found in (first, none, tiny)] == ["x/1", "none", "tiny"]
    model, weights, _ = classifier
    image = torch.from_numpy(noise(0, 41, 50)).permute(2, 0, 1)[None]
    with torch.no_grad():
        maps, logits = model.maps_and_logits(padded_to_grid(model.standardise(image), 8))
    assert (first.height, first.width, first.class_ids.tolist()) == (41, 50, [1, 3])
    np.testing.assert_allclose(first.maps, maps[0][:, [0, 2]].numpy(), rtol=1e-3, atol=1e-6)  # half precision
    np.testing.assert_allclose(first.logits, logits[0].numpy(), rtol=1e-6)
    assert none.maps.shape == (2, 0, 3, 2) and none.class_ids.tolist() == []
    assert tiny.maps.shape == (2, 1, 1, 5) and tiny.class_ids.tolist() == [2]
    found = attributes(tmp_path / "m.h5", kind=CAMS)
    assert (found["stride"], found["classes"], found["dilations"]) == (8, CLASSES, [1, 3])
    assert found["weights_hash"] == weights_hash(load_state(weights))


def test_shards_together_are_the_whole(tmp_path, split, classifier):
    whole = dumped(split, classifier, tmp_path / "m.h5")
    parts = [dumped(split, classifier, tmp_path / f"{shard}.h5", shard=shard, shards=5) for shard in range(5)]
    joined = sum(parts, [])
    assert [found.id for found in joined] == [found.id for found in whole]
    for found, expected in zip(joined, whole, strict=True):
        np.testing.assert_array_equal(found.maps, expected.maps)


def test_weights_of_another_network_are_refused(tmp_path, split, classifier):
    with pytest.raises(InputError, match=r"missing blocks\.2\.0\.bias; .*missing heads\.2"):
        dumped(split, classifier, tmp_path / "m.h5", dilations=[1, 3, 6])
    assert not (tmp_path / "m.h5").exists()


def test_another_methods_maps_are_taken_over(tmp_path, split, classifier):
    whole = dumped(split, classifier, tmp_path / "own.h5")
    found = linked(tmp_path / "own.h5", split, tmp_path / "m.h5", shard=0, shards=2)
    assert [cams.id for cams in found] == ["x/1", "none"]  # rows 0 and 1 of 3, cut at 1.5, rounded to even
    np.testing.assert_array_equal(found[0].maps, whole[0].maps)


def test_another_methods_maps_that_do_not_fit_are_refused(tmp_path, split, classifier, write_split, noise):
    own = tmp_path / "own.h5"
    dumped(split, classifier, own)
    with pytest.raises(InputError, match=r"attribute dilations is \[1, 3\], the config says \[1, 6\]"):
        linked(own, split, tmp_path / "m.h5", dilations=[1, 6])
    with pytest.raises(InputError, match=r"attribute classes is \['a', 'b', 'c'\], the config says \['a', 'b'\]"):
        linked(own, split, tmp_path / "m.h5", classes=["a", "b"])
    other_tags = write_split("tags", {"x/1": (noise(0, 41, 50), "a", None)})
    with pytest.raises(InputError, match=r"image x/1 has maps of the classes \[1, 3\] .* are \[1\], 41 x 50"):
        linked(own, other_tags, tmp_path / "m.h5")
    other_size = write_split("size", {"x/1": (noise(0, 50, 41), "a;c", None)})
    with pytest.raises(InputError, match="for a photo of 41 x 50; .* 50 x 41"):
        linked(own, other_size, tmp_path / "m.h5")
    more = write_split("more", {"y": (noise(0, 9, 9), "a", None)})
    with pytest.raises(InputError, match="no image 'y' in this file"):
        linked(own, more, tmp_path / "m.h5")
    with h5py.File(own, "r+") as file:
        del file.attrs["classes"]
    with pytest.raises(InputError, match="attribute classes is None"):
        linked(own, split, tmp_path / "m.h5")
    assert not (tmp_path / "m.h5").exists()


def test_a_file_from_which_hdf5_would_never_come_back_is_refused(tmp_path, split):
    own = tmp_path / "own.h5"
    with h5py.File(own, "w") as file:
        file.attrs.update({"format": "mdc-cams", "version": 1})  # a text, in a heap
    data = bytearray(own.read_bytes())
    heap = data.index(b"GCOL")
    assert data[heap + 16 + 16 : heap + 16 + 16 + 8] == b"mdc-cams"
    rest = heap + 16 + 16 + 8  # object of index 0: what is free; after the header, and the text and its header
    assert data[rest : rest + 2] == b"\0\0" and data[rest + 8 : rest + 10] != b"\0\0"
    data[rest + 8 : rest + 16] = bytes(8)
    own.write_bytes(data)
    with pytest.raises(InputError, match=r"own\.h5: is a damaged HDF5 file, a heap of its texts has no end: write it"):
        linked(own, split, tmp_path / "m.h5")


def too_much(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


TOO_MUCH = r"^memory ran out \(CUDA out of memory\. .*\): lower data\.max_side_px, or set device: cpu on a GPU, or give"


def test_too_little_memory_for_maps_names_what_to_lower_and_leaves_no_file(tmp_path, split, classifier, monkeypatch):
    monkeypatch.setattr("mdc.networks.multi_dilation.MultiDilationClassifier.maps_and_logits", too_much)
    with pytest.raises(InputError, match=TOO_MUCH):
        dumped(split, classifier, tmp_path / "m.h5")
    assert not list(tmp_path.rglob("*.h5*"))


def test_too_little_memory_for_scores_names_what_to_lower_and_leaves_no_file(predicted, tmp_path, monkeypatch):
    monkeypatch.setattr("mdc.networks.largefov.LargeFov.forward", too_much)
    with pytest.raises(InputError, match=TOO_MUCH):
        predicted()
    assert not list(tmp_path.rglob("*.h5*")) and not (tmp_path / "masks.csv").exists()


def test_predictions_are_the_best_class_of_the_stored_scores(predicted, tmp_path, noise):
    model = predicted()
    found = list(read_scores(tmp_path / "s.h5"))
    image = torch.from_numpy(noise(0, 41, 50)).permute(2, 0, 1)[None]
    with torch.no_grad():  # without dropout
        expected = model.eval()(padded_to_grid(model.standardise(image), 8))[0]
    np.testing.assert_allclose(found[0].scores, expected.numpy(), rtol=1e-3, atol=1e-3)
    assert attributes(tmp_path / "s.h5", kind=SCORES)["classes"] == ["background", *CLASSES]
    table = read_table([tmp_path / "masks.csv"])
    assert list(table) == ["x/1", "none", "tiny"]
    labels = set()
    for scores in found:
        mask = read_mask(table[scores.id])
        image_size = upsample(scores.scores, stride=8, height=scores.height, width=scores.width)
        np.testing.assert_array_equal(mask, image_size.argmax(0))
        labels |= set(mask.ravel().tolist())
    assert len(labels) > 1
