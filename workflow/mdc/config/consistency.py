"""What a schema cannot say of a configuration: keys that do not fit each other, and files that are not there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mdc.config.experiments import (
    MASK_SECTIONS,
    classifiers,
    known_settings,
    learns_from_val,
    learnt_masks,
    map_settings,
    needs_classifier,
    networks_from_imagenet,
    segmenter_settings,
    split_variant,
    submitted,
    table_rows,
    variant_config,
    vgg16_file,
)
from mdc.config.locate import (
    NEEDS_SBD,
    VOC_PARTS,
    devkit_root,
    has_test_images,
    missing_from,
    nearest_sbd,
    watched_files,
)
from mdc.runtime.errors import InputError, listing

_RECIPE_KEYS = {
    *("threshold", "relative_to", "background_saliency_below", "background_below", "background_conflict"),
    "class_conflict",
}
BACKBONES = Path(__file__).parents[1] / "networks/encoders"
VGG16 = {"name": "vgg", "widths": [64, 128, 256, 512, 512], "depths": [2, 2, 3, 3, 3], "norm": "none"}
IMAGENET_FC_WIDTH = 1024
VOC_SIDE_PX = 500  # of the largest photos of VOC


def contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence per contradiction of a configuration that fits the schema."""
    for run in dict.fromkeys(run for runs in config["study"]["runs"].values() for run in runs):
        for name in ("scores/summary.csv", "study/measures.csv", "config.yaml"):
            if run != config["run"] and not Path("results", run, name).is_file():
                yield f"study.runs: there is no results/{run}/{name}: finish the run {run} first, or start `make study`"
                break
    if config["run"] == "study":
        yield "run: results/study is where the tables of `make study` lie: give the run another name"
    yield from _variant_contradictions(config)
    data, saliency = config["data"], config["saliency"]
    known = sorted(file.stem for file in BACKBONES.glob("[a-z]*.py"))
    if config["backbone"]["name"] not in known:
        yield f"backbone.name: there is no backbone {config['backbone']['name']}; choose from {', '.join(known)}"
    classifier, segmenter = config["classifier"], config["segmenter"]
    downloads = Path(config["downloads"]["folder"])
    for folder in (downloads, *downloads.parents):
        if folder.is_symlink() and not folder.exists() or folder.is_file():
            yield f"downloads.folder: {folder} is a file or a link to nothing: remove it or name another folder"
    if data["source"] == "voc":
        yield from _voc_contradictions(data, config["predictions"]["splits"])
    if data["source"] == "devkit" and (not data["root"] or not Path(data["root"]).is_dir()):
        yield (
            f"data.root: there is no folder {data['root'] or '(empty)'!s}; name a folder in VOC layout (with "
            "JPEGImages, Annotations, ImageSets): --config data='{source: devkit, root: /path/to/folder}'"
        )
    if data["source"] == "folder":
        if not data["root"] or not Path(data["root"]).is_dir():
            yield f"data.root: there is no folder {data['root'] or '(empty)'!s}; name the folder of your photos"
        elif not Path(data["tags_csv"] or Path(data["root"], "tags.csv")).is_file():
            yield (
                f"data.tags_csv: there is no file {data['tags_csv'] or Path(data['root'], 'tags.csv')}; "
                "write a table with the columns image and tags"
            )
    if saliency["source"] == "folder" and not Path(saliency["folder"] or ".missing").is_dir():
        yield (
            f"saliency.folder: there is no folder {saliency['folder'] or '(empty)'!s}; name the one with a map "
            "<id>.png for every image, or set saliency.source to rbd"
        )
    sources = [saliency, *(changes.get("saliency", {}) for changes in config["variants"].values())]
    if saliency["folder"] and not any(section.get("source") == "folder" for section in sources):
        yield f"saliency.folder: is not read with source {saliency['source']}: set that to folder, or empty this"
    yield from _weights_contradictions(config)
    crop_px, stride = segmenter["view"]["crop_px"], min(config["backbone"]["output_stride"], 8)
    if crop_px % stride != 1 and segmenter["loss_resolution"] == "image":
        yield f"segmenter.view.crop_px: loss_resolution image needs a multiple of {stride} plus 1, not {crop_px}"
    for stage in ("classifier", "segmenter"):
        resize = config[stage]["view"]["resize_long_side_px"]
        if resize and (len(resize) != 2 or resize[0] > resize[1]):
            yield f"{stage}.view.resize_long_side_px: {resize} is neither empty nor [lowest, highest]"
    if config["masks"]["own_masks"] and not Path(config["masks"]["own_masks"]).is_dir():
        yield f"masks.own_masks: there is no folder {config['masks']['own_masks']}"
    own_maps = config["cams"]["own_maps"]
    splits = dict.fromkeys(["train", "val", *config["predictions"]["splits"]]) if own_maps else {}
    for path in dict.fromkeys(own_maps.replace("{split}", split) for split in splits):
        if not Path(path).is_file():
            yield f"cams.own_maps: there is no file {path}"
    photos = config["predict"]["photos"]
    if photos and not Path(photos).is_dir():
        yield f"predict.photos: there is no folder {photos}; name the folder of the photos to predict"
    usable = {setting for name in classifier["blocks"] for setting in segmenter_settings(config, name)}
    for setting in segmenter["settings"]:
        if setting not in usable:
            known = sorted({maps for name in classifier["blocks"] for maps in map_settings(config, name)})
            yield f"segmenter.settings: {setting} needs maps that no classifier has; there are {', '.join(known)}"
    yield from _segmenter_contradictions(config)
    yield from _figure_contradictions(config)
    for stage in ("classifier", "segmenter"):
        training = config[stage]["training"]
        if training["batch_size"] % training["micro_batches"]:
            yield (
                f"{stage}.training.micro_batches: {training['batch_size']} images cannot be divided into "
                f"{training['micro_batches']} equal parts"
            )
        if config[stage]["init"] == "imagenet" and config["backbone"] | VGG16 != config["backbone"]:
            yield f"{stage}.init: imagenet fits VGG16 only, with the config's backbone {VGG16}"
    if segmenter["init"] == "imagenet" and segmenter["fc_width"] != IMAGENET_FC_WIDTH:
        yield f"segmenter.fc_width: init imagenet subsamples VGG16's fc6 and fc7 to {IMAGENET_FC_WIDTH} channels"
    if config["backbone"]["norm"] == "batch" and min(
        s["training"]["batch_size"] // s["training"]["micro_batches"] for s in (classifier, segmenter)
    ) < 2:  # fmt: skip
        yield "training.micro_batches: batch normalisation needs at least 2 images at a time"


