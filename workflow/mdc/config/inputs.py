"""Files and folders that a configuration names and that are not there: found before anything runs."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mdc.config.config import Config
from mdc.config.salient_networks import KNOWN
from mdc.config.sources import Data
from mdc.data import locate
from mdc.downloads.packages import weights_file
from mdc.runtime.errors import NO_ACCESS, InputError

_WILDCARD = re.compile(r"\{\s*\w+\s*[,}]")


def missing_inputs(config: Config) -> Iterator[str]:
    """Yield a sentence per file or folder that is missing, not what it must be or may not be looked at."""
    inputs = _inputs_of_rules(config)
    yield from _with_braces(inputs)
    others = {"saliency.folder": config.saliency.folder, "masks.external_masks": config.masks.external_masks}
    others |= {"predict.photos": config.predict.photos, "encoder.weights": config.encoder.get("weights", "")}
    try:
        closed = list(_closed(inputs | others))
        yield from closed or _missing(config)
        if config.data.source in ("folder", "voc_layout"):  # the rules look for the same, and have no key to name
            locate.watched_files(config.data.source, root=Path(config.data.root), tags_csv=config.data.tags_csv)
    except PermissionError as error:
        _, key = max(_keys_of(Path(error.filename), config.model_dump()), default=(0, "the configuration"))
        yield _not_permitted(key, error.filename)


def _not_permitted(key: str, path: str) -> str:
    return f"{key}: {path} {NO_ACCESS}, or name another one"


def _inputs_of_rules(config: Config) -> dict[str, str]:
    """Return the paths that are inputs of rules by their keys."""
    data = config.data
    paths = {f"data.{key}": getattr(data, key) for key in ("root", "tags_csv", "voc_root", "sbd_root")}
    paths |= {"data.voc_test_archive": data.voc_test_archive, "downloads.folder": config.downloads.folder}
    paths |= {"saliency.model": config.saliency.model, "cams.external_maps": config.cams.external_maps}
    return paths | {"classifier.weights": config.classifier.weights, "segmenter.weights": config.segmenter.weights}


def _with_braces(paths: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence per path that Snakemake would take for a pattern."""
    for key, path in paths.items():
        if _WILDCARD.search(path.replace("{split}", "")):
            yield f"{key}: {path} has braces, which Snakemake takes for a pattern: rename it, or name a link to it"


