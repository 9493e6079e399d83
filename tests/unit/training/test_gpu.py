"""One full-size step of both paper networks on a GPU; skipped without one."""

import time

import pytest
import torch
import yaml

from mdc.config.load import SCHEMA
from mdc.networks.largefov import build_segmenter
from mdc.networks.multi_dilation import build_classifier
from mdc.segmenter.losses import weak_loss

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")]
BATCH, CROP, CLASSES, STEPS = 30, 321, 20, 5


def paper_config() -> dict:
    return yaml.safe_load((SCHEMA.parents[3] / "config" / "config.yaml").read_text())


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
            loss = loss_of(network(network.standardise(images)))
        loss.backward()
        optimizer.step()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    return loss.item(), BATCH / seconds, torch.cuda.max_memory_allocated() / 2**30


def test_a_batch_of_the_papers_classifier_is_finite():
    config = paper_config()
    section = config["classifier"]
    network = build_classifier(
        backbone=config["backbone"],
        conv5_dilation=section["conv5_dilation"],
        dilations=section["blocks"]["mdc"],
        classes=CLASSES,
        block_width=section["block_width"],
        head=section["head"],
    )
    tags = (torch.rand(BATCH, 1, CLASSES, device="cuda") < 0.1).float()

    def loss_of(logits: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, tags.expand_as(logits))

    loss, rate, memory = step(network, loss_of)
    print(f"classifier: loss {loss:.4f}, {rate:.0f} images/s, {memory:.1f} GiB")
    assert torch.isfinite(torch.tensor(loss))


def test_a_batch_of_the_papers_segmenter_is_finite():
    config = paper_config()
    section = config["segmenter"]
    network = build_segmenter(
        backbone=config["backbone"],
        classes=CLASSES,
        fc_width=section["fc_width"],
        fc6_dilation=section["fc6_dilation"],
        dropout=section["dropout"],
    )
    masks = torch.randint(0, CLASSES + 1, (BATCH, 41, 41), device="cuda")
    tags = torch.ones(BATCH, CLASSES, device="cuda")
    padding = torch.zeros(BATCH, 41, 41, dtype=torch.bool, device="cuda")
    loss, rate, memory = step(network, lambda scores: weak_loss(scores.float(), masks, tags, padding))
    print(f"segmenter: loss {loss:.4f}, {rate:.0f} images/s, {memory:.1f} GiB")
    assert torch.isfinite(torch.tensor(loss))
