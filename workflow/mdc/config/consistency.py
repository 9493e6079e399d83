"""What no single key can say: keys that do not fit each other. Each check yields a sentence per contradiction."""

from collections.abc import Iterable, Iterator

from mdc.config.config import Config
from mdc.config.encoders import EncoderKeys, Stage
from mdc.config.experiments import EXTERNAL, FUSED, SALIENT, Experiment
from mdc.config.salient_networks import Scaling
from mdc.config.stages import RECIPE_KEYS, Cams
from mdc.data.class_names import checked_classes
from mdc.runtime.errors import InputError, listing

IDS_OF_VOC = 10  # characters: 2007_000027, which YAML reads as the number 2007000027


def contradictions(config: Config) -> Iterator[str]:
    """Yield a sentence per contradiction of a configuration whose keys are each right."""
    if config.run == "study":
        yield "run: results/study is the folder of the study's tables: give the run another name"
    if next(iter(config.classifier.networks.values())).dilations is None:
        yield f"classifier.networks: {_first(config)} has no dilations: write [1, 3, 6, 9]"
        return
    yield from _classes(config)
    yield from _names(config)
    yield from _variants(config)
    yield from _saliency(config)
    yield from _networks(config)
    yield from _segmenters(config)
    yield from _figures(config)
    yield from _voc_splits(config)


def _classes(config: Config) -> Iterator[str]:
    """Yield why the classes of the key cannot be used; those of classes.txt are checked when the data is read."""
    try:
        if config.data.classes:
            checked_classes(config.data.classes, source="data.classes")
    except InputError as error:
        yield str(error)


def _names(config: Config) -> Iterator[str]:
    """Yield what is wrong with the names of segmenters, masks and results, before anything else looks at them."""
    maps = {maps for name in config.classifier.networks for maps in config.map_settings(name)}
    known = ", ".join(sorted(maps)) or EXTERNAL
    for setting in map(Experiment.parse, config.segmenter.settings):
        if not any(config.can_train(name, setting) for name in config.classifier.networks):
            yield f"segmenter.settings: {setting} needs maps that no classifier has; there are {known}"
    for masks in map(Experiment.of_masks, config.masks.variants):
        if masks.producer != EXTERNAL and masks.maps not in maps:
            yield f"masks.variants: {masks.masks_name} needs maps that no classifier has; there are {known}"


def _variants(config: Config) -> Iterator[str]:
    asked = {"segmenter.settings": list(map(Experiment.parse, config.segmenter.settings))}
    asked["masks.variants"] = list(map(Experiment.of_masks, config.masks.variants))
    asked |= {f"scores.{table}": [setting for _, setting in config.rows(table)] for table in ("table3", "table4")}
    for key, experiments in asked.items():
        for experiment in experiments:
            name = experiment.masks_name if key == "masks.variants" else str(experiment)
            if not experiment.variant:
                continue
            if experiment.variant not in config.variants:
                known = ", ".join(config.variants) or "none"
                yield f"{key}: {name}: unknown variant {experiment.variant}; variants has {known}"
            elif experiment.producer == EXTERNAL and experiment.masks(config).variant:
                yield f"{key}: {name}: masks.external_masks are used as they are, so this variant changes nothing"
            elif _effect(config, experiment) == _effect(config, experiment.base):
                base = experiment.base.masks_name if key == "masks.variants" else experiment.base
                yield f"{key}: {name} is the same as {base}: the variant {experiment.variant} changes nothing for it"
    for name, variant in config.variants.items():
        if not variant.model_fields_set:
            yield f"variants.{name}: changes nothing: name the keys that differ"
        if variant.saliency and variant.saliency.source == "folder" and not config.saliency.folder:
            yield f"variants.{name}: saliency.source folder needs the key saliency.folder, which is empty"
    external = config.cams.external_maps or config.masks.external_masks
    for key in ("network", "scales", "flip") if external else ():
        values = [getattr(config.varied(name).cams, key) for name in ("", *config.variants)]
        changed = [value for value in values if value != Cams.model_fields[key].default]
        if changed:
            yield (
                f"cams.{key}: {changed[0]} needs a classifier, which external_maps and external_masks replace: remove "
                "the key"
            )