def _closed(paths: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence per file or folder that is there but may not be read."""
    for key, pattern in paths.items():
        for path in dict.fromkeys(pattern.replace("{split}", split) for split in locate.SPLITS if pattern):
            mode = os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK
            if os.path.exists(path) and not os.access(path, mode, effective_ids=True):
                yield _not_permitted(key, path)


def _keys_of(path: Path, values: Mapping[str, Any], above: str = "") -> Iterator[tuple[int, str]]:
    """Yield (length of its value, dotted key) of each key that names `path` or a folder above it."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _keys_of(path, value, f"{above}{name}.")
        elif isinstance(value, str) and value and path.is_relative_to(value):
            yield len(value), f"{above}{name}"


def _missing(config: Config) -> Iterator[str]:
    yield from _study_runs(config)
    downloads = Path(config.downloads.folder)
    for folder in (downloads, *downloads.parents):
        if folder.is_symlink() and not folder.exists() or folder.is_file():
            yield f"downloads.folder: {folder} is a file or a broken link: remove it or name another folder"
    yield from _data(config)
    saliency, sources = config.saliency, config.saliency_sources
    is_file = not (saliency.known_network or saliency.network_url)
    if "onnx" in sources and is_file and not Path(saliency.model).is_file():
        yield (f"saliency.model: {_what_is_there(saliency.model)}; name {', '.join(KNOWN)}, your ONNX file or a URL")
    if "folder" in sources and not Path(config.saliency.folder or ".missing").is_dir():
        yield (
            f"saliency.folder: there is no folder {config.saliency.folder or '(empty)'}; name the one with a map "
            "<id>.png for every image, or set saliency.source to rbd"
        )
    yield from _weights(config)
    if config.masks.external_masks and not Path(config.masks.external_masks).is_dir():
        yield f"masks.external_masks: there is no folder {config.masks.external_masks}"
    maps = config.cams.external_maps
    splits = dict.fromkeys(["train", "val", *config.predictions.splits]) if maps else {}
    for path in dict.fromkeys(maps.replace("{split}", split) for split in splits):
        if not Path(path).is_file():
            yield f"cams.external_maps: there is no file {path}"
    photos = config.predict.photos
    if photos and not Path(photos).is_dir():
        yield f"predict.photos: there is no folder {photos}; name the folder of the photos to predict"


def _study_runs(config: Config) -> Iterator[str]:
    needed = {
        "runs": ("scores/summary.csv", "study/measures.csv", "config.yaml"),
        "steps": ("scores/summary.csv", "config.yaml"),
    }
    for key, names in needed.items():
        for run in config.study.every_run(key):
            missing = [name for name in names if not Path("results", run, name).is_file()]
            if run != config.run and missing:
                yield f"study.{key}: there is no results/{run}/{missing[0]}: finish the run {run} (results/README.md)"


def _weights(config: Config) -> Iterator[str]:
    """Yield what is wrong with the weights to start from, of the networks that the run trains."""
    found: dict[str, None] = {}
    stages = [("classifier", config.classifier)] if config.needs_classifier else []
    stages += [("segmenter", config.segmenter)] if config.segmenter.settings else []
    for stage, section in stages:
        if section.init == "file" and not Path(section.weights or ".missing").is_file():
            found[
                f"{stage}.weights: {_what_is_there(section.weights)}; name the weights.pt of a {stage} that this "
                f"workflow has trained, or set {stage}.init to another value"
            ] = None
        for name in config.classifiers if section.init == "pretrained" else []:
            keys = config.encoder_keys(stage, name)
            if not keys.weights or keys.published_name or config.named_weights(keys):
                continue
            try:
                path = weights_file(keys.weights)
            except InputError as error:
                found[f"encoder.weights: {error}"] = None
                continue
            if not path.is_file():
                known = f"one of {', '.join(keys.published)}" if keys.published else "a name of downloads.weights"
                found[
                    f"encoder.weights: {_what_is_there(keys.weights)}; name your file with the weights of "
                    f"{keys.name}, or {known} to have it downloaded, or set init to another value"
                ] = None
    yield from found


def _what_is_there(path: str) -> str:
    return f"{path} is a folder" if path and Path(path).is_dir() else f"there is no file {path or '(empty)'}"


def _data(config: Config) -> Iterator[str]:
    data = config.data
    if data.source == "voc":
        yield from _voc(data, config.predictions.splits)
    elif data.source == "voc_layout" and not (data.root and Path(data.root).is_dir()):
        yield (
            f"data.root: there is no folder {data.root or '(empty)'}; name a folder in VOC's layout (with JPEGImages, "
            "Annotations, ImageSets): --config data='{source: voc_layout, root: /path/to/folder}'"
        )
    elif data.source == "folder":
        if not (data.root and Path(data.root).is_dir()):
            yield f"data.root: there is no folder {data.root or '(empty)'}; name the folder of your photos"
        elif data.tags_csv and not Path(data.tags_csv).is_file():
            yield f"data.tags_csv: there is no file {data.tags_csv}; write a table with the columns image and tags"
        elif not (data.tags_csv or locate.may_have_tags(Path(data.root))):
            yield (
                f"data.root: nothing in {data.root} says which tags its photos have; write tags.csv with the columns "
                "image and tags, put an XML beside each photo or all photos into one folder per class"
            )


def _voc(data: Data, splits: list[str]) -> Iterator[str]:
    if data.voc_root:
        root = locate.devkit_root(Path(data.voc_root)) or Path(data.voc_root)
        problem = _not_the_folder(root, locate.missing_from(root, locate.VOC_PARTS), "VOC 2012")
        problem = problem or _other_lists(root, data)
        if problem:
            yield (
                f"data.voc_root: {problem}: name VOCdevkit/VOC2012 of VOCtrainval_11-May-2012.tar, or leave the key "
                "empty to have it downloaded"
            )
    if data.sbd_root and data.train_list in locate.NEEDS_SBD:
        problem = _not_the_folder(*locate.nearest_sbd(Path(data.sbd_root)), "SBD")
        if problem:
            yield (
                f"data.sbd_root: {problem}: name benchmark_RELEASE/dataset of benchmark.tgz, or leave the key empty to "
                "have it downloaded"
            )
    archive = data.voc_test_archive
    if archive and not Path(archive).is_file():
        yield f"data.voc_test_archive: there is no file {archive}; name VOC2012test.tar, from the site of the challenge"
    if "test" in splits and not has_test_images(data):
        yield (
            "predictions.splits: there are no test images; name VOC2012test.tar (behind the login of the challenge's "
            "site) in data.voc_test_archive, or leave test out"
        )


def _not_the_folder(folder: Path, missing: list[str], name: str) -> str:
    if not missing:
        return ""
    if not folder.exists():
        return f"there is no folder {folder}"
    if not folder.is_dir():
        return f"{folder} is a file, not a folder"
    return f"{folder} is not a folder of {name}: it lacks {', '.join(missing)}"


def _other_lists(root: Path, data: Data) -> str:
    lists = {split: root / "ImageSets/Segmentation" / f"{split}.txt" for split in ("train", "val")}
    found = [len(path.read_text(encoding="utf-8", errors="replace").split()) for path in lists.values()]
    expected = [data.expected_images.train, data.expected_images.val]
    if found == expected:
        return ""
    return (
        f"{root} lists {found[0]} and {found[1]} images in train and val, not {expected[0]} and {expected[1]} as VOC "
        "2012 (data.expected_images)"
    )


def has_test_images(data: Data) -> bool:
    """Return whether the data has test images to predict: those of the archive, or listed in the folder."""
    if data.source == "voc_layout":
        lists = locate.watched_files("voc_layout", root=Path(data.root), tags_csv="")
        return any(Path(path).name == "test.txt" for path in lists)
    root = locate.devkit_root(Path(data.voc_root)) if data.voc_root else None
    return (
        data.source == "synthetic" or bool(data.voc_test_archive) or (root is not None and locate.has_test_images(root))
    )