def _segmenter_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    known = [name for name in config["segmenter"]["settings"] if _has_variant(config, name)]
    for setting in known:
        if learns_from_val(config, setting) and "test" not in config["predictions"]["splits"]:
            yield (
                f"segmenter.settings: {setting} learns from the true masks of val (segmenter.strong.with_val) and can "
                "be scored on test only: add test to predictions.splits, or leave it out"
            )
    problems = [problem for setting in known for problem in setting_problems(config, setting)]
    yield from (f"segmenter.settings: {problem}" for problem in problems[:1])


def _has_variant(config: Mapping[str, Any], name: str) -> bool:
    return split_variant(name)[1] in {"", *config["variants"]}


def setting_problems(config: Mapping[str, Any], setting: str) -> list[str]:
    """Return a sentence per reason why a segmenter cannot be trained as its name says, wherever it is asked for."""
    base = split_variant(setting)[0]
    varied = variant_config(config, setting)
    problems = []
    if base.startswith("weak-salient-") and (config["masks"]["own_masks"] or varied["saliency"]["source"] == "none"):
        problems.append(f"{setting} needs saliency maps, which this configuration does not use")
    segmenter = varied["segmenter"]
    warmup, epochs = segmenter["online_warmup_epochs"], segmenter["training"]["epochs"]
    if learnt_masks(base) and segmenter["online_term"] and warmup >= epochs:
        problems.append(
            f"{setting} gets no online term: segmenter.online_warmup_epochs is {warmup} of {epochs} epochs: lower it, "
            "or set segmenter.online_term to false"
        )
    return problems


def _figure_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    if config["figures"]["figure5"] and config["masks"]["own_masks"]:
        yield "figures.figure5: there are no localization maps to show with masks.own_masks: leave the list empty"
    if config["figures"]["figure6"] and not (config["predictions"]["splits"] and config["segmenter"]["settings"]):
        yield "figures.figure6: nothing is predicted: leave it empty, or fill segmenter.settings and predictions.splits"
    for key, ids in config["figures"].items():
        for image_id in ids if config["data"]["source"] == "voc" else []:
            if len(image_id) == 10 and image_id.isdigit():  # YAML reads 2007_000027 as the number 2007000027
                yield f'figures.{key}: {image_id} is no id of VOC; write ids in quotes: "{image_id[:4]}_{image_id[4:]}"'