def _effect(config: Config, experiment: Experiment) -> tuple:
    """Return everything that an experiment depends on beyond data and networks: two with the same are the same."""
    varied = config.varied(experiment.variant)
    effect: list = [experiment.base]
    if experiment.producer not in ("", EXTERNAL):
        effect += [varied.cams, varied.saliency.source]
    if experiment.producer == FUSED:  # other producers have parameters of their own
        unused = "background_below" if varied.has_saliency else "background_saliency_below"
        effect += [getattr(varied.masks, key) for key in RECIPE_KEYS if key != unused]
    if experiment.is_segmenter:
        effect.append(varied.segmenter.init)
    if experiment.kind in ("weak", "semi"):
        effect.append(varied.segmenter.online_term and ("after", varied.segmenter.online_warmup_epochs))
    return tuple(effect)


def _saliency(config: Config) -> Iterator[str]:
    sources, saliency = config.saliency_sources, config.saliency
    if "onnx" in sources and saliency.network_url and not saliency.model_hash:
        yield "saliency.model_hash: is empty; a network at a URL needs the hash of its file, as sha256sum prints it"
    if saliency.model_hash and not saliency.network_url:
        yield "saliency.model_hash: is for a URL in saliency.model: leave it empty"
    if saliency.known_network and saliency.scaling != Scaling():
        yield f"saliency.scaling: {saliency.model} has its own: leave this out, or name a file in saliency.model"
    if config.saliency.folder and "folder" not in sources:
        yield (
            f"saliency.folder: is not read with saliency.source {config.saliency.source}: set that to folder, or leave "
            "this empty"
        )


def _networks(config: Config) -> Iterator[str]:
    for stage, section in (("classifier", config.classifier), ("segmenter", config.segmenter)):
        resize = section.augmentation.resize_long_side_px
        if resize and (len(resize) != 2 or resize[0] > resize[1]):
            yield f"{stage}.augmentation.resize_long_side_px: {resize} must be empty or [lowest, highest]"
        training = section.training
        if training.batch_size % training.micro_batches:
            yield (
                f"{stage}.training.micro_batches: {training.batch_size} images cannot be divided into "
                f"{training.micro_batches} equal parts"
            )
        if training.batch_size < 2 * training.micro_batches and _normalises_batches(config, stage):
            yield f"{stage}.training.micro_batches: batch normalisation needs at least 2 images at a time"
    yield from _encoders(config)


def _normalises_batches(config: Config, stage: Stage) -> bool:
    of_segmenter = config.segmenter.fc_norm if config.segmenter.head == "largefov" else "none"
    norm = config.classifier.block_norm if stage == "classifier" else of_segmenter
    training = getattr(config, stage).training
    trained = training.freeze != "encoder" and training.encoder_batch_norm == "train"
    keys = config.encoder_keys(stage, _first(config))
    return norm == "batch" or trained and keys.normalises_batches and training.freeze != keys.stage_count


def _first(config: Config) -> str:
    return next(iter(config.classifier.networks))


