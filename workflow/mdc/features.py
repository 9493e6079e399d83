"""The features stage: a frozen encoder's features of every view of the training photos, computed once for all networks.

A file has an image per view, `<number of the view>/<id of the photo>`, with its features, float16 (h, w, channels).
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.utils.data import Dataset

from mdc.config.encoders import Stage, keys_class
from mdc.data.manifest import read_manifest
from mdc.networks.encoder import Encoder
from mdc.networks.init_weights import pretrained_encoder
from mdc.networks.weight_files import weights_hash
from mdc.runtime.devices import torch_device
from mdc.runtime.errors import InputError
from mdc.runtime.logs import logger
from mdc.runtime.memory import SMALLER_PHOTOS, memory_faults_named
from mdc.runtime.progress import progress
from mdc.storage import hdf5
from mdc.storage.hdf5 import Array, Item, Layout
from mdc.storage.shards import shard_of
from mdc.training.datasets import FEATURES, TrainingViews, fill_colour

AGAIN = "remove the file and run the same command again"
HELD_IN_MEMORY_BYTES = 4 << 30  # of the 16 GB that rules of training ask for

WORTH_EXPORTING = 100  # views; exporting to ONNX takes as long as some dozens of them
SAME = 1e-4  # of the largest feature
# From images (N, 3, H, W), RGB in 0..255, to features float32 (N, h, w, channels).
Compute = Callable[[torch.Tensor], np.ndarray]


def _shape(attributes: Mapping[str, Any], height: int, width: int) -> tuple[int | None, int | None, int]:
    return None, None, attributes["channels"]


LAYOUT = Layout(
    format="mdc-features",
    arrays={FEATURES: Array(np.float16, "f", _shape)},
    target="features",
    rules="encode_views",
)


@memory_faults_named(SMALLER_PHOTOS)
def encode_views(
    *,
    split_csv: Path,
    features_h5: Path,
    encoder_keys: dict[str, Any],
    stage: Stage,
    weights: str,
    augmentation: dict[str, Any],
    shard: int,
    shards: int,
    device: str,
    threads: int,
    gpus: int = 0,
) -> None:
    """Write the features of every view of the photos of a shard.

    Args:
        split_csv: manifest.
        encoder_keys: of the encoder, `stage`: of the network that it belongs to.
        weights: its pre-trained weights, see `mdc.networks.init_weights.start_network`.
        augmentation: crop_px, resize_long_side_px, flip and views of `mdc.training.datasets.TrainingViews`.
        device, gpus: see `mdc.runtime.devices.torch_device`.

    Raises:
        InputError: the weights are missing, damaged or of something else; the disk has no room; memory ran out.
    """
    torch.set_num_threads(threads)
    where = torch_device(device, gpus=gpus)
    keys = keys_class(encoder_keys["name"]).model_validate(encoder_keys)
    encoder = pretrained_encoder(keys, stage=stage, weights=weights).eval().requires_grad_(False)
    digest = weights_hash(encoder.state_dict())
    photos_of_all_shards = read_manifest(split_csv)
    table = shard_of(photos_of_all_shards, shard, shards)
    views = TrainingViews(
        ids=list(table["id"]),
        images=list(table["image"]),
        tags=np.zeros((len(table), 0), np.float32),
        masks=None,
        seed=0,
        fill=fill_colour(encoder),
        **augmentation,
    )
    side = encoder.grid.features(augmentation["crop_px"])
    _check_room(features_h5, values=len(photos_of_all_shards) * views.views * encoder.channels * side**2)
    encoder = encoder.to(where, memory_format=torch.channels_last)
    compute = _by_pytorch(encoder, where)
    # by all shards, so that their number changes no feature
    if where.type == "cpu" and len(photos_of_all_shards) * views.views >= WORTH_EXPORTING:
        compute = _by_onnx(encoder, side_px=augmentation["crop_px"], threads=threads)
    photos = progress(range(len(views)), total=len(views), label=f"encode_views {split_csv.stem}")
    with hdf5.create(
        features_h5,
        LAYOUT,
        stride=encoder.grid.stride,
        offset=encoder.grid.offset,
        classes=[],
        weights_hash=digest,
        config={"encoder": encoder_keys, "augmentation": augmentation},
        channels=encoder.channels,
    ) as writer:
        for index in photos:
            shown = [views.fixed_view(index, number) for number in range(views.views)]
            found = compute(torch.stack([item["image"] for item in shown]))
            for number, (item, features) in enumerate(zip(shown, found, strict=True)):
                _, height, width = item["image"].shape
                name = view_name(number, item["id"])
                writer.add(Item(id=name, height=height, width=width, arrays={FEATURES: features}))


def _by_pytorch(encoder: Encoder, where: torch.device) -> Compute:
    @torch.inference_mode()
    def compute(images: torch.Tensor) -> np.ndarray:
        return encoder(encoder.standardise(images.to(where))).float().permute(0, 2, 3, 1).cpu().numpy()

    return compute


def _by_onnx(encoder: Encoder, *, side_px: int, threads: int) -> Compute:
    """Return the same by ONNX Runtime, which takes a third of PyTorch's time on a CPU, since it merges layers.

    By PyTorch where the encoder cannot be exported, or would not give the same features.
    """
    directly = _by_pytorch(encoder, torch.device("cpu"))
    images = 255 * torch.rand(2, 3, side_px, side_px, generator=torch.Generator().manual_seed(0))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        program = torch.onnx.export(
            encoder.layers,
            (encoder.standardise(images),),
            dynamo=True,
            dynamic_shapes=[{0: torch.export.Dim("images")}],
            verbose=False,
        )
        model = program.model_proto.SerializeToString()
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the exporter and the runtime raise whatever comes
        logger.info("features are computed by PyTorch, as the encoder cannot be exported to ONNX: %s", error)
        return directly
    (image,) = session.get_inputs()

    def compute(images: torch.Tensor) -> np.ndarray:
        (features,) = session.run(None, {image.name: encoder.standardise(images).contiguous().numpy()})
        return features.transpose(0, 2, 3, 1)

    expected = directly(images)
    if not np.allclose(compute(images), expected, rtol=0, atol=SAME * np.abs(expected).max()):
        logger.warning("features are computed by PyTorch, as those of ONNX Runtime differ")
        return directly
    return compute


def _check_room(path: Path, *, values: int) -> None:
    """Log the size of so many values of all shards; raise `InputError` if the disk has no room for those to come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size, free = values * np.dtype(LAYOUT.arrays[FEATURES].dtype).itemsize, shutil.disk_usage(path.parent).free
    logger.info("%s: the features of all views, %.0f MB", path.parent, size / 1e6)
    # what the other shards have written by now, also half of a file
    files = path.parent.glob(f"*{path.name[path.name.index('-of-') :]}*")
    others = sum(other.stat().st_size for other in files if other != path)
    if size - others > free:
        raise InputError(
            f"{path.parent}: the features need {size / 1e6:.0f} MB, but {(free + others) / 1e6:.0f} MB are free: free "
            "some space, lower augmentation.views or augmentation.crop_px, or set training.freeze to none"
        )


