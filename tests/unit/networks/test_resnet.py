"""The encoder ResNet: torchvision's weights and features."""

import pytest
import torch
from torchvision.models import ResNet50_Weights, ResNet101_Weights, resnet

from mdc.config.load import load_config
from mdc.networks.encoders.resnet import Keys
from mdc.networks.init_weights import initialise, start_network
from mdc.runtime.errors import InputError
from tests.unit.networks.slim_networks import slim_classifier


def test_the_published_weights_are_torchvisions():
    for depth, weights in ((50, ResNet50_Weights), (101, ResNet101_Weights)):
        for version in (1, 2):
            found, expected = Keys.published[f"RESNET{depth}_V{version}"], weights[f"IMAGENET1K_V{version}"]
            assert found.url == expected.url and found.hash.removeprefix("sha256:") in expected.url
            assert found.megabytes == pytest.approx(expected.meta["_file_size"] * 1.048576, abs=1)
    assert Keys(depth=101).published_name == "RESNET101_V2" and Keys(weights="w.pth").published_name == ""


def test_weights_of_the_other_depth_are_refused():
    keys = {"encoder": {"name": "resnet", "depth": 50, "weights": "RESNET101_V2"}, "data": {"source": "synthetic"}}
    with pytest.raises(InputError, match=r"encoder\.weights: RESNET101_V2 is not of depth 50: take RESNET50_V2, or"):
        load_config(keys | {"classifier": {"ablations": {}}})


def test_its_features_are_those_of_torchvisions_last_stage(tmp_path):
    torch.manual_seed(3)
    whole = resnet.resnet50().eval()
    torch.save(whole.state_dict(), tmp_path / "w.pth")
    image, features = torch.rand(1, 3, 65, 97), []
    whole.layer4.register_forward_hook(lambda module, inputs, output: features.append(output))
    with torch.no_grad():
        whole(image)
        for stride in (32, 8):
            description = slim_classifier(encoder={"name": "resnet", "output_stride": stride})
            network = start_network(description, seed=0, init="random", weights="").eval()
            uses = initialise(network, description, init="pretrained", weights=str(tmp_path / "w.pth"))
            features.append(network.encoder(image))
    assert {name for name, use in uses.items() if use == "unused"} == {"fc.weight", "fc.bias"}
    assert features[1].shape == (1, 2048, 3, 4) and features[2].shape == (1, 2048, 9, 13)
    torch.testing.assert_close(features[1], features[0])
    torch.testing.assert_close(features[2][..., ::4, ::4], features[0], atol=1e-4, rtol=1e-3)