def _encoders(config: Config) -> Iterator[str]:
    problems: dict[str, None] = {}
    classifiers = config.classifiers if config.needs_classifier else []
    of_classifiers = [config.encoder_keys("classifier", name) for name in classifiers]
    for keys in of_classifiers:
        problems |= dict.fromkeys(keys.problems(stage="classifier", init=config.classifier.init, segmenter=None))
    own = config.encoder_keys("segmenter", "")
    if config.segmenter.settings:
        found = own.problems(stage="segmenter", init=config.segmenter.init, segmenter=config.segmenter)
        problems |= dict.fromkeys(found)
    yield from problems
    for stage, section in (("classifier", config.classifier), ("segmenter", config.segmenter)):
        if section.init == "pretrained" and section.weights:
            yield (
                f"{stage}.weights: is for init file, a {stage} that this workflow has trained: name weights of the "
                "encoder in encoder.weights"
            )
    inits = {config.varied(name).segmenter.init for name in ("", *config.variants)}
    for stage, found in (("classifier", {config.classifier.init}), ("segmenter", inits)):
        freeze = getattr(config, stage).training.freeze
        # features are of the pre-trained encoder; stages may also be kept as a classifier or a segmenter learnt them
        wrong = found - {"pretrained"} if freeze == "encoder" else found & {"random"}
        if freeze != "none" and wrong:
            yield (
                f"{stage}.training.freeze: {freeze} keeps pre-trained weights, but {stage}.init is {min(wrong)}: set "
                "it to pretrained, or freeze to none"
            )
    if not problems:
        yield from _too_many_stages(config, "classifier", of_classifiers)
        yield from _too_many_stages(config, "segmenter", [own] if config.segmenter.settings else [])
    if config.segmenter.settings and "classifier" in inits:
        for name in config.classifier.networks:
            if not own.can_start_from(config.encoder_keys("classifier", name)):
                yield (
                    f"segmenter.init: classifier copies the encoder of the classifier {name}, but segmenter.encoder "
                    "makes the segmenter's another one: leave that out, or set init to another value"
                )
    if config.segmenter.loss_resolution == "network" or problems:
        return
    crop_px, stride, offset = config.segmenter.augmentation.crop_px, own.stride("segmenter"), own.offset("segmenter")
    beyond = 1 + round(2 * offset)  # the pixels beyond a whole number of strides
    if offset not in (0, (stride - 1) / 2):
        yield (
            f"segmenter.loss_resolution: image needs features on the outermost pixels or in the middle of patches, but "
            f"those of {own.name} are at {offset} pixels: set it to network"
        )
    elif (crop_px - beyond) % stride:
        yield (
            f"segmenter.augmentation.crop_px: loss_resolution image needs a multiple of {stride} plus "
            f"{beyond % stride}, not {crop_px}"
        )


def _too_many_stages(config: Config, stage: Stage, encoders: Iterable[EncoderKeys]) -> Iterator[str]:
    freeze = getattr(config, stage).training.freeze
    for keys in encoders if isinstance(freeze, int) else []:
        if freeze > keys.stage_count:
            yield (
                f"{stage}.training.freeze: {freeze} is too large, the most is {keys.stage_count}, the number of stages "
                f"of the encoder {keys.name}"
            )
            return


def _segmenters(config: Config) -> Iterator[str]:
    known = [
        setting
        for setting in map(Experiment.parse, config.segmenter.settings)
        if setting.variant in ("", *config.variants)
    ]
    for setting in known:
        if setting.learns_from_val(config) and "test" not in config.predictions.splits:
            yield (
                f"segmenter.settings: {setting} learns from the true masks of val (segmenter.strong.with_val) and can "
                "be scored on test only: add test to predictions.splits, or leave it out"
            )
    problems = [problem for setting in known for problem in setting_problems(config, setting)]
    yield from (f"segmenter.settings: {problem}" for problem in problems[:1])


def setting_problems(config: Config, setting: Experiment) -> list[str]:
    """Return a sentence per reason why a segmenter cannot be trained as its name says, wherever it is configured."""
    varied = config.varied(setting.variant)
    problems = []
    if setting.producer == SALIENT and (config.masks.external_masks or not varied.has_saliency):
        problems.append(f"{setting} needs saliency maps, which this configuration does not use")
    warmup, epochs = varied.segmenter.online_warmup_epochs, varied.segmenter.training.epochs
    if setting.kind in ("weak", "semi") and varied.segmenter.online_term and warmup >= epochs:
        problems.append(
            f"{setting} gets no online term: segmenter.online_warmup_epochs is {warmup} of {epochs} epochs: lower it, "
            "or set segmenter.online_term to false"
        )
    return problems


