"""The judges of mutated files find what is wrong: by files and results of which it is known."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fuzz.__main__ import jobs_of
from tests.fuzz.checksums import same
from tests.fuzz.formats.png import png_chunks, png_of
from tests.fuzz.kind import Kind, Mutant, mutant_of
from tests.fuzz.kinds import KINDS
from tests.fuzz.mutations import flip_one_bit
from tests.fuzz.pictures import damage, png_indices


def encoded(pixels: np.ndarray, **settings) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **settings)
    return buffer.getvalue()


MASK = np.random.default_rng(0).integers(0, 4, (20, 30), np.uint8)
PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("level", [0, 9])
def test_the_reader_of_pngs_reads_what_pillow_wrote(level):
    assert np.array_equal(png_indices(encoded(MASK, format="PNG", compress_level=level)), MASK)


def test_damaged_pictures_are_told_from_whole_ones():
    png, jpeg = encoded(MASK, format="PNG"), encoded(PHOTO, format="JPEG")
    assert damage(png) == damage(jpeg) == ""
    chunks = dict(png_chunks(png))
    assert png_of(list(chunks.items())) == png
    assert damage(png[:-5]) == damage(png[:-12]) == "it is cut off"
    assert damage(png[:-5] + b"x" + png[-4:]).startswith("the checksum of")
    stream, rows = chunks[b"IDAT"], zlib.decompress(chunks[b"IDAT"])
    assert damage(with_stream(chunks, stream[:-10])) == damage(with_stream(chunks, zlib.compress(rows[:-1])))
    assert damage(with_stream(chunks, stream[:-10])) == "its pixels' stream has no end"
    assert damage(with_stream(chunks, stream[:10] + b"????" + stream[14:])).startswith("its pixels' stream (")
    assert "remature end" in damage(jpeg[:-300] + jpeg[-2:])


def with_stream(chunks: dict[bytes, bytes], stream: bytes) -> bytes:
    return png_of(list((chunks | {b"IDAT": stream}).items()))


def test_what_nobody_asks_a_png_for_is_no_damage():
    png = encoded(MASK, format="PNG")
    chunks = dict(png_chunks(png))
    other_end = with_stream(chunks, chunks[b"IDAT"][:-4] + b"abcd")
    for data in (png[:-4], png[:-1] + b"?", png[:-12] + b"\1\1\1\1" + png[-8:], other_end):
        assert damage(data) == ""
        assert np.array_equal(png_indices(data), MASK)


def test_only_pngs_whose_rows_are_missing_are_left_out():
    png = encoded(MASK, format="PNG")
    chunks = dict(png_chunks(png))
    rows = zlib.decompress(chunks[b"IDAT"])  # of 1 + 30 bytes
    fewer = with_stream(chunks, zlib.compress(rows[:-62]))
    assert damage(fewer) == "its last rows are missing"
    assert KINDS["true-mask"].left_out(fewer)
    others = [png, with_stream(chunks, zlib.compress(rows[:-61])), with_stream(chunks, zlib.compress(b""))]
    others += [fewer[:-5], fewer[:50] + b"?" + fewer[51:], encoded(PHOTO, format="JPEG")]
    assert not any(KINDS["true-mask"].left_out(data) for data in others)


def test_only_hdf5_files_that_hdf5_dies_of_are_left_out():
    begin, rest = b"\x89HDF\r\n\x1a\n GCOL\1\0\0\0" + struct.pack("<Q", 4096), struct.Struct("<HHIQ")
    text = rest.pack(1, 1, 0, 5) + b"hello\0\0\0"
    left_out = KINDS["external-maps"].left_out
    assert left_out(begin + text + rest.pack(0, 0, 0, 0))
    assert not left_out(begin + text + rest.pack(0, 0, 0, 4040) + rest.pack(0, 0, 0, 0))
    assert not left_out(begin + text)
    kind = b"\x19%c\1\0\x10\0\0\0"  # of variable length: 1 is a text, and 17 one that is padded otherwise
    assert left_out(kind % 2) and left_out(kind % 18)
    assert not left_out(kind % 0 + kind % 1 + kind % 17)


def judged(kind: str, data: bytes, found: object, *, is_whole: bool = False) -> str:
    return KINDS[kind].judge(Mutant(data, "", Path("none"), is_whole), found)


def test_wrong_results_are_found():
    png, classes = encoded(MASK, format="PNG"), 7
    assert judged("true-mask", png, np.zeros((20, 30), np.uint8)) == "a mask of (20, 30) for a photo of 64 x 64"
    mask = np.zeros((64, 64), np.uint8)
    assert judged("true-mask", encoded(mask, format="PNG"), mask) == ""
    assert judged("true-mask", encoded(mask, format="PNG"), mask + 1) == "other indices than the file stores"
    assert "classes" in judged("true-mask", encoded(mask, format="PNG"), mask + classes + 1)
    assert "damaged" in judged("true-mask", encoded(mask, format="PNG")[:-5], mask)
    assert judged("photo-jpeg", encoded(PHOTO, format="JPEG", quality=95), PHOTO[:, ::-1]).startswith(
        "its pixels differ"
    )
    assert judged("annotation", b"<annotation><object><name>a</name></object></annotation>", {"a"}) == ""
    assert judged("annotation", b"<annotation><object><name>a</name></object></annotation>", set()) == (
        "the tags set(), not {'a'}"
    )
    tags = b"image,tags\na.jpg,cat\n"
    assert judged("tags.csv", tags, {"a": ("train", frozenset({"cat"}), "")}) == ""
    assert judged("tags.csv", tags, {"a": ("train", frozenset(), "")}).startswith("a: the tags")
    assert judged("tags.csv", tags, {}).startswith("the images [], not ['a']")
    table = b"id,path,digest\na,a.png,1\n"
    assert judged("table", table, [["a", "a.png"]]) == ""
    assert judged("table", table + b"a,b.png,2\n", [["a", "b.png"]]).startswith("other rows")
    assert "a key stands" in _raised(lambda: judged("config", b"a: 1\na: 2\n", {"a": 2}))
    assert judged("config", b"run: a\n", {"run": "b"}) == ".run: 'b' instead of 'a'"
    assert judged("config", b"shards: 1.0\n", {"shards": 1.0}) == ".shards: 1.0 is no integer"


def _raised(function) -> str:
    with pytest.raises(ValueError) as error:
        function()
    return str(error.value)


def test_results_are_compared_by_type_and_value():
    a = {"x": [np.zeros(2, np.float32)], "y": ("a", 1)}
    assert same(a, {"x": [np.zeros(2, np.float32)], "y": ("a", 1)})
    assert not same(a, {"x": [np.zeros(2, np.float64)], "y": ("a", 1)})
    assert not same(a, {"x": [np.array([0, 1e-30], np.float32)], "y": ("a", 1)})
    assert not same(a, {"x": [np.zeros(2, np.float32)], "y": ("a", 2)})


def test_mutants_depend_on_seed_kind_and_number_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "originals").mkdir()
    (tmp_path / "originals/a").write_bytes(bytes(1000))
    settings = {"suffix": "", "originals": ("a",), "mutators": (flip_one_bit,), "names": ""}
    kind = Kind(name="k", consume=lambda data, folder: None, judge=lambda mutant, found: "", **settings)
    made = [mutant_of(kind, number, seed=0, others=[Path("originals/a")]).data for number in range(20)]
    again = [mutant_of(kind, number, seed=0, others=[Path("originals/a")]).data for number in reversed(range(20))]
    assert made == again[::-1] and len(set(made)) > 10
    assert made != [mutant_of(kind, number, seed=1, others=[Path("originals/a")]).data for number in range(20)]
    assert mutant_of(kind, -1, seed=0, others=[]).data == bytes(1000)


def test_mutants_are_divided_by_share():
    jobs = jobs_of({"a": 1, "b": 0.5}, 10)
    assert sorted(jobs) == [*(("a", n) for n in range(7)), *(("b", n) for n in range(3))]
