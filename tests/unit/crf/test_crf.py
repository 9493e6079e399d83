"""The CRF on class scores: what it leaves out, and that it is pydensecrf with the configured numbers."""

import numpy as np
import pytest
from pydensecrf.densecrf import DenseCRF2D
from pydensecrf.utils import unary_from_softmax

from mdc.crf import Parameters, apply_crf, refine, softmax
from mdc.data.images import read_image
from mdc.data.manifest import read_manifest
from mdc.data.mask_files import read_mask
from mdc.networks.grid import Grid
from mdc.predictions.files import Scores, add_scores, create_scores
from mdc.runtime.hashes import file_digest
from mdc.storage.image_tables import read_table

PARAMETERS = {
    "iterations": 5,
    "gaussian_weight": 3,
    "gaussian_sxy": 2,
    "bilateral_weight": 4,
    "bilateral_sxy": 20,
    "bilateral_srgb": 5,
    "min_probability": 0,
}


def parameters(**changes) -> Parameters:
    return Parameters(**PARAMETERS | changes)


def example(seed=0, classes=4, height=20, width=30) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo of two halves with noise, and noisy probabilities."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 60, np.uint8)
    image[:, width // 2 :] = 190
    image += rng.integers(0, 10, image.shape, np.uint8)
    logits = rng.standard_normal((classes, height, width)).astype(np.float32)
    logits[1, :, width // 2 :] += 1.5
    return image, softmax(logits)


def direct(image, probabilities, chosen: Parameters) -> np.ndarray:
    classes, height, width = probabilities.shape
    field = DenseCRF2D(width, height, classes)
    field.setUnaryEnergy(unary_from_softmax(probabilities))
    field.addPairwiseGaussian(sxy=chosen.gaussian_sxy, compat=chosen.gaussian_weight)
    field.addPairwiseBilateral(
        sxy=chosen.bilateral_sxy, srgb=chosen.bilateral_srgb, rgbim=image, compat=chosen.bilateral_weight
    )
    return np.argmax(field.inference(chosen.iterations), axis=0).reshape(height, width)


def test_softmax_by_hand():
    logits = np.log(np.array([[[1.0, 2.0]], [[3.0, 2.0]]], np.float32))
    np.testing.assert_allclose(softmax(logits), [[[0.25, 0.5]], [[0.75, 0.5]]], rtol=1e-6)
    np.testing.assert_allclose(softmax(logits + 1000), softmax(logits), rtol=1e-3)  # no overflow


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iterations": 1},
        {"gaussian_weight": 20},
        {"gaussian_sxy": 9},
        {"bilateral_weight": 20},
        {"bilateral_sxy": 3},
        {"bilateral_srgb": 80},
    ],
)
def test_with_all_classes_it_is_pydensecrf_and_every_parameter_counts(changes):
    image, probabilities = example()
    found = refine(image, probabilities, parameters(**changes))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, direct(image, probabilities, parameters(**changes)))
    if changes:
        assert (found != refine(image, probabilities, parameters())).any()


def test_classes_below_the_least_probability_everywhere_are_left_out_and_indices_kept():
    image, some = example(classes=2)
    some[0, :, :15] = 0.9
    some[1, :, :15] = 0.1
    probabilities = np.zeros((5, 20, 30), np.float32)
    probabilities[1], probabilities[4] = 0.98 * some[0], 0.98 * some[1]
    probabilities[[0, 2]] = 0.01
    found = refine(image, probabilities, parameters(min_probability=0.02))
    two = refine(image, np.ascontiguousarray(probabilities[[1, 4]]), parameters())
    np.testing.assert_array_equal(found, np.array([1, 4])[two])
    assert set(np.unique(found)) == {1, 4}


def test_one_class_alone_is_the_answer_without_a_crf():
    image = np.zeros((2, 3, 3), np.uint8)
    probabilities = np.full((3, 2, 3), 0.01, np.float32)
    probabilities[2] = 0.98
    assert (refine(image, probabilities, parameters(min_probability=0.05)) == 2).all()


@pytest.mark.parametrize("processes", [1, 2])
def test_stage_upsamples_the_stored_scores_and_writes_a_table(tmp_path, write_split, processes):
    image, probabilities = example(height=17, width=25)
    csv = write_split("val", {"a/b": (image, "", None), "c": (image[::-1].copy(), "", None)})
    scores = np.log(probabilities[:, ::8, ::8]).astype(np.float16)
    with create_scores(
        tmp_path / "s.h5", grid=Grid(8), classes=["background", *"xyz"], weights_hash="", config={}
    ) as writer:
        for image_id in ("a/b", "c"):
            add_scores(writer, Scores(id=image_id, scores=scores, height=17, width=25))
    apply_crf(
        split_csv=csv,
        scores_h5=tmp_path / "s.h5",
        masks_csv=tmp_path / "masks.csv",
        folder=tmp_path / "masks",
        parameters=PARAMETERS,
        processes=processes,
    )
    table = read_table([tmp_path / "masks.csv"])
    assert table == {name: str(tmp_path / "masks" / f"{name}.png") for name in ("a/b", "c")}
    expected = softmax(Grid(8).upsample(scores, height=17, width=25))
    photo = read_image(read_manifest(csv)["image"][0])
    np.testing.assert_array_equal(read_mask(table["a/b"]), direct(photo, expected, parameters()))
    assert file_digest(tmp_path / "masks" / "c.png") in (tmp_path / "masks.csv").read_text()