def _figures(config: Config) -> Iterator[str]:
    figures = config.figures
    if figures.figure5 and config.masks.external_masks:
        yield "figures.figure5: there are no localization maps to show with masks.external_masks: leave the list empty"
    if figures.figure6 and not (config.predictions.splits and config.segmenter.settings):
        yield "figures.figure6: nothing is predicted: leave it empty, or fill segmenter.settings and predictions.splits"
    for key, ids in (("figure5", figures.figure5), ("figure6", figures.figure6)):
        for image_id in ids if config.data.source == "voc" else []:
            if len(image_id) == IDS_OF_VOC and image_id.isdigit():
                quoted = f'"{image_id[:4]}_{image_id[4:]}"'
                yield f"figures.{key}: {image_id} is not an id of VOC; write ids in quotes: {quoted}"


def _voc_splits(config: Config) -> Iterator[str]:
    if config.data.source != "voc":
        return
    if config.data.classes:
        yield "data.classes: source voc has VOC's 20 classes: leave the list empty, or set data.source to voc_layout"
    if "val" in config.predictions.splits and config.data.train_list == "trainvalaug":
        yield (
            "predictions.splits: with data.train_list trainvalaug val is trained on and has no scores: set it to [] "
            "or, with data.voc_test_archive, to [test] (the paper reports this setting on test only)"
        )


def check_submission(config: Config, *, has_test_images: bool) -> None:
    """Return if the target submission can be made; apart from the other checks, since no other target needs it.

    Args:
        has_test_images: whether the data has VOC's test images, see `mdc.config.inputs.has_test_images`.

    Raises:
        InputError: a line per reason why it cannot.
    """
    problems = list(_submission(config, has_test_images))
    if problems:
        raise InputError(listing("there is nothing to submit:", problems))


def _submission(config: Config, has_test_images: bool) -> Iterator[str]:
    data, submission = config.data, config.submission
    if data.source == "folder":
        yield "data.source: VOC's server takes masks of VOC's test images, not of the photos of a folder"
    elif data.source == "voc_layout" and not has_test_images:
        yield f"data.root: {data.root} lists no test images: add ImageSets/Segmentation/test.txt"
    elif data.source == "voc" and not has_test_images:
        yield (
            "data.voc_test_archive: there are no test images; name VOC2012test.tar, which is behind the login of the "
            "challenge's site"
        )
    if not submission.results:
        yield "submission.results: is empty; name <classifier>/<setting>-crf"
    known = {name: config.known_segmenters(name) for name in config.classifiers}
    for classifier, experiment in config.submitted():
        if experiment.setting not in known.get(classifier, []):
            there_are = ", ".join(f"{name}/{setting}" for name, settings in known.items() for setting in settings)
            yield (f"submission.results: {classifier}/{experiment}: unknown segmenter; there are {there_are or 'none'}")
    if submission.competition == "comp5":
        yield from _beyond_the_challenge(config)


def _beyond_the_challenge(config: Config) -> Iterator[str]:
    own_data = "submission.competition: comp5 is for methods that learn from the challenge's own data alone"
    inits = {"segmenter.init": config.segmenter.init}
    if config.needs_classifier:
        inits = {"classifier.init": config.classifier.init} | inits
    pretrained = [key for key, init in inits.items() if init == "pretrained"]
    if pretrained:
        yield f"{own_data}, but ImageNet's weights are in {' and '.join(pretrained)}: use comp6"
    if config.uses_sbd and any(experiment.kind == "true-masks" for _, experiment in config.submitted()):
        yield f"{own_data}, but with data.train_list {config.data.train_list} true-masks has SBD's: use comp6"
