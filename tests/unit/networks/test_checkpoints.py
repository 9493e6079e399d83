"""Checkpoints: a network comes back from its file alone, and what is no checkpoint of it is refused."""

import json
from pathlib import Path

import pytest
import torch

from mdc.networks.checkpoints import load_network, read_checkpoint, save_network
from mdc.networks.descriptions import Description
from mdc.networks.largefov import SegmenterDescription
from mdc.networks.weight_files import read_torch
from mdc.runtime.errors import InputError
from tests.unit.networks.slim_networks import DESCRIPTIONS, slim_classifier, slim_encoder, slim_segmenter

SLIM = {"classifier": slim_classifier, "segmenter": slim_segmenter}


def saved(path: Path, description: Description) -> torch.nn.Module:
    """Write a network with random weights and return it."""
    torch.manual_seed(0)
    network = description.build().eval()
    save_network(path, network, description, settings={"seed": 1})
    return network


@pytest.mark.parametrize(
    "description",
    [
        slim_classifier(classes=["cat", "dog", "é"], dilations=[2, 5, 7], block_width=16, block_norm="group"),
        slim_classifier(head="shared", encoder=slim_encoder(output_stride=16, conv5_dilation=3, norm="batch")),
        slim_segmenter(fc_width=16, fc6_dilation=3, fc_norm="batch", dropout=0.25, max_side_px=99),
        slim_segmenter(head="plain"),
        slim_segmenter(classes=["cat"], encoder=slim_encoder(output_stride=4, keep_stride1_pools=True, norm="group")),
    ],
)
def test_a_network_comes_back_from_its_file_alone_and_computes_the_same(tmp_path, description):
    network = saved(tmp_path / "w.pt", description)
    found, told = load_network(tmp_path / "w.pt", DESCRIPTIONS[description.stage])
    photo = torch.randint(0, 256, (1, 3, 50, 41), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs = [part.eval()(part.encoder.prepare(photo)) for part in (network, found)]
    assert torch.equal(*outputs) and outputs[0].std() > 0
    assert told == description and str(found) == str(network)
    assert read_torch(tmp_path / "w.pt")["settings"] == '{"seed": 1}'
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt"]


def test_a_segmenter_of_before_there_were_two_heads_has_largefovs(tmp_path):
    saved(tmp_path / "w.pt", slim_segmenter())
    content = read_torch(tmp_path / "w.pt")
    described = json.loads(content["description"])
    del described["head"]
    torch.save(content | {"description": json.dumps(described)}, tmp_path / "w.pt")
    assert load_network(tmp_path / "w.pt", SegmenterDescription)[1] == slim_segmenter(head="largefov")


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "w.pt"
    for content, lacking in (
        ({"state": {}, "settings": "{}"}, "description"),
        ({"state": {}}, "description, settings"),
        ([1], "state, description, settings"),
    ):
        torch.save(content, path)
        with pytest.raises(InputError, match=rf"w\.pt: is not a checkpoint of this workflow: it lacks {lacking}: name"):
            read_checkpoint(path, SegmenterDescription)
    with pytest.raises(InputError, match="no such weights file"):
        load_network(tmp_path / "nowhere.pt", SegmenterDescription)


@pytest.mark.parametrize(("stage", "other"), [("classifier", "segmenter"), ("segmenter", "classifier")])
def test_a_checkpoint_of_the_other_network_is_refused(tmp_path, stage, other):
    saved(tmp_path / "w.pt", SLIM[stage]())
    with pytest.raises(
        InputError, match=rf"w\.pt: is a {stage}, not a {other}: name the weights.pt of a {other} that this workflow"
    ):
        load_network(tmp_path / "w.pt", DESCRIPTIONS[other])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"max_side_px": -1}, "is damaged, its description has max_side_px: Input should be greater than or equal"),
        ({"classes": ["a", "a"]}, "its description has classes: .*a is listed twice"),
        ({"classes": ["a;b", "c"]}, "'a;b' cannot be a class name"),
        ({"classes": ["a", "b", "c"]}, r"are of another network: .*score.bias is \(3,\), expected \(4,\)"),
        ({"encoder": {"name": "none"}}, r"needs an encoder that is not installed \(encoder.name: unknown encoder none"),
        ({"encoder": slim_encoder(widths=[8] * 4 + [16])}, "these weights are of another network: .*conv5_1"),
        ({"fc_width": 10**9}, "its description has fc_width: Input should be less than or equal to 16384"),
        ({"fc_width": 16384}, r"these weights are of another network: .*, expected \(16384,"),  # takes no memory
    ],
)
def test_descriptions_that_cannot_be_are_refused(tmp_path, changes, sentence):
    path = tmp_path / "w.pt"
    saved(path, slim_segmenter())
    content = read_torch(path)
    description = json.loads(content["description"]) | changes
    torch.save(content | {"description": json.dumps(description)}, path)
    with pytest.raises(InputError, match=rf"^{path}: .*{sentence}"):
        load_network(path, SegmenterDescription)


@pytest.mark.parametrize("description", [None, 5, "[1]", "{", "[" * 100_000, "{}"])
def test_a_description_that_is_none_is_refused(tmp_path, description):
    saved(tmp_path / "w.pt", slim_segmenter())
    torch.save(read_torch(tmp_path / "w.pt") | {"description": description}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"w\.pt: is a damaged file, not a segmenter"):
        load_network(tmp_path / "w.pt", SegmenterDescription)


@pytest.mark.parametrize("state", [None, [], torch.zeros(3)])
def test_a_state_that_is_no_table_is_refused(tmp_path, state):
    saved(tmp_path / "w.pt", slim_segmenter())
    torch.save(read_torch(tmp_path / "w.pt") | {"state": state}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"w\.pt: is damaged, its state is not a dictionary of tensors"):
        load_network(tmp_path / "w.pt", SegmenterDescription)
