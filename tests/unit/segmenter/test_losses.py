"""Both terms of equation 1, worked out by hand on images of 2 x 2 features."""

import math

import pytest
import torch

from mdc.segmenter.losses import mean_over_labelled, online_mask, semi_loss, strong_loss

LOG2, LOG3 = math.log(2), math.log(3)
# One image, three classes (background, 1, 2). Probabilities of the four pixels:
PROBABILITIES = torch.tensor(
    [
        [1 / 2, 1 / 4, 1 / 4],  # top left
        [1 / 4, 1 / 2, 1 / 4],  # top right
        [1 / 8, 3 / 8, 1 / 2],  # bottom left
        [1 / 3, 1 / 3, 1 / 3],  # bottom right
    ]
)
SCORES = PROBABILITIES.log().T.reshape(1, 3, 2, 2)
MASK = torch.tensor([[[0, 0], [255, 255]]])
NO_PADDING = torch.zeros(1, 2, 2, dtype=torch.bool)


def weak_loss(scores, masks, tags, padding) -> torch.Tensor:
    """Return equation 1, which is equation 2 without images that have human masks."""
    return semi_loss(scores, masks, tags, padding, torch.zeros(len(scores), dtype=torch.bool))


def test_one_term_is_the_mean_over_labelled_pixels_of_each_image():
    masks = torch.tensor([[[0, 0], [255, 255]], [[255, 1], [2, 0]]])
    # image 1: (log 2 + log 4) / 2; image 2: (log 2 + log 2 + log 3) / 3
    found = mean_over_labelled(SCORES.repeat(2, 1, 1, 1), masks)
    assert found.tolist() == pytest.approx([1.5 * LOG2, (2 * LOG2 + LOG3) / 3])


def test_an_image_without_labelled_pixels_gives_0_and_no_gradient():
    scores = SCORES.clone().requires_grad_()
    loss = mean_over_labelled(scores.log_softmax(1), torch.full((1, 2, 2), 255))
    assert loss.tolist() == [0]
    loss.sum().backward()
    assert not scores.grad.any()


def test_strong_loss_averages_images_not_pixels():
    masks = torch.tensor([[[0, 0], [0, 0]], [[1, 255], [255, 255]]])
    # image 1: log of 1/2, 1/4, 1/8, 1/3; image 2: log 1/4 alone
    expected = ((1 + 2 + 3) * LOG2 + LOG3) / 4 / 2 + 2 * LOG2 / 2
    assert strong_loss(SCORES.repeat(2, 1, 1, 1), masks).item() == pytest.approx(expected)


def test_online_mask_holds_background_and_tagged_classes_only():
    scores = SCORES + torch.tensor([[0.0, 0.0], [0.0, 1.0]])  # the same for all classes: no influence
    assert online_mask(scores, torch.tensor([[1.0, 1.0]]), NO_PADDING)[0, :1].tolist() == [[0, 1]]
    assert online_mask(scores, torch.tensor([[1.0, 0.0]]), NO_PADDING)[0, 1, 0] == 1  # class 2 would be best
    assert online_mask(scores, torch.tensor([[0.0, 1.0]]), NO_PADDING)[0].tolist()[0] == [0, 0]  # 1/4 both: first
    assert not online_mask(scores, torch.tensor([[0.0, 0.0]]), NO_PADDING).any()


def test_online_mask_is_255_on_padding():
    padding = torch.tensor([[[False, True], [False, True]]])
    assert online_mask(SCORES, torch.tensor([[1.0, 1.0]]), padding)[0, :, 1].tolist() == [255, 255]


def test_weak_loss_is_the_sum_of_two_terms_with_their_own_normalisers():
    padding = torch.tensor([[[False, False], [False, True]]])
    # pseudo mask: 0, 0 of 2 pixels: (log 2 + log 4) / 2
    # online, class 1 tagged: 0, 1, 1 of 3 pixels: (log 2 + log 2 + log 8/3) / 3
    expected = 1.5 * LOG2 + (2 * LOG2 + math.log(8 / 3)) / 3
    assert weak_loss(SCORES, MASK, torch.tensor([[1.0, 0.0]]), padding).item() == pytest.approx(expected)


def test_weak_loss_averages_over_the_batch_and_a_term_without_pixels_is_0():
    nothing = torch.full((1, 2, 2), 255)
    tags = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    padding = torch.cat([~NO_PADDING, NO_PADDING])
    scores = SCORES.repeat(2, 1, 1, 1)
    # image 1: pseudo mask only, image 2: online only, 0, 1, 1 and one of two equals
    online = (2 * LOG2 + math.log(8 / 3) + LOG3) / 4
    found = weak_loss(scores, torch.cat([MASK, nothing]), tags, padding)
    assert found.item() == pytest.approx((1.5 * LOG2 + online) / 2)


def test_semi_loss_by_hand():
    masks = torch.cat([MASK, MASK])
    tags = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    found = semi_loss(SCORES.repeat(2, 1, 1, 1), masks, tags, NO_PADDING.repeat(2, 1, 1), torch.tensor([True, False]))
    # both: (log 2 + log 4) / 2; the weak one besides, online: 0, 1, 1 and one of two equals
    assert found.item() == pytest.approx(1.5 * LOG2 + (2 * LOG2 + math.log(8 / 3) + LOG3) / 4 / 2)


def test_no_gradient_flows_through_the_online_mask():
    torch.manual_seed(0)
    scores = torch.randn(2, 4, 3, 3, requires_grad=True)
    tags = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    masks = torch.randint(0, 4, (2, 3, 3))
    padding = torch.zeros(2, 3, 3, dtype=torch.bool)
    (found,) = torch.autograd.grad(weak_loss(scores, masks, tags, padding), scores)
    # d(mean of -log softmax)/d score = (softmax - one-hot) / pixels, for each of two fixed masks
    online = online_mask(scores.detach(), tags, padding)
    one_hot = [torch.nn.functional.one_hot(labels, 4).permute(0, 3, 1, 2) for labels in (masks, online)]
    expected = sum(scores.detach().softmax(1) - labels for labels in one_hot) / 9 / 2
    torch.testing.assert_close(found, expected)
