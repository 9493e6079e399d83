"""One full-size step of both paper networks on a GPU; skipped without one."""

import time

import pytest
import torch

from mdc.config import parameters
from mdc.config.config import Config
from mdc.config.encoders import Stage
from mdc.segmenter.losses import semi_loss
from tests.unit.networks.slim_networks import DESCRIPTIONS

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")]
BATCH, CROP, CLASSES, STEPS = 30, 321, 20, 5


def papers_network(stage: Stage) -> torch.nn.Module:
    """Return a network of the default configuration, which is the paper's, for VOC's classes."""
    names = [f"class{number}" for number in range(CLASSES)]
    return DESCRIPTIONS[stage](classes=names, **parameters.network_keys(Config(), stage, "mdc")).build()


def step(network: torch.nn.Module, loss_of) -> tuple[float, float, float]:
    """Return loss, images per second and GiB of the last of some training steps in bf16."""
    network.cuda().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)
    images = torch.randint(0, 256, (BATCH, 3, CROP, CROP), dtype=torch.uint8, device="cuda")
    for _ in range(STEPS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            loss = loss_of(network(network.encoder.standardise(images)))
        loss.backward()
        optimizer.step()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    return loss.item(), BATCH / seconds, torch.cuda.max_memory_allocated() / 2**30


def test_a_batch_of_the_papers_classifier_is_finite():
    network = papers_network("classifier")
    tags = (torch.rand(BATCH, 1, CLASSES, device="cuda") < 0.1).float()

    def loss_of(logits: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, tags.expand_as(logits))

    loss, rate, memory = step(network, loss_of)
    print(f"classifier: loss {loss:.4f}, {rate:.0f} images/s, {memory:.1f} GiB")
    assert torch.isfinite(torch.tensor(loss))


def test_a_batch_of_the_papers_segmenter_is_finite():
    network = papers_network("segmenter")
    masks = torch.randint(0, CLASSES + 1, (BATCH, 41, 41), device="cuda")
    tags = torch.ones(BATCH, CLASSES, device="cuda")
    padding = torch.zeros(BATCH, 41, 41, dtype=torch.bool, device="cuda")
    strong = torch.zeros(BATCH, dtype=torch.bool, device="cuda")
    loss, rate, memory = step(network, lambda scores: semi_loss(scores.float(), masks, tags, padding, strong))
    print(f"segmenter: loss {loss:.4f}, {rate:.0f} images/s, {memory:.1f} GiB")
    assert torch.isfinite(torch.tensor(loss))
