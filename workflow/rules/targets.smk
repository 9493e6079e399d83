# Shared by all stages: what a run consists of, as lists of paths: every network, map, mask, result, sheet and figure.


def every_network():
    """Yield (classifier, seed, settings of its segmenters) of every classifier of the run."""
    for classifier in CLASSIFIERS:
        for seed in config["seeds"]:
            yield classifier, seed, segmenter_settings(config, classifier)


def lists_of_segmenters(stage):
    """Return the lists of all masks of all segmenters; stage is predictions or crf."""
    return [
        f"{RESULTS}/{stage}/{classifier}/seed{seed}/{setting}/{split}.csv"
        for classifier, seed, settings in every_network()
        for setting in settings
        for split in splits_to_predict(config, setting)
    ]


def shards_of_segmenters(stage):
    """Return the tables of all shards of all segmenters' masks, and their scores; stage is predictions or crf."""
    tables = [
        path
        for classifier, seed, settings in every_network()
        for setting in settings
        for split in splits_to_predict(config, setting)
        for path in mask_tables({"classifier": classifier, "seed": seed}, stage, setting, split)
    ]
    return tables + (stores_beside(tables) if stage == "predictions" else [])


def stores_beside(tables):
    """Return the files of class scores that belong to tables of predictions."""
    return [path.replace(".csv", ".h5") for path in tables]


def every_map():
    """Return the lists and shards of all saliency and localization maps that pseudo masks and contact sheets show."""
    if config["masks"]["own_masks"]:
        return []
    files = []
    for classifier, seed, settings in every_network():
        network = {"classifier": classifier, "seed": seed}
        for split in dict.fromkeys(["train", *(s for setting in settings for s in splits_to_predict(config, setting))]):
            files += [f"{RESULTS}/saliency/{SALIENCY}/{split}.csv"] if SALIENCY != "none" else []
            files.append(f"{RESULTS}/cams/{classifier}/seed{seed}/{split}.h5")
            files += saliency_tables(split) + cam_files(network, split)
        for maps in pseudo_settings(config, classifier):  # variants have other maps
            files += saliency_tables("train", maps) + cam_files(network, "train", maps)
    return list(dict.fromkeys(files))


def every_weight():
    """Return the weights of all networks that the run trains."""
    return [
        f"{RESULTS}/{network}/weights.pt"
        for classifier, seed, settings in every_network()
        for network in [
            *([f"classifier/{classifier}/seed{seed}"] if needs_classifier(config) else []),
            *(f"segmenter/{classifier}/seed{seed}/{setting}" for setting in settings),
        ]
    ]


def every_result():
    """Return what is scored: the fields of mdc.scores.tables.Result of every confusion matrix."""
    results = []
    for classifier, seed, settings in every_network():
        common = {"seed": seed, "classifier": classifier}
        names = ["all-background", *(f"pseudo-{maps}" for maps in pseudo_settings(config, classifier))]
        names += salient_settings(config, classifier)
        results += [{"split": "train", "setting": name, "crf": False, **common} for name in names]
        for split in config["predictions"]["splits"]:
            if split != "train":  # it has been scored beside the pseudo masks
                results.append({"split": split, "setting": "all-background", "crf": False, **common})
            results += [
                {"split": split, "setting": setting, "crf": crf, **common}
                for setting in settings
                if split in splits_to_predict(config, setting)
                for crf in (False, True)
            ]
    return results


def table_results(table):
    """Return what stands in table 3 or 4: the fields of mdc.scores.tables.Result of every confusion matrix.

    Raises WorkflowError if a row cannot be had.
    """
    results = []
    for classifier, setting in table_rows(config, table):
        if classifier not in classifiers(config):
            known = ", ".join(classifiers(config))
            raise WorkflowError(
                f"scores.{table}: {classifier}/{setting}: there is no classifier {classifier}; known: {known}"
            )
        if setting not in KNOWN_SETTINGS[classifier]:
            maps = ", ".join(map_settings(config, classifier))
            raise WorkflowError(
                f"scores.{table}: {classifier}/{setting} needs maps that {classifier} lacks; it has {maps}"
            )
        for problem in setting_problems(config, setting):
            raise WorkflowError(f"scores.{table}: {problem}")
        results += [
            {"split": split, "setting": setting, "crf": crf, "seed": seed, "classifier": classifier}
            for split in splits_to_predict(config, setting)
            if split != "train"
            for crf in (False, True)
            for seed in config["seeds"]
        ]
    if not results:
        raise WorkflowError(f"scores.{table}: there is nothing to show; name rows, and splits in predictions.splits")
    return results


def sweeps_of(classifier):
    """Return the threshold sweeps of a classifier's maps, with the wildcards classifier and seed."""
    if config["masks"]["own_masks"]:
        return []
    return list(dict.fromkeys(sweep_of(maps) for maps in pseudo_settings(config, classifier)))


def every_sweep():
    """Return the threshold sweeps of all pseudo masks."""
    return [
        path.format(classifier=classifier, seed=seed)
        for classifier, seed, _ in every_network()
        for path in sweeps_of(classifier)
    ]


def score_file(result, kind):
    """Return the path of one of a result's tables; kind is confusion, images or pixels."""
    name = result["setting"] + ("-crf" if result["crf"] else "")
    return f"{RESULTS}/scores/{BY_NETWORK}/{result['split']}/{name}.{kind}.csv".format(**result)


