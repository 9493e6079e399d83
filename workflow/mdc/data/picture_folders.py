"""A folder with a PNG per image that another program has written: finding the PNG of an image."""

from pathlib import Path

from mdc.data.names import Names
from mdc.data.photo_files import photo_files
from mdc.storage.image_tables import png_path

PNG = ".png"


class PictureFolder:
    """The PNGs below a folder, to be found by image id, in any case and normal form of their names.

    Args:
        ending: what may follow the id in the names of the files, such as _mask.
    """

    def __init__(self, folder: Path, *, ending: str = "") -> None:
        self.folder, self.ending = folder, ending
        files = photo_files(folder).photos
        self._pngs = {id: path for id, paths in files.items() for path in paths if path.suffix.lower() == PNG}
        self._names = Names(self._pngs)

    def path(self, id: str) -> Path:
        """Return the PNG of an image; `folder`/<id>.png, which is not there, if there is none or more than one."""
        found = self._names.find(id) or (self._names.find(f"{id}{self.ending}") if self.ending else [])
        return self._pngs[found[0]] if len(found) == 1 else png_path(self.folder, id)
