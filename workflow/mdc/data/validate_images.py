"""Checking every listed photo and mask, and making plain copies of those that are not plain."""

import difflib
import functools
import hashlib
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas

from mdc.data.decoding import bounded_mask, bounded_rgb, bounded_size, decode, is_plain, upright
from mdc.data.images import write_plain
from mdc.data.label_colours import Colour
from mdc.data.manifest import COLUMNS, as_written, photo_digest
from mdc.data.mask_files import load_mask, write_mask
from mdc.data.mask_sizes import SIDES_SWAPPED
from mdc.data.names import nfc
from mdc.data.set_checks import Labels, label_fault, nothing_to_judge, nothing_to_learn
from mdc.runtime.errors import InputError, listing
from mdc.runtime.logs import logger
from mdc.runtime.parallel import map_in_order

DIFFERENCE_COLUMNS = ("id", "split", "tagged_only", "masked_only")
COUNTS = "%s: %d images, %d of them with a mask, %d without tags"  # in the log, of each split


@dataclass(frozen=True)
class Photo:
    """One image as its owner listed it; `tags_source` names the source of its tags in messages.

    Tags that are None are the classes that the mask shows.
    """

    id: str
    image: Path
    mask: Path | None
    tags: frozenset[str] | None
    tags_source: str


@dataclass(frozen=True)
class SplitTables:
    """The tables of a data folder.

    Attributes:
        tables: a manifest (see `manifest.read_manifest`) per split.
        classes: names in mask order.
        tag_differences: a row per image whose mask does not show exactly the classes of its tags: id, split, and the
            classes that are `tagged_only` or `masked_only`, joined by ";".
    """

    tables: dict[str, pandas.DataFrame]
    classes: tuple[str, ...]
    tag_differences: pandas.DataFrame


@dataclass(frozen=True)
class _Finding:
    """What was found of one image; `labels` is None without mask."""

    row: dict[str, str | int]
    image_digest: str
    converted: bool
    turned_in_place: bool
    labels: Labels | None
    tagged_only: str
    masked_only: str
    problems: list[str]


def split_tables(
    photos: dict[str, list[Photo]],
    *,
    classes: tuple[str, ...],
    problems: Sequence[str],
    plain_folder: Path,
    max_side_px: int,
    processes: int,
    colours: Mapping[Colour, int] | None = None,
) -> SplitTables:
    """Return a manifest for each split of `photos`, after decoding every photo and mask.

    Photos that are not plain get a plain copy `plain_folder`/images/<id>.jpg, their masks one in
    `plain_folder`/masks/<id>.png where the size changes; masks in colours (`colours`, see `mask_files.load_mask`) get a
    palette PNG `plain_folder`/own_masks/<id>.png at their own size. Originals are left alone.
    Raises one `InputError` that lists `problems`, those found before, and all that are found here.
    """
    problems = [*problems]
    listed: dict[str, list[Photo]] = {}
    for split, members in photos.items():
        listed[split] = list({photo.id: photo for photo in members}.values())
        times = Counter(photo.id for photo in members)
        problems += [f"image '{id}' is listed {n} times in {split}: list it once" for id, n in times.items() if n > 1]
    by_id = {photo.id: photo for members in listed.values() for photo in members}
    inspect = functools.partial(
        _inspect, classes=classes, plain_folder=plain_folder, max_side_px=max_side_px, colours=colours
    )
    results = map_in_order(inspect, list(by_id.values()), processes=processes, label="checking images")
    findings = dict(zip(by_id, results, strict=True))
    for finding in findings.values():
        problems += finding.problems
    problems += _leaks(listed, findings)
    problems += _contradicting_tags(listed, findings)
    fault = label_fault(_labels(listed, findings), classes)
    problems += [f"{_first_mask(listed)} and others: {fault}"] if fault else []
    if problems:
        raise problems_error(problems)
    differences = _tag_differences(listed, findings)
    _log_counts(listed, findings, differences, classes=classes, plain_folder=plain_folder)
    tables = {
        split: pandas.DataFrame([findings[photo.id].row for photo in members], columns=list(COLUMNS))
        for split, members in listed.items()
    }
    return SplitTables(tables=tables, classes=classes, tag_differences=differences)