def _variant_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    asked = {"segmenter.settings": config["segmenter"]["settings"], "masks.variants": config["masks"]["variants"]}
    asked |= {f"scores.{table}": [setting for _, setting in table_rows(config, table)] for table in config["scores"]}
    for key, names in asked.items():
        for name in names:
            base, variant = split_variant(name)
            if variant and variant not in config["variants"]:
                known = ", ".join(config["variants"]) or "none"
                yield f"{key}: {name}: there is no variant {variant}; variants has {known}"
            elif variant and config["variants"][variant].keys() & MASK_SECTIONS and config["masks"]["own_masks"]:
                yield f"{key}: {name}: masks.own_masks are taken as they are: this variant cannot change them"
            elif variant and _effect(config, name) == _effect(config, base):
                yield f"{key}: {name} is the same as {base}: the variant {variant} changes nothing for it"
    for name, changes in config["variants"].items():
        if changes.get("saliency", {}).get("source") == "folder" and not config["saliency"]["folder"]:
            yield f"variants.{name}: saliency.source folder needs the key saliency.folder, which is empty"
    known = {maps for name in config["classifier"]["blocks"] for maps in map_settings(config, name)}
    for name in config["masks"]["variants"]:
        if split_variant(name)[0] not in known:
            yield f"masks.variants: {name} needs maps that no classifier has; there are {', '.join(sorted(known))}"
    own = config["cams"]["own_maps"] or config["masks"]["own_masks"]
    untrained = [config["cams"], *(changes.get("cams", {}) for changes in config["variants"].values())]
    if own and any(section.get("network") == "untrained" for section in untrained):
        yield "cams.network: untrained is about the classifier, which own_maps and own_masks replace"


def _effect(config: Mapping[str, Any], setting: str) -> tuple:
    """Return all of the configuration that a setting or pseudo masks depend on beyond data and networks; to compare.

    Two that return the same are the same: a variant that changes nothing here does nothing.
    """
    base = split_variant(setting)[0]
    varied = variant_config(config, setting)
    if base == "true-masks":
        return (base, varied["segmenter"]["init"])
    masks, source = varied["masks"], varied["saliency"]["source"]
    made = [learnt_masks(base) or base, varied["cams"]["network"], source]
    if "salient-" not in base:  # the baseline has a rule of its own
        unused = "background_below" if source != "none" else "background_saliency_below"
        made += [masks[key] for key in sorted(_RECIPE_KEYS - {unused})]
    if not learnt_masks(base):
        return tuple(made)
    segmenter = varied["segmenter"]
    warmup = segmenter["online_warmup_epochs"] if segmenter["online_term"] else None
    return (*made, segmenter["init"], segmenter["online_term"], warmup)


def _weights_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    for stage in ("classifier", "segmenter"):
        init, weights = config[stage]["init"], config[stage]["weights"]
        if init not in ("imagenet", "file") or (init == "imagenet" and not weights) or Path(weights).is_file():
            continue
        if stage == "segmenter" or needs_classifier(config):
            what = "name your file with VGG16's weights, or leave the key empty to have it downloaded"
            if init == "file":
                what = f"name the weights.pt of a {stage} that this workflow has trained"
            problem = (
                f"{weights} is a folder"
                if weights and Path(weights).is_dir()
                else f"there is no file {weights or '(empty)'}"
            )
            yield f"{stage}.weights: {problem}; {what}, or set {stage}.init to another value"
    enum, from_download = config["downloads"]["weights"]["enum"], not vgg16_file(config, "segmenter")[0]
    if "segmenter" in networks_from_imagenet(config) and from_download and enum == "IMAGENET1K_FEATURES":
        yield (
            "downloads.weights.enum: IMAGENET1K_FEATURES has no fc6 and fc7, which segmenter.init imagenet needs: take "
            "IMAGENET1K_V1, set segmenter.init to classifier, or name another file in segmenter.weights"
        )


def _voc_contradictions(data: Mapping[str, Any], splits: list[str]) -> Iterator[str]:
    if data["classes"]:
        yield "data.classes: source voc has VOC's 20 classes: leave the list empty, or set data.source to devkit"
    if data["voc_root"]:
        root = devkit_root(Path(data["voc_root"])) or Path(data["voc_root"])
        advice = "name VOCdevkit/VOC2012 of VOCtrainval_11-May-2012.tar, or leave the key empty to have it downloaded"
        problem = _not_the_folder(root, missing_from(root, VOC_PARTS), "VOC 2012") or _other_lists(root, data)
        if problem:
            yield f"data.voc_root: {problem}: {advice}"
    if data["sbd_root"] and data["train_list"] in NEEDS_SBD:
        problem = _not_the_folder(*nearest_sbd(Path(data["sbd_root"])), "SBD")
        advice = "name benchmark_RELEASE/dataset of benchmark.tgz, or leave the key empty to have it downloaded"
        if problem:
            yield f"data.sbd_root: {problem}: {advice}"
    archive = data["voc_test_archive"]
    if archive and not Path(archive).is_file():
        yield f"data.voc_test_archive: there is no file {archive}; name VOC2012test.tar, from the site of the challenge"
    if "test" in splits and not has_voc_test(data):
        yield (
            "predictions.splits: there are no test images; name VOC2012test.tar (behind the login of the challenge's "
            "site) in data.voc_test_archive, or leave test out"
        )
    if "val" in splits and data["train_list"] == "trainvalaug":
        yield (
            "predictions.splits: with data.train_list trainvalaug val is trained on and has no scores: set it to [] "
            "or, with data.voc_test_archive, to [test] (the paper reports this setting on test only)"
        )