def tables_of_result(wildcards, split):
    """Return the tables of the masks that a result is about; none for all-background."""
    result = wildcards.result
    if result == "all-background":
        return []
    if result.startswith("pseudo-"):
        return [f"{RESULTS}/masks/{BY_NETWORK}/{result.removeprefix('pseudo-')}/{split}.csv"]
    if result.startswith("salient-"):
        return [f"{RESULTS}/masks/{BY_NETWORK}/{result}/{split}.csv"]
    stage = "crf" if result.endswith("-crf") else "predictions"
    return mask_tables(wildcards, stage, result.removesuffix("-crf"), split)


def submission_files(wildcards):
    """Return the archives to submit. Raises WorkflowError where they cannot be had."""
    try:
        check_submission(config)
    except InputError as error:
        raise WorkflowError(str(error)) from None
    return [
        f"{RESULTS}/submission/{classifier}/seed{seed}/{result}.tgz"
        for classifier, result in submitted(config)
        for seed in config["seeds"]
    ]


def maps_of_result(result, classifier):
    """Return the map setting that a result comes from; for true-masks the one that its sheet shows for comparison."""
    base = split_variant(result.removesuffix("-crf"))[0]
    setting = base.split("-", 1)[1].removeprefix("salient-")
    known = map_settings(config, classifier)
    return setting if setting in known else known[-2 if "fusion" in known else 0]


def sheet_tables(wildcards, stage):
    """Return the tables that a contact sheet shows of a stage (masks, predictions or crf) beside the maps."""
    result, split = wildcards.result, wildcards.split
    if result.startswith(("pseudo-", "salient-")):
        return tables_of_result(wildcards, split) if stage == "masks" else []
    setting = result.removesuffix("-crf")
    if stage != "masks":
        return mask_tables(wildcards, stage, setting, split)
    if config["masks"]["own_masks"] and split != "train":
        return []  # they are for training images
    maps = masks_of_setting(config, setting)
    if maps.startswith("true-masks"):
        maps = maps_of_result(result, wildcards.classifier)  # for comparison
    return [f"{RESULTS}/masks/{BY_NETWORK}/{maps}/{split}.csv"]


def figure_ids():
    """Return the ids that figures are asked to show, and the splits they are looked up in, by key of the config."""
    asked = {
        "figure5": (config["figures"]["figure5"], "train"),
        "figure6": (config["figures"]["figure6"], figure_split(config)),
    }
    return {f"figures.{key}": (ids, split) for key, (ids, split) in asked.items() if ids}


def figure_result(figure, classifier):
    """Return the split and the result by whose scores figure5 or figure6 chooses images."""
    if figure == "figure5":
        return {"split": "train", "result": f"pseudo-{figure_maps(config, classifier)}"}
    return {"split": figure_split(config), "result": f"{figure_segmenters(config, classifier)[0]}-crf"}


def figure_scores(figure, classifier):
    """Return the table of these scores, with the wildcards classifier and seed."""
    result = figure_result(figure, classifier)
    return f"{RESULTS}/scores/{BY_NETWORK}/{result['split']}/{result['result']}.images.csv"


def figure_tables(wildcards, stage):
    """Return the tables of masks that figure 6 shows (stage predictions or crf), of one segmenter after the other."""
    split, settings = figure_split(config), figure_segmenters(config, wildcards.classifier)
    return [path for setting in settings for path in mask_tables(wildcards, stage, setting, split)]


def table_of(result):
    """Return which of the paper's tables has a segmenter's result."""
    return "table4" if strong_images(result.removesuffix("-crf")) else "table3"


def curves_of(network):
    """Return what the curves of a network are of: classifier, seed and, for a segmenter, the setting as result."""
    stage, classifier, seed, *setting = network.split("/")
    return {"classifier": classifier, "seed": seed.removeprefix("seed"), "result": "".join(setting)}


def paper_figures():
    """Return the figures in the paper's manner, as PNG; each is made as PDF as well."""
    figures = []
    split = figure_split(config)
    for classifier, seed, _ in every_network():
        network = BY_NETWORK.format(classifier=classifier, seed=seed)
        if not config["masks"]["own_masks"]:
            figures += [f"{network}/figure5.png", f"{network}/sweep.png"]
        shown = figure_segmenters(config, classifier) if split else []
        if shown:
            figures.append(f"{network}/figure6.png")
        figures += [f"{network}/{split}/{setting}-crf.confusion.png" for setting in shown]
        figures += [f"{classifier}/{split}/{setting}-crf.classes.png" for setting in shown]
    return [f"{RESULTS}/figures/{figure}" for figure in dict.fromkeys(figures)]


def every_figure():
    """Return the pictures of the report alone: curves, and contact sheets of all pseudo masks and segmenters."""
    figures = []
    for classifier, seed, settings in every_network():
        network = BY_NETWORK.format(classifier=classifier, seed=seed)
        maps = map_settings(config, classifier)
        sheets = [f"train/pseudo-{name}" for name in maps if name in ("fusion", "own") or len(maps) == 1]
        sheets += [f"{split}/{setting}-crf" for setting in settings for split in splits_to_predict(config, setting)]
        figures += [f"{RESULTS}/report/{network}/{sheet}.png" for sheet in sheets]
        figures += [f"{RESULTS}/segmenter/{network}/{setting}/curves.png" for setting in settings]
        if needs_classifier(config):
            figures.append(f"{RESULTS}/classifier/{network}/curves.png")
    return figures