def problems_error(problems: Sequence[str]) -> InputError:
    """Return the one `InputError` that lists `problems`, a line each."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InputError(listing(f"the data cannot be used as it is, {count}:", list(problems)))


def _inspect(
    photo: Photo,
    *,
    classes: tuple[str, ...],
    plain_folder: Path,
    max_side_px: int,
    colours: Mapping[Colour, int] | None,
) -> _Finding:
    problems: list[str] = []
    image_path, mask_path = photo.image, photo.mask
    size = loaded = None
    image_digest = ""
    converted = turned_in_place = False
    try:
        stored = decode(photo.image)
        image = upright(stored)
        turned_in_place = image is not stored and image.size == stored.size
        size = image.height, image.width
        image_digest = hashlib.sha256(photo.image.read_bytes()).hexdigest()
        converted = not is_plain(photo.image, max_side_px=max_side_px)
        if converted:
            image_path = plain_folder / "images" / f"{photo.id}.jpg"
            write_plain(image_path, bounded_rgb(image, max_side_px=max_side_px, source=photo.image))
    except InputError as error:
        problems.append(str(error))
    if photo.mask is not None:
        try:
            loaded = load_mask(photo.mask, classes=len(classes), colours=colours)
        except InputError as error:
            problems.append(str(error))
    mask = loaded.mask if loaded else None
    shown = loaded.shown if loaded else frozenset()
    if mask is not None and size is not None and mask.shape != size:
        problems.append(_size_problem(photo, mask.shape, size))
    height, width = bounded_size(*size, max_side_px=max_side_px) if size else (0, 0)
    own_mask_path = mask_path
    if loaded is not None and not problems:
        if not loaded.is_indexed:
            mask_path = own_mask_path = plain_folder / "own_masks" / f"{photo.id}.png"
            write_mask(own_mask_path, mask)
        if mask.shape != (height, width):
            mask_path = plain_folder / "masks" / f"{photo.id}.png"
            write_mask(mask_path, bounded_mask(mask, max_side_px=max_side_px))
    tags = _as_classes(photo.tags, classes) if photo.tags is not None else {classes[index - 1] for index in shown}
    problems = [*(_tag_problem(tag, classes, photo.tags_source) for tag in sorted(tags - set(classes))), *problems]
    named = frozenset(classes.index(tag) + 1 for tag in tags if tag in classes)
    row = {
        "id": photo.id,
        "image": as_written(image_path),
        "tags": ";".join(name for name in classes if name in tags),
        "mask": "" if mask_path is None else as_written(mask_path),
        "height": height,
        "width": width,
        "own_mask": "" if own_mask_path is None else as_written(own_mask_path),
        "own_height": size[0] if size else 0,
        "own_width": size[1] if size else 0,
        "digest": "" if problems else photo_digest(image_path, own_mask_path),
    }
    labels = Labels.of(named, loaded) if loaded is not None else None
    tagged_only, masked_only = (
        ";".join(classes[index - 1] for index in sorted(only)) if mask is not None else ""
        for only in (named - shown, shown - named)
    )
    return _Finding(row, image_digest, converted, turned_in_place, labels, tagged_only, masked_only, problems)


def _as_classes(tags: frozenset[str], classes: tuple[str, ...]) -> set[str]:
    """Return `tags` with those that are classes but for Unicode's normal form written as the classes are."""
    written = {nfc(name): name for name in classes}
    return {written.get(nfc(tag), tag) for tag in tags}


def _tag_problem(tag: str, classes: tuple[str, ...], source: str) -> str:
    pieces = [piece.strip() for piece in re.split(r"[,|/:\s]", tag) if piece.strip()]
    lower = {name.lower(): name for name in classes}
    close = difflib.get_close_matches(tag.lower(), lower, n=1)
    if len(pieces) > 1 and all(piece in classes for piece in pieces):
        advice = f"separate tags by ';': {';'.join(pieces)}"
    elif close:
        advice = f"did you mean '{lower[close[0]]}'?"
    elif tag.lower() == "background":
        advice = "leave it out, an image without tags is all background"
    else:
        advice = "correct it or add it to the classes"
    return f"{source}: the tag '{tag}' is not a class: {advice}"


def _size_problem(photo: Photo, mask_size: tuple[int, int], size: tuple[int, int]) -> str:
    (mask_height, mask_width), (height, width) = mask_size, size
    advice = "draw the mask at the size of the photo"
    if (mask_width, mask_height) == (height, width):
        advice = SIDES_SWAPPED
    return (
        f"{photo.mask}: is {mask_width} x {mask_height} pixels, but the photo {photo.image} is "
        f"{width} x {height}: {advice}"
    )


