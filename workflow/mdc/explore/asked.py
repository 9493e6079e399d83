"""The arguments of a request. Names and ids are looked up in the runs' folders and tables, never joined to paths."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mdc.explore.descriptions import default_result, usual_settings
from mdc.explore.file_cache import FileCache
from mdc.explore.gallery import SORTED_BY, Query
from mdc.explore.measures import Background
from mdc.explore.open_image import OpenImage, open_image
from mdc.explore.runs import Result, Run
from mdc.explore.what_if import Settings, checked_settings, config_lines
from mdc.runtime.errors import InputError

IMAGES_KEPT, THUMBNAILS_KEPT = 8, 4000


class Explored:
    """The runs in `folders` by name, with what is kept of them between requests."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.runs = {run.name: run for run in map(Run, folders)}
        self.background = Background()
        self.images = FileCache(IMAGES_KEPT)
        self.thumbnails = FileCache(THUMBNAILS_KEPT)


class Asked:
    """The arguments of a request; every property and method raises InputError if its subject is not there."""

    def __init__(self, explored: Explored, arguments: Mapping[str, str]) -> None:
        self.explored, self.arguments = explored, arguments

    def text(self, name: str, default: str = "") -> str:
        """Return an argument, `default` without it."""
        return self.arguments.get(name) or default

    def whole(self, name: str, default: int, *, largest: int) -> int:
        """Return an argument that is a whole number from 1 to `largest`; the nearest of these if it lies beyond."""
        text = self.text(name, str(default))
        if not re.fullmatch("[0-9]{1,12}", text):
            raise InputError(f"{name}: {text} is not a whole number")
        return min(max(int(text), 1), largest)

    def _run(self, name: str) -> Run:
        runs = self.explored.runs
        if name not in runs:
            raise InputError(f"unknown run {name}; known: {', '.join(runs)}")
        return runs[name]

    @property
    def run(self) -> Run:
        """The run; the first one if none is named."""
        return self._run(self.text("run", next(iter(self.explored.runs))))

    @property
    def split(self) -> str:
        """The split of the run."""
        splits = self.run.splits()
        if self.text("split") not in splits:
            raise InputError(f"{self.run.name} has no split {self.text('split')}; it has {', '.join(splits) or 'none'}")
        return self.text("split")

    def masks(self, name: str = "result") -> tuple[Run, Result] | None:
        """Return the masks that `result` or `other` names, with their run, `<name>_run`; None without a name."""
        key = self.text(name)
        if not key:
            return None
        run = self._run(self.text(f"{name}_run", self.run.name))
        found = run.results(self.split).get(key)
        if found is None:
            raise InputError(f"{run.name} has no masks {key} of {self.split} yet")
        if run.classes() != self.run.classes():
            raise InputError(f"{run.name} and {self.run.name} have different classes: compare runs of the same ones")
        return run, found

    @property
    def result(self) -> Result | None:
        """The result of the run that is looked at; None if there is none."""
        shown = self.masks()
        return shown[1] if shown else default_result(self.run, self.split)

    def query(self) -> Query:
        """Return the query of images."""
        sort = self.text("sort", "table")
        if sort not in SORTED_BY:
            raise InputError(f"images cannot be sorted by {sort}; known: {', '.join(SORTED_BY)}")
        return Query(
            split=self.split,
            tags=tuple(filter(None, self.text("tags").split(";"))),
            search=self.text("search"),
            sort=sort,
            descending=self.text("order") == "down",
            result=self.masks(),
            other=self.masks("other"),
        )

    def image(self, *, cams: str = "", source: str = "") -> OpenImage:
        """Return the image `id` with these maps; see `mdc.explore.open_image.open_image`."""
        run, split, image_id = self.run, self.split, self.text("id")
        if cams and cams not in run.cams(split):
            raise InputError(f"{run.name} has no maps {cams} of {split} yet")
        if source not in ("", "none", *run.saliency_sources(split)):
            raise InputError(f"{run.name} has no saliency {source} of {split} yet")
        files = [run.folder / f"data/{split}.csv"]
        files += run.files(cams, split, ".h5") if cams else []
        files += run.files(f"saliency/{source}", split, ".csv") if source else []
        return self.explored.images.get(
            lambda: open_image(run, split, image_id, cams=cams, source=source),
            *(run.name, split, image_id, cams, source),
            files=tuple(files),
        )

    def usual(self) -> Settings | None:
        """Return the settings behind the run's masks; None without maps."""
        return usual_settings(self.run, self.split, self.result)

    def lines(self, tried: Settings, said: str) -> str:
        """Return `config_lines` of tried settings."""
        run = self.run
        base = usual_settings(run, self.split, self.result, with_variant=False) or tried
        return config_lines(run, tried, base, blocks=run.blocks(tried.cams, self.split), said=said)

    def settings(self) -> tuple[Settings, Settings]:
        """Return the tried settings and the usual ones."""
        usual = self.usual()
        if usual is None:
            raise InputError(f"{self.run.name} has no localization maps of {self.split} yet")
        blocks, sources = self.run.blocks(usual.cams, self.split), self.run.saliency_sources(self.split)
        return checked_settings(dict(self.arguments), usual, blocks=blocks, sources=sources), usual
