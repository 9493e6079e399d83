"""What the workflow relies on of an encoder, whatever its layers are: every known one is held to it.

A new encoder is found by itself. Give it small options in `OPTIONS` if those that it has by default take long, list it
in `SEVERAL` if its layers are not the same in both networks, and in `LARGE` if its features see hundreds of pixels.

Beside the library's encoders stands `encoders/tiny.py`, which has another stride, an offset, layers without pre-trained
weights and frozen ones.
"""

import numpy as np
import onnxruntime
import pytest
import torch

from mdc.config.encoders import EncoderKeys, keys_class, known_encoders
from mdc.export import to_onnx
from mdc.networks.encoder import Encoder
from mdc.networks.grid import Grid
from mdc.predict.segmenter import Segmenter
from mdc.training.several_gpus import SyncedBatchNorm
from tests.unit.networks.slim_networks import slim_encoder, slim_segmenter

OPTIONS = {
    "vgg": [
        slim_encoder(output_stride=stride, keep_stride1_pools=keep, norm=norm)
        for stride, keep, norm in [
            (4, False, "batch"),
            (8, True, "none"),
            (16, True, "batch"),
        ]
    ],
    "resnet": [{}],
    "timm": [
        {"model": "tf_efficientnet_lite0"},
        {"model": "convnext_atto"},
        {"model": "vit_small_patch14_dinov2"},
        {"model": "vit_xsmall_patch16_clip_224"},
    ],
    "tiny": [{}, {"frozen": True, "width": 16}],
}
CASES = [(name, options) for name in [*known_encoders(), "tiny"] for options in OPTIONS.get(name, [{}])]
STAGES = ("classifier", "segmenter")

pytestmark = pytest.mark.usefixtures("tiny_encoder")


def case_id(case: tuple[str, dict] | str) -> str:
    if isinstance(case, str):
        return case  # a stage
    name, options = case
    told = [f"{options['output_stride']}", options["norm"]] if name == "vgg" else map(str, options.values())
    return "-".join([name, *told, *["pools"] * options.get("keep_stride1_pools", False)])


SEVERAL = ("vgg",)  # whose layers are not the same in both networks
BOTH = [(case, stage) for case in CASES for stage in STAGES if stage == "classifier" or case[0] in SEVERAL]
LARGE = ("resnet", "timm")  # whose features see hundreds of pixels


def each(names: str | tuple[str, str], cases: list) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(names, cases, ids=case_id)


def keys_of(case: tuple[str, dict]) -> EncoderKeys:
    name, options = case
    return keys_class(name).model_validate({"name": name, **options})