def _leaks(listed: dict[str, list[Photo]], findings: dict[str, _Finding]) -> list[str]:
    """Sentences about training images that are also in val or test, by their ids or byte by byte."""
    problems = []
    trained = {findings[photo.id].image_digest: photo.id for photo in reversed(listed["train"])}
    ids = set(trained.values()) | {photo.id for photo in listed["train"]}
    for split in ("val", "test"):
        for photo in listed.get(split, []):
            if photo.id in ids:
                problems.append(f"image '{photo.id}' is in train and in {split}: remove it from one of them")
            elif findings[photo.id].image_digest in trained and findings[photo.id].row["height"]:
                twin = trained[findings[photo.id].image_digest]
                problems.append(
                    f"training image '{twin}' and {split} image '{photo.id}' are the same file under two names: "
                    "remove one"
                )
    return problems


def _contradicting_tags(listed: dict[str, list[Photo]], findings: dict[str, _Finding]) -> list[str]:
    """Sentences about images of train and of val that are the same file with other tags."""
    first: dict[str, Photo] = {}
    problems = []
    for photo in [*listed["train"], *listed["val"]]:
        finding = findings[photo.id]
        twin = first.setdefault(finding.image_digest, photo)
        found, of_twin = (findings[one.id].row["tags"] for one in (photo, twin))
        if found != of_twin and finding.row["height"]:
            problems.append(
                f"images '{twin.id}' and '{photo.id}' are the same file, tagged '{of_twin}' and '{found}': correct the "
                "tags or remove one"
            )
    return problems


def _labels(listed: dict[str, list[Photo]], findings: dict[str, _Finding]) -> list[Labels]:
    members = [*listed["train"], *listed["val"]]  # images of test need no tags
    return [findings[photo.id].labels for photo in members if findings[photo.id].labels is not None]


def _first_mask(listed: dict[str, list[Photo]]) -> Path:
    return next(photo.mask for members in listed.values() for photo in members if photo.mask is not None)


def _tag_differences(listed: dict[str, list[Photo]], findings: dict[str, _Finding]) -> pandas.DataFrame:
    rows = [
        (photo.id, split, findings[photo.id].tagged_only, findings[photo.id].masked_only)
        for split, members in listed.items()
        if split != "test"  # images of test need no tags
        for photo in members
        if findings[photo.id].tagged_only or findings[photo.id].masked_only
    ]
    return pandas.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS))


def _log_counts(
    listed: dict[str, list[Photo]],
    findings: dict[str, _Finding],
    differences: pandas.DataFrame,
    *,
    classes: tuple[str, ...],
    plain_folder: Path,
) -> None:
    for split, members in listed.items():
        masks = sum(photo.mask is not None for photo in members)
        untagged = sum(findings[photo.id].row["tags"] == "" for photo in members)
        logger.info(COUNTS, split, len(members), masks, untagged)
    train, val = ([findings[photo.id].row["tags"] for photo in listed[split]] for split in ("train", "val"))
    for sentence in [*nothing_to_learn(train, classes), *nothing_to_judge(train, val)]:
        logger.warning(sentence)
    from_masks = sum(photo.tags is None for members in listed.values() for photo in members)
    if from_masks:
        logger.warning(
            "tags taken from the masks, as there are no annotations: %d images; masks with wrong indices would not be "
            "noticed",
            from_masks,
        )
    turned = [photo for members in listed.values() for photo in members if findings[photo.id].turned_in_place]
    if turned:
        masked = [photo for photo in turned if photo.mask is not None]
        logger.log(
            logging.WARNING if masked else logging.INFO,
            "photos with a rotation flag that keeps their size: %d, the first is '%s'; masks and maps must be drawn on "
            "the photo as a viewer shows it, not on the stored pixels%s",
            *(len(turned), turned[0].id, f": look at the mask of '{masked[0].id}'" if masked else ""),
        )
    copies = len(findings) - len({finding.image_digest for finding in findings.values()})
    if copies:
        logger.info("photos that are copies of another one in their split: %d", copies)
    converted = sum(finding.converted for finding in findings.values())
    if converted:
        logger.info(
            "photos that are large, rotated or otherwise not plain 8-bit RGB: %d, later stages read copies in %s",
            *(converted, plain_folder / "images"),
        )
    for column, what in (("masked_only", "show classes their image's tags do not name"),
                         ("tagged_only", "lack classes their image's tags name")):  # fmt: skip
        images = differences["id"][differences[column] != ""]
        if len(images):
            logger.warning(
                "masks in train and val that %s: %d, the first is that of '%s' (all in %s)",
                *(what, len(images), images.iloc[0], plain_folder / "tag_differences.csv"),
            )
