"""The predictions stage: what is stored is what the network says, and the masks are its best class."""

import numpy as np
import pytest
import torch

from mdc.data.mask_files import read_mask
from mdc.data.mask_sizes import enlarged
from mdc.networks.checkpoints import save_network
from mdc.networks.grid import Grid
from mdc.networks.weight_files import weights_hash
from mdc.predictions.files import LAYOUT, read_scores, scores_grid
from mdc.predictions.inference import predict_scores
from mdc.storage import hdf5
from mdc.storage.image_tables import read_table
from tests.unit.networks.slim_networks import slim_segmenter

PHOTOS = {"x/1": (41, 50), "none": (17, 9), "tiny": (1, 30)}
CLASSES = ["a", "b", "c"]


@pytest.fixture
def predict(tmp_path, write_split, noise):
    """Return a function that writes the scores and masks of three photos of odd sizes, given the weights."""
    split = write_split("val", {id: (noise(i, *size), "a", None) for i, (id, size) in enumerate(PHOTOS.items())})

    def predict(weights, split=split):
        predict_scores(
            split_csv=split,
            weights_pt=weights,
            scores_h5=tmp_path / "s.h5",
            masks_csv=tmp_path / "masks.csv",
            folder=tmp_path / "masks",
            shard=0,
            shards=1,
            device="cpu",
            threads=1,
        )

    return predict


@pytest.fixture
def segmenter(tmp_path):
    """Return a random segmenter, in evaluation mode, and the file of its weights."""
    description = slim_segmenter(classes=CLASSES)
    torch.manual_seed(1)
    model = description.build()
    model.score.weight.data.mul_(100)
    save_network(tmp_path / "segmenter.pt", model, description, settings={})
    return model.eval(), tmp_path / "segmenter.pt"


def test_predictions_are_the_best_class_of_the_stored_scores(predict, segmenter, tmp_path, noise):
    model, weights = segmenter
    predict(weights)
    found = list(read_scores(tmp_path / "s.h5"))
    image = torch.from_numpy(noise(0, 41, 50)).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = model(model.encoder.prepare(image))[0]
    np.testing.assert_allclose(found[0].scores, expected.numpy(), rtol=1e-3, atol=1e-3)
    told = hdf5.attributes(tmp_path / "s.h5", LAYOUT)
    assert told["classes"] == ["background", *CLASSES] and told["weights_hash"] == weights_hash(model.state_dict())
    assert scores_grid(tmp_path / "s.h5") == Grid(8)
    table = read_table([tmp_path / "masks.csv"])
    assert list(table) == list(PHOTOS)
    labels = set()
    for scores in found:
        mask = read_mask(table[scores.id])
        image_size = Grid(8).upsample(scores.scores, height=scores.height, width=scores.width)
        np.testing.assert_array_equal(mask, image_size.argmax(0))
        labels |= set(mask.ravel().tolist())
    assert len(labels) > 1


def test_predictions_have_the_photos_own_size(predict, segmenter, tmp_path, write_split, noise):
    own = np.zeros((61, 100), np.uint8)
    predict(segmenter[1], write_split("reduced", {"a": (noise(0, 41, 67), "a", None)}, own_truths={"a": own}))
    (scores,) = read_scores(tmp_path / "s.h5")
    mask = Grid(8).upsample(scores.scores, height=41, width=67).argmax(0).astype(np.uint8)
    found = read_mask(read_table([tmp_path / "masks.csv"])["a"])
    np.testing.assert_array_equal(found, enlarged(mask, height=61, width=100))