def built(case: tuple[str, dict], stage: str, *, seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    return keys_of(case).build(stage)


@pytest.mark.parametrize(("size", "padded"), [((9, 17), (9, 17)), ((10, 16), (17, 17)), ((1, 2), (1, 9))])
def test_photos_are_padded_right_and_bottom(size, padded):
    encoder = Encoder(torch.nn.Identity(), channels=3, grid=Grid(8), mean=(0, 0, 0), std=(1, 1, 1))
    found = encoder.prepare(torch.full((1, 3, *size), 255, dtype=torch.uint8))
    assert found.shape == (1, 3, *padded)
    assert (found[..., : size[0], : size[1]] == 1).all() and found.count_nonzero() == 3 * size[0] * size[1]


@each(("case", "stage"), BOTH)
def test_photos_of_any_size_have_as_many_features_as_the_grid_says_and_padding_is_0(case, stage):
    encoder = built(case, stage).eval()
    grid = encoder.grid
    assert (grid.stride, grid.offset) == (keys_of(case).stride(stage), keys_of(case).offset(stage))
    for height, width in [(1, 2), (17, 32), (50, 33)]:
        prepared = encoder.prepare(torch.zeros(1, 3, height, width, dtype=torch.uint8))
        assert prepared.shape[-2:] == (grid.padded_side(height), grid.padded_side(width))
        expected = (1, encoder.channels, grid.features(height), grid.features(width))
        assert encoder(prepared).shape == expected
    mean, std = encoder.mean.expand(3, 5, 7), encoder.std.expand(3, 5, 7)
    assert ((encoder.mean > 0) & (encoder.mean < 255) & (encoder.std > 0)).all()
    torch.testing.assert_close(encoder.standardise((mean + 2 * std)[None]), torch.full((1, 3, 5, 7), 2.0))
    prepared = encoder.prepare((mean - std)[None])
    torch.testing.assert_close(prepared[..., :5, :7], torch.full((1, 3, 5, 7), -1.0))
    assert prepared.count_nonzero() == 3 * 5 * 7


def influences(encoder: Encoder, side: int) -> torch.Tensor:
    """Return how much each column of features (rows of the result) changes by a column of light at each pixel.

    All weights are made 1, so that whatever can reach a feature does.
    """
    encoder = encoder.double().eval()
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            parameter.fill_(0 if name.endswith("bias") else 1)
        height = encoder.grid.padded_side(1)
        light = torch.eye(side, dtype=torch.float64)[:, None, None].expand(side, 3, height, side)
        dark = encoder(torch.zeros(1, 3, height, side, dtype=torch.float64))
        return (encoder(light) - dark).sum((1, 2)).T


@each(("case", "stage"), [both for both in BOTH if both[0][0] not in LARGE])
@pytest.mark.parametrize("turned", [False, True])
def test_a_feature_sees_as_far_to_one_side_of_its_pixel_as_to_the_other(case, stage, turned):
    encoder = built(case, stage)
    if turned:  # the kernels, so that rows stand where columns do
        encoder.register_forward_pre_hook(lambda module, inputs: inputs[0].transpose(2, 3))
        encoder.register_forward_hook(lambda module, inputs, features: features.transpose(2, 3))
    grid = encoder.grid
    side = grid.padded_side(24 * grid.stride)
    seen = influences(encoder, side)
    inner = [k for k, row in enumerate(seen) if not row[0] and not row[-1]]
    assert len(seen) == grid.features(side)
    assert len(inner) >= 3, "its features see more than 24 strides: list it in LARGE"
    pixels = torch.arange(side, dtype=torch.float64)
    for k in inner:
        reached = seen[k].nonzero().flatten()
        where = grid.offset + grid.stride * k
        assert (reached.min() + reached.max()).item() / 2 == where
        assert ((pixels * seen[k]).sum() / seen[k].sum()).item() == pytest.approx(where, abs=1e-6)


def without_attention(encoder: Encoder) -> None:
    """Silence what sees the whole image: attention, positions and squeeze-and-excitation."""
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "pos_embed" in name or ".attn.proj." in name or ".fc2." in name:
                parameter.zero_()


@each("case", [case for case in CASES if case[0] in LARGE])
@pytest.mark.parametrize("turned", [False, True])
def test_what_changes_a_feature_lies_around_its_pixel(case, turned):
    encoder = built(case, "classifier").double().eval()
    without_attention(encoder)
    features, grid = 150, encoder.grid
    image = torch.rand(1, 3, grid.padded_side(1), grid.stride * (features - 1) + round(2 * grid.offset) + 1)
    image = (image.transpose(2, 3) if turned else image).double().requires_grad_()
    found = encoder(image)
    (line,) = (found.transpose(2, 3) if turned else found)[0].unbind(1)  # (channels, features)
    assert line.shape[1] == features
    for k in (features // 2, features // 2 + 1):
        (change,) = torch.autograd.grad(line[:, k].square().sum(), image, retain_graph=True)
        reached = change.abs().sum((0, 1, 3 if turned else 2)).nonzero().flatten()
        assert 0 < reached.min() and reached.max() < max(image.shape) - 1, (
            "a feature sees the whole line: name the layers that do so, such as global pooling, in without_attention"
        )
        assert (reached.min() + reached.max()).item() / 2 == grid.offset + grid.stride * k


@each(("case", "stage"), BOTH)
def test_gradients_reach_every_parameter_that_is_trained(case, stage):
    encoder = built(case, stage).train()
    side = encoder.grid.padded_side(60)
    encoder(torch.randn(2, 3, side, side)).square().sum().backward()
    trained = {name: p.grad for name, p in encoder.named_parameters() if p.requires_grad}
    assert trained and all(gradient.abs().sum() > 0 for gradient in trained.values())
    assert all(p.grad is None for p in encoder.parameters() if not p.requires_grad)


@each(("case", "stage"), BOTH)
def test_its_stages_have_every_parameter_once(case, stage):
    encoder, keys = built(case, stage), keys_of(case)
    names = [name for name, _ in encoder.layers.named_parameters()]
    parts = [part for stage_parts in encoder.stages for part in stage_parts]
    found = [name for part in parts for name in names if part in ("", name) or name.startswith(f"{part}.")]
    assert sorted(found) == sorted(names) and len(encoder.stages) == keys.stage_count


TIMM = "model."  # what comes before timm's own names; of a vision transformer twice
# The first two stages: beginnings of the names of their layers and parameters.
FIRST_TWO = [
    (("vgg", slim_encoder(norm="batch", depths=[2, 2, 1, 1, 1])), ("conv1_", "norm1_", "conv2_", "norm2_")),
    (("resnet", {}), ("conv1.", "bn1.", "layer1.")),
    (("timm", {"model": "tf_efficientnet_lite0"}), ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.")),
    (("timm", {"model": "convnext_atto"}), ("stem_", "stages_0.", "stages_1.")),
    (
        ("timm", {"model": "vit_xsmall_patch16_clip_224"}),
        tuple(f"{TIMM}{name}" for name in ("cls_token", "pos_embed", "patch_embed.", "norm_pre.", "blocks.0.")),
    ),
]


@pytest.mark.parametrize(("case", "kept"), FIRST_TWO, ids=[case_id(case) for case, _ in FIRST_TWO])
def test_a_training_step_leaves_the_stages_that_are_kept_and_changes_all_others(case, kept):
    encoder, before = built(case, "classifier"), built(case, "classifier").layers.state_dict()
    kept = tuple(f"{TIMM}{name}" if case[0] == "timm" else name for name in kept)
    encoder.hold(freeze=2, batch_norm="train")
    encoder.train()
    side = encoder.grid.padded_side(60)
    features = encoder(encoder.standardise(255 * torch.rand(2, 3, side, side)))
    (features * torch.randn_like(features)).sum().backward()
    trained = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    torch.optim.Adam(trained, lr=0.01, eps=1e-15).step()  # as far for the smallest gradient as for others
    after = encoder.layers.state_dict()  # with the statistics of batch normalisation
    assert {name for name in after if torch.equal(after[name], before[name])} == {
        name for name in before if name.startswith(kept)
    }
    # where several GPUs train, other layers of normalisation take the places of these
    layers = SyncedBatchNorm().apply(encoder).train().layers
    normalising = [part for part in layers.named_modules() if isinstance(part[1], torch.nn.SyncBatchNorm)]
    assert all(layer.training != f"{name}.".startswith(kept) for name, layer in normalising)


@each("case", CASES)
def test_both_networks_have_the_same_state_which_is_all_that_outputs_depend_on(case, tmp_path):
    first, second = (built(case, stage, seed=seed).eval() for seed, stage in enumerate(STAGES))
    assert {name.split(".")[0] for name in first.state_dict()} == {"layers", "mean", "std"}
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    again = built(case, STAGES[0], seed=1).eval()
    first.set_standardisation((0.1, 0.2, 0.3), (0.3, 0.2, 0.1))
    photo = torch.randint(0, 256, (1, 3, 45, 70), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = first(first.prepare(photo))
        assert not torch.equal(again(again.prepare(photo)), expected)
        again.load_state_dict(first.state_dict())
        assert torch.equal(again(again.prepare(photo)), expected)


# The others take long, or cannot; every export compares the file with the network itself.
EXPORTED = [
    case for case in CASES if case[0] in ("vgg", "tiny") or case[1].get("model") == "vit_xsmall_patch16_clip_224"
]


@each("case", EXPORTED)
def test_it_can_be_exported_to_onnx(case, tmp_path):
    torch.manual_seed(0)
    head = "plain" if case[0] == "timm" else "largefov"  # as one trains on a vision transformer
    network = slim_segmenter(encoder=keys_of(case).model_dump(), head=head).build()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(layer.running_var, 0.2, 2)
    segmenter = Segmenter(network, classes=["background", "a", "b"], max_side_px=100)
    (tmp_path / "network.onnx").write_bytes(to_onnx(segmenter).SerializeToString())
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    for height, width in [(1, 2), (49, 70)]:
        photo = np.random.default_rng(0).integers(0, 256, (1, 3, height, width), np.uint8)
        with torch.inference_mode():
            scores = network(network.encoder.prepare(torch.from_numpy(photo)))[0].numpy()
        expected = network.encoder.grid.upsample(scores, height=height, width=width)
        (found,) = session.run(None, {"image": photo})
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-4 * np.abs(expected).max())