def view_name(number: int, image_id: str) -> str:
    """Return the id under which the features of a view of a photo are stored."""
    return f"{number}/{image_id}"


def with_features(views: TrainingViews, files: Sequence[Path], encoder: Encoder) -> Dataset:
    """Return `views` with the features in `files`; unchanged without files.

    Raises:
        InputError: a file is damaged, or of another encoder than this one.
    """
    for path in files:
        if hdf5.attributes(path, LAYOUT)["weights_hash"] != weights_hash(encoder.state_dict()):
            raise InputError(f"{path}: these features are of another encoder: {AGAIN}")
    return ViewsWithFeatures(views, files) if files else views


class ViewsWithFeatures(Dataset):
    """Training views whose items have stored features instead of the image.

    Args:
        views: with a fixed number of them, `views`.
        files: of all their features; held in memory if they are not too large, else read batch by batch.
    """

    def __init__(self, views: TrainingViews, files: Sequence[Path]) -> None:
        self.views = views
        self.file_of = {name: path for path in files for name in hdf5.ids_in(path, LAYOUT)}
        needed = {view_name(number, image_id) for image_id in views.ids for number in range(views.views)}
        if missing := needed - self.file_of.keys():
            raise InputError(f"{files[0]}: no features of {min(missing)}: {AGAIN}")
        size = sum(path.stat().st_size for path in files)
        self.held: dict[str, np.ndarray] = {}
        if size <= HELD_IN_MEMORY_BYTES:
            self.held = dict(self._read(sorted(needed)))
        logger.info(
            "features of %d views, %.0f MB, %s", len(needed), size / 1e6, "in memory" if self.held else "on disk"
        )

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, key: tuple[int, int]) -> dict:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[tuple[int, int]]) -> list[dict]:
        """Return the items of a batch, as `TrainingViews` has them, with features (h, w, channels) for their images."""
        items = [self.views[key] for key in keys]
        names = [view_name(self.views.view_of(key), item["id"]) for key, item in zip(keys, items, strict=True)]
        found = self.held or dict(self._read(sorted(set(names))))
        for name, item in zip(names, items, strict=True):
            del item["image"]
            item[FEATURES] = torch.from_numpy(found[name])
        return items

    def _read(self, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
        for path in dict.fromkeys(self.file_of.values()):
            own = [name for name in names if self.file_of[name] == path]
            for item in hdf5.read(path, LAYOUT, own):
                yield item.id, item.arrays[FEATURES]