def _not_the_folder(folder: Path, missing: list[str], name: str) -> str:
    if not missing:
        return ""
    if not folder.exists():
        return f"there is no folder {folder}"
    if not folder.is_dir():
        return f"{folder} is a file, not a folder"
    return f"{folder} is no folder of {name}, it lacks {', '.join(missing)}"


def _other_lists(root: Path, data: Mapping[str, Any]) -> str:
    lists = {split: root / "ImageSets/Segmentation" / f"{split}.txt" for split in ("train", "val")}
    found = [len(path.read_text(errors="replace").split()) for path in lists.values()]
    expected = [data["expected_images"][split] for split in lists]
    if found == expected:
        return ""
    numbers = " and ".join(map(str, found)), " and ".join(map(str, expected))
    return f"{root} lists {numbers[0]} images in train and val, not {numbers[1]} as VOC 2012 (data.expected_images)"


def has_voc_test(data: Mapping[str, Any]) -> bool:
    """Return whether the config section `data` with source voc names test images: an archive, or a folder with them."""
    root = devkit_root(Path(data["voc_root"])) if data["voc_root"] else None
    return bool(data["voc_test_archive"]) or (root is not None and has_test_images(root))


def check_submission(config: Mapping[str, Any]) -> None:
    """Raise `InputError` with a line per reason why the target submission cannot be made, or return.

    Apart from `mdc.config.load.check_config`, since other targets need none of it.
    """
    problems = list(_submission_contradictions(config))
    if problems:
        raise InputError(listing("there is nothing to submit:", problems))


def _submission_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    data, submission = config["data"], config["submission"]
    if data["source"] == "folder":
        yield "data.source: VOC's server takes masks of VOC's test images, not of the photos of a folder"
    if data["source"] == "devkit":
        lists = watched_files("devkit", root=Path(data["root"]), tags_csv="")
        if not any(Path(path).name == "test.txt" for path in lists):
            yield f"data.root: {data['root']} lists no test images: add ImageSets/Segmentation/test.txt"
    if data["source"] == "voc" and not has_voc_test(data):
        yield (
            "data.voc_test_archive: there are no test images; name VOC2012test.tar, which is behind the login of the "
            "challenge's site"
        )
    if data["source"] == "voc" and data["max_side_px"] < VOC_SIDE_PX:
        yield (
            f"data.max_side_px: {data['max_side_px']} reduces VOC's photos, whose size the masks must have: "
            f"{VOC_SIDE_PX} or more keeps them"
        )
    if not submission["results"]:
        yield "submission.results: is empty; name <classifier>/<setting>-crf"
    known = {name: known_settings(config, name) for name in classifiers(config)}
    for classifier, result in submitted(config):
        if result.removesuffix("-crf") not in known.get(classifier, []):
            names = [f"{name}/{setting}" for name, settings in known.items() for setting in settings]
            there_are = ", ".join(names) or "none"
            yield f"submission.results: {classifier}/{result}: there is no such segmenter; there are {there_are}"
    if submission["competition"] == "comp5":
        yield from _beyond_the_challenge(config)


def _beyond_the_challenge(config: Mapping[str, Any]) -> Iterator[str]:
    own_data = "submission.competition: comp5 is for methods that learn from the challenge's own data alone"
    stages = ("classifier", "segmenter") if needs_classifier(config) else ("segmenter",)
    networks = [stage for stage in stages if config[stage]["init"] == "imagenet"]
    if networks:
        inits = " and ".join(f"{name}.init" for name in networks)
        yield f"{own_data}, but ImageNet's weights are in {inits}: take comp6"
    from_sbd = config["data"]["source"] == "voc" and config["data"]["train_list"] in NEEDS_SBD
    if from_sbd and any(result.startswith("true-masks") for _, result in submitted(config)):
        yield f"{own_data}, but with data.train_list {config['data']['train_list']} true-masks has SBD's: take comp6"
