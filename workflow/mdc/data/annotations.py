"""Reading VOC's annotations."""

from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

from mdc.runtime.errors import NO_ACCESS, InputError


class _TreeWithoutDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str, system: str) -> NoReturn:
        # Entities, and with them files that unfold to gigabytes, can only be declared in a DOCTYPE; VOC's have none.
        raise InputError("has a DOCTYPE, which no VOC annotation has: remove it")


def read_tags(xml_path: Path) -> set[str]:
    """Return the names of the objects in a VOC annotation, difficult ones included, names of their parts excluded.

    Raises `InputError` when the file is missing, is not XML, is not a VOC annotation or has an object without a name.
    """
    try:
        parser = ElementTree.XMLParser(target=_TreeWithoutDoctype())
        root = ElementTree.parse(xml_path, parser).getroot()
    except InputError as error:
        raise InputError(f"{xml_path}: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"{xml_path}: there is no such annotation") from error
    except PermissionError as error:
        raise InputError(f"{xml_path}: {NO_ACCESS}") from error
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise InputError(f"{xml_path}: is not readable XML ({error}): export or copy it again") from error
    if root.tag != "annotation":
        raise InputError(f"{xml_path}: begins with <{root.tag}>, a VOC annotation begins with <annotation>")
    things = root.findall("object")
    if len(things) != len(list(root.iter("object"))):
        raise InputError(f"{xml_path}: an object is nested in another element: put it directly below <annotation>")
    if any(len(thing.findall("name")) > 1 for thing in things):
        raise InputError(f"{xml_path}: an object has more than one name: leave one, or make it two objects")
    names = ["".join(name.itertext()).strip() for thing in things for name in thing.findall("name")]
    if "" in names or len(names) < len(things):
        raise InputError(f"{xml_path}: an object has no name: name it or remove it")
    return set(names)
