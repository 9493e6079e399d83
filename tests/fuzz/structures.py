"""Mutators that know a format: what they write is whole, with right checksums, but holds something else."""

import io
import json
import os
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np
import torch
import yaml
from scipy.io import loadmat, savemat

from mdc.store_checks import plain
from tests.fuzz.mutations import WEIRD_TOKENS, Rng, pick

SPOILT = "spoilt-by-a-mutant"  # a file of this name says that code from a mutant has run

# --- PNG


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, content) of every chunk of an intact PNG."""
    place, kind = 8, b""
    while kind != b"IEND":
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind = data[place + 4 : place + 8]
        yield kind, data[place + 8 : place + 8 + length]
        place += 12 + length


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of chunks, with their checksums."""
    parts = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_header(rng: Rng, data: bytes) -> bytes:
    """Change width, height, bits, colour type or interlacing."""
    (_, header), *rest = png_chunks(data)
    fields = list(struct.unpack(">IIBBBBB", header))
    field = int(rng.integers(7))
    values = [0, 1, fields[0] - 1, fields[0] + 1, 2 * fields[0], 40_000, 2**31 - 1]
    fields[field] = pick(rng, values) if field < 2 else pick(rng, [0, 1, 2, 3, 4, 6, 8, 16, 255])
    return png_of([(b"IHDR", struct.pack(">IIBBBBB", *fields)), *rest])


def png_pixels(rng: Rng, data: bytes) -> bytes:
    """Change bytes of the decompressed pixels."""
    chunks = list(png_chunks(data))
    pixels = bytearray(zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT")))
    for _ in range(int(rng.integers(1, 50))):
        pixels[int(rng.integers(len(pixels)))] = int(rng.integers(256))
    return _with_pixels(chunks, zlib.compress(bytes(pixels)))


def png_fewer_pixels(rng: Rng, data: bytes) -> bytes:
    """Leave out the end of the pixels, of their compressed stream or of its checksum, or add to it."""
    chunks = list(png_chunks(data))
    stream = b"".join(content for kind, content in chunks if kind == b"IDAT")
    pixels = zlib.decompress(stream)
    cut = int(rng.integers(len(pixels)))
    streams = [
        zlib.compress(pixels[:cut]),
        stream[: len(stream) * cut // len(pixels)],
        stream[:-4],
        stream[:-4] + b"abcd",
        zlib.compress(pixels + b"more" * 1000),
        stream + b"more",
        b"",
    ]
    return _with_pixels(chunks, pick(rng, streams))


def _with_pixels(chunks: list[tuple[bytes, bytes]], stream: bytes) -> bytes:
    before = [chunk for chunk in chunks if chunk[0] not in (b"IDAT", b"IEND")]
    return png_of([*before, (b"IDAT", stream), (b"IEND", b"")])


def png_chunks_changed(rng: Rng, data: bytes) -> bytes:
    """Remove, repeat, move or add a chunk."""
    chunks = list(png_chunks(data))
    place = int(rng.integers(len(chunks)))
    orientation = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    added = [
        *((b"eXIf", orientation), (b"tRNS", b"\x00\x80"), (b"tEXt", b"Comment\x00" + b"x" * 100), (b"ABCD", b"abc")),
        *((b"PLTE", b"\x00" * 7), (b"acTL", struct.pack(">II", pick(rng, [1, 2]), 0)), (b"zTXt", b"a\x00\x00xx")),
        *((b"gAMA", b"\x00\x00\x00\x00"), (b"iCCP", b"x\x00\x00" + zlib.compress(bytes(100)))),
    ]
    action = int(rng.integers(5))
    if action == 0:
        del chunks[place]
    elif action == 1:
        chunks.insert(place, chunks[place])
    elif action == 2:
        chunks.append(chunks.pop(place))
    else:
        chunks.insert(max(place, 1), pick(rng, added))
    return png_of(chunks)


PNG = (png_header, png_pixels, png_fewer_pixels, png_chunks_changed)

# --- JPEG


def jpeg_segments(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the segments of an intact JPEG before its first scan, and the rest from that scan on."""
    place, segments = 2, []
    while data[place + 1] != 0xDA:
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        segments.append(data[place : place + 2 + length])
        place += 2 + length
    return segments, data[place:]


def jpeg_segments_changed(rng: Rng, data: bytes) -> bytes:
    """Remove, repeat or move a segment, or change a byte of one."""
    segments, rest = jpeg_segments(data)
    place = int(rng.integers(len(segments)))
    action = int(rng.integers(4))
    if action == 0:
        del segments[place]
    elif action == 1:
        segments.insert(place, segments[place])
    elif action == 2:
        segments.append(segments.pop(place))
    else:
        changed = bytearray(segments[place])
        changed[int(rng.integers(4, len(changed)))] = int(rng.integers(256))
        segments[place] = bytes(changed)
    return data[:2] + b"".join(segments) + rest


def jpeg_size(rng: Rng, data: bytes) -> bytes:
    """Change height or width in the header of the frame."""
    segments, rest = jpeg_segments(data)
    for number, segment in enumerate(segments):
        if segment[1] in (0xC0, 0xC2):
            place = pick(rng, [5, 7])
            size = struct.pack(">H", pick(rng, [0, 1, 8, 63, 65, 100, 1000, 65_500]))
            segments[number] = segment[:place] + size + segment[place + 2 :]
    return data[:2] + b"".join(segments) + rest


def jpeg_ends_early(rng: Rng, data: bytes) -> bytes:
    """Cut off the end, or take out a piece, and end it as a whole file ends."""
    segments, rest = jpeg_segments(data)
    start = int(rng.integers(20, len(rest)))
    end = len(rest) - 2 if rng.uniform() < 0.5 else min(start + int(rng.integers(1, 400)), len(rest) - 2)
    return data[:2] + b"".join(segments) + rest[:start] + rest[max(start, end) :]


JPEG = (jpeg_segments_changed, jpeg_size, jpeg_ends_early)

# --- HDF5
NUMBERS = (-1, 0, 1, 7, 10**6, 2**31, 2**62, 1.5, float("nan"), float("inf"), "8", b"8", [8, 8], [], True)


def hdf5(change: Callable[[Rng, h5py.File], None]) -> Callable[[Rng, bytes], bytes]:
    """Return the mutator that applies `change` to the opened file."""

    def mutate(rng: Rng, data: bytes) -> bytes:
        buffer = io.BytesIO(data)
        with h5py.File(buffer, "r+") as file:
            change(rng, file)
        return buffer.getvalue()

    mutate.__name__ = change.__name__
    return mutate


def _group(rng: Rng, file: h5py.File) -> h5py.Group:
    return file[pick(rng, list(file))]


def _replaced(group: h5py.Group, name: str, **content: Any) -> None:
    del group[name]
    group.create_dataset(name, **content)


@hdf5
def hdf5_missing(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    action = int(rng.integers(4))
    if action == 0:
        del group[pick(rng, list(group))]
    elif action == 1:
        del group.attrs[pick(rng, list(group.attrs))]
    elif action == 2:
        del file.attrs[pick(rng, list(file.attrs))]
    else:
        del file[group.name]


@hdf5
def hdf5_attribute(rng: Rng, file: h5py.File) -> None:
    where = pick(rng, [file, file, _group(rng, file)])
    name = pick(rng, list(where.attrs))
    value = plain(where.attrs[name])
    if isinstance(value, list) and rng.uniform() < 0.5:
        values = [value[:-1], value[::-1], value + value, value[:1]]
        where.attrs[name] = pick(rng, values)
    elif isinstance(value, str) and rng.uniform() < 0.5:
        where.attrs[name] = pick(rng, [value + "x", "../x", "", "é", value.upper(), [value], "x" * 5000])
    else:
        del where.attrs[name]
        where.attrs[name] = pick(rng, NUMBERS)


@hdf5
def hdf5_shape(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][:]
    shapes = [array[:-1], array[..., :-1], array[None], array[..., None], array.T, array.ravel()[:1].reshape(())]
    shapes += [np.concatenate([array, array]), array[:0], array.ravel()]
    _replaced(group, name, data=pick(rng, shapes))


@hdf5
def hdf5_dtype(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][:]
    dtypes = ["f8", "f4", ">f2", "i8", "i1", "u2", "?", "c8", "S5", h5py.string_dtype(), [("a", "f2"), ("b", "i1")]]
    dtype = np.dtype(pick(rng, dtypes))
    if dtype.kind in "OV":
        _replaced(group, name, shape=array.shape, dtype=dtype)
    else:
        _replaced(group, name, data=array.astype(dtype))


@hdf5
def hdf5_values(rng: Rng, file: h5py.File) -> None:
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][...]
    if not array.size:
        return
    values = [0, 1, 5, 200, 255] if array.dtype.kind in "ui" else [np.nan, np.inf, -np.inf, 0, 1, -65504, 65504]
    array.reshape(-1)[int(rng.integers(array.size))] = pick(rng, values)
    group[name][...] = array


@hdf5
def hdf5_unallocated(rng: Rng, file: h5py.File) -> None:
    """Leave a dataset without values, which HDF5 reads as zeros."""
    group = _group(rng, file)
    name = pick(rng, list(group))
    shape, dtype = group[name].shape, group[name].dtype
    chunks = shape if rng.uniform() < 0.5 and 0 not in shape else None
    checked = {"fletcher32": True} if chunks and rng.uniform() < 0.5 else {}
    _replaced(group, name, shape=shape, dtype=dtype, chunks=chunks, **checked)


@hdf5
def hdf5_huge(rng: Rng, file: h5py.File) -> None:
    """Say that there are terabytes."""
    group = _group(rng, file)
    name = pick(rng, list(group))
    old = group[name]
    shape = tuple(size if rng.uniform() < 0.5 else 10**6 for size in old.shape)
    _replaced(group, name, shape=shape, dtype=old.dtype, chunks=tuple(min(size, 64) or 1 for size in shape))
    if rng.uniform() < 0.5:
        group.attrs.update({"height": 8 * 10**6 - 7, "width": 8 * 10**6 - 7})


@hdf5
def hdf5_links(rng: Rng, file: h5py.File) -> None:
    """Put a link in a group's or a dataset's place."""
    group = _group(rng, file)
    where, name = (file, group.name.strip("/")) if rng.uniform() < 0.5 else (group, pick(rng, list(group)))
    other = pick(rng, list(file))
    targets = [
        h5py.SoftLink(f"/{other}"),
        h5py.SoftLink("/nowhere"),
        h5py.SoftLink(f"/{group.name}"),
        h5py.ExternalLink("originals/run/cams/train.h5", f"/{other}"),
        h5py.ExternalLink("/etc/passwd", "/"),
        file[other],
    ]
    del where[name]
    try:
        where[name] = pick(rng, targets)
    except (ValueError, OSError, RuntimeError):
        where.create_group(name)


@hdf5
def hdf5_names(rng: Rng, file: h5py.File) -> None:
    """Rename a group, with or without its id."""
    group = _group(rng, file)
    new = pick(rng, ["..", "a/b", "a/../../b", "x", "é", "x" * 300, " ", "50%", "%2e%2e", "-"])
    if rng.uniform() < 0.5:
        group.attrs["id"] = new
    file.move(group.name, new if rng.uniform() < 0.5 else new.replace("%", "%25").replace("/", "%2F"))


@hdf5
def hdf5_kinds(rng: Rng, file: h5py.File) -> None:
    """Put a dataset in a group's place, or a group in a dataset's, or add what does not belong there."""
    group = _group(rng, file)
    action = int(rng.integers(3))
    if action == 0:
        name = group.name
        del file[name]
        file.create_dataset(name, data=np.zeros(3))
    elif action == 1:
        name = pick(rng, list(group))
        del group[name]
        group.create_group(name)
    else:
        file.create_dataset("extra", data=np.zeros(3)) if rng.uniform() < 0.5 else file.create_group("extra")


@hdf5
def hdf5_storage(rng: Rng, file: h5py.File) -> None:
    """Store the same values otherwise: compressed, without checksum, in another file, as a view of a dataset."""
    group = _group(rng, file)
    name = pick(rng, list(group))
    array = group[name][...]
    action = int(rng.integers(4)) if array.size else 0
    if action == 0:
        _replaced(group, name, data=array)
    elif action == 1:
        _replaced(group, name, data=array, compression="gzip", shuffle=True)
    elif action == 2:
        del group[name]
        layout = h5py.VirtualLayout(shape=array.shape, dtype=array.dtype)
        layout[...] = h5py.VirtualSource("nowhere.h5", "a", shape=array.shape)
        group.create_virtual_dataset(name, layout)
    else:
        _replaced(group, name, shape=array.shape, dtype=array.dtype, external=[("/etc/passwd", 0, array.nbytes)])


HDF5 = (
    *(hdf5_missing, hdf5_missing, hdf5_attribute, hdf5_attribute, hdf5_attribute, hdf5_shape, hdf5_shape, hdf5_dtype),
    *(hdf5_values, hdf5_values, hdf5_unallocated, hdf5_huge, hdf5_links, hdf5_names, hdf5_kinds, hdf5_storage),
)

# --- files of PyTorch


class Code:
    """Runs code where a file is unpickled without care."""

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {SPOILT}",)


def saved(content: Any, *, legacy: bool = False) -> bytes:
    """Return `content` as torch saves it."""
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def _content(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), weights_only=True)


def _places(content: Any, wanted: type | tuple[type, ...]) -> list[tuple[Any, Any]]:
    """Return (container, key) of everything of a type in nested dicts and lists."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for key, value in items:
        if isinstance(value, wanted):
            found.append((content, key))
        if isinstance(value, (dict, list)):
            found += _places(value, wanted)
    return found


def torch_tensor(rng: Rng, data: bytes) -> bytes:
    """Give a tensor another shape, type, layout or values."""
    content = _content(data)
    where, key = pick(rng, _places(content, torch.Tensor))
    old = where[key]
    spoilt = old.float().clone(memory_format=torch.contiguous_format)
    if spoilt.numel():
        spoilt.reshape(-1)[int(rng.integers(spoilt.numel()))] = pick(rng, [float("nan"), float("inf"), 1e38])
    others = [
        *(old.double(), old.half(), old.bfloat16(), old.int(), old.bool(), old.to(torch.complex64), spoilt, spoilt),
        *(
            old[None],
            old[..., :0] if old.ndim else old[None],
            old.flatten(),
            torch.zeros(()),
            old.expand(1, *old.shape),
        ),
        *(old.to_sparse(), old.to("meta"), torch.nn.Parameter(old.float()), torch.zeros(1).expand(2**20, 2**20)),
        *(old.double() * 1e300, torch.quantize_per_tensor(old.float(), 0.1, 0, torch.qint8)),
    ]
    where[key] = pick(rng, others)
    return saved(content)


def torch_value(rng: Rng, data: bytes) -> bytes:
    """Put something else in the place of a value that is no tensor."""
    content = _content(data)
    places = _places(content, (int, float, str, bool, list, type(None)))
    if not places:
        return saved(list(content.items()))
    where, key = pick(rng, places)
    where[key] = pick(rng, [-1, 0, 1, 10**12, 1.5, float("nan"), "x", "", None, [], {}, True, torch.zeros(2)])
    return saved(content)


def torch_keys(rng: Rng, data: bytes) -> bytes:
    """Remove, rename or add a key, or leave something else than a dict."""
    content = _content(data)
    dicts = [content, *(where[key] for where, key in _places(content, dict) if where[key])]
    chosen = pick(rng, dicts)
    key = pick(rng, list(chosen))
    action = int(rng.integers(5))
    if action == 0:
        del chosen[key]
    elif action == 1:
        chosen[pick(rng, [f"{key}x", 5, "", f"module.{key}"])] = chosen.pop(key)
    elif action == 2:
        chosen["extra"] = pick(rng, [torch.zeros(2), "x", None, {}])
    elif action == 3:
        chosen[key] = {}
    else:
        content = pick(rng, [[], None, torch.zeros(3), "text", {}, {"state": None, "settings": None}, [content]])
    return saved(content)


def torch_code(rng: Rng, data: bytes) -> bytes:
    """Add an object that runs code when it is unpickled."""
    content = _content(data)
    content[pick(rng, list(content))] = Code()
    return saved(content, legacy=rng.uniform() < 0.5)


def torch_format(rng: Rng, data: bytes) -> bytes:
    """Save the same in the format of older versions."""
    return saved(_content(data), legacy=True)


def torch_settings(rng: Rng, data: bytes) -> bytes:
    """Change the settings that our weights carry as JSON."""
    content = _content(data)
    settings = json.loads(content["settings"])
    where, key = pick(rng, [(settings, key) for key in settings] + _places(settings, (int, float, str, list, dict)))
    if rng.uniform() < 0.2 and isinstance(where, dict):
        del where[key]
    else:
        values = [-1, 0, 1, 1.5, 10**6, 10**12, 10**30, "x", "", None, [], {}, [1], True, ["a"] * 300, float("nan")]
        where[key] = pick(rng, values)
    texts = [json.dumps(settings)] * 6 + ["", "null", "[]", "{", "NaN", "5", b"{}"]
    content["settings"] = pick(rng, texts)
    return saved(content)


TORCH = (torch_tensor, torch_tensor, torch_tensor, torch_value, torch_keys, torch_keys, torch_code, torch_format)

# --- archives


def _members(data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(member, tar.extractfile(member).read() if member.isfile() else b"") for member in tar]


def _archive(members: list[tuple[tarfile.TarInfo, bytes]], data: bytes) -> bytes:
    buffer = io.BytesIO()
    mode = "w:gz" if data.startswith(b"\x1f\x8b") else "w"
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


def tar_member(rng: Rng, data: bytes) -> bytes:
    """Change name, kind or size of a member."""
    members = _members(data)
    number = int(rng.integers(len(members)))
    member, content = members[number]
    action = int(rng.integers(4))
    root = "benchmark_RELEASE/dataset"
    if action == 0:
        names = ["../outside", "/tmp/outside", "a/../../outside", f"{root}/cls/../../../../outside.mat", "", ".", ".."]
        names += [f"{root}/cls/{'x' * 300}.mat", f"{root}/cls/" + "d/" * 900 + "x.mat", f"{root}/cls/é.mat"]
        names += [
            f"{root}/cls/a\nb.mat",
            f"{root}/cls",
            f"{root}/train.txt/x.mat",
            f"./{root}/val.txt",
            f"{root}//val.txt",
        ]
        member.name = pick(rng, [*names, pick(rng, members)[0].name, "archive.txt"])
    elif action == 1:
        kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"?", b"S"]
        member.type = pick(rng, kinds)
        member.linkname = pick(rng, ["/etc/passwd", "../..", f"{root}/train.txt", ""])
        if not member.isreg():
            member.size = 0
    elif action == 2:
        member.mode, member.mtime, member.uid = pick(rng, [(0, 0, 0), (0o7777, -1, 2**40), (0o644, 1e15, 0)])
    else:
        content = content + bytes(pick(rng, [1, 1000, 3_000_000]))
        if member.isreg():
            member.size = len(content)
    members[number] = member, content
    return _archive(members, data)


def tar_order(rng: Rng, data: bytes) -> bytes:
    """Remove, repeat or move a member."""
    members = _members(data)
    number = int(rng.integers(len(members)))
    action = int(rng.integers(3))
    taken = members.pop(number) if action != 1 else members[number]
    if action:
        members.insert(int(rng.integers(len(members) + 1)), taken)
    return _archive(members, data)


def tar_through_a_link(rng: Rng, data: bytes) -> bytes:
    """Add a link to another folder, and a file below it."""
    link = tarfile.TarInfo("benchmark_RELEASE/dataset/cls")
    link.type, link.linkname = tarfile.SYMTYPE, pick(rng, ["../../..", "/tmp", ".", "inst"])
    file = tarfile.TarInfo("benchmark_RELEASE/dataset/cls/outside.mat")
    file.size = 4
    return _archive([(link, b""), (file, b"evil"), *_members(data)], data)


TAR = (tar_member, tar_member, tar_order, tar_through_a_link)

# --- MATLAB files


def mat_content(rng: Rng, data: bytes) -> bytes:
    """Change what an SBD file holds, or how."""
    mask = loadmat(io.BytesIO(data))["GTcls"]["Segmentation"].item()
    spoilt = mask.astype(float)
    spoilt[0, 0] = pick(rng, [np.nan, np.inf, 1.5, -1, 21, 255, 1e300])
    masks = [
        *(mask, spoilt, spoilt, spoilt, mask.astype("i4"), mask.astype("f4"), mask > 0, mask[None], mask[:0], mask[0]),
        *(mask.astype(complex), "text", [], {"a": mask}, np.array([[mask]], object), mask[:-5], mask[:, :-5]),
    ]
    content = pick(rng, masks)
    whole = [{"GTcls": {"Segmentation": content}}] * 6
    whole += [{"GTcls": content}, {"GTcls": {"Other": content}}, {"Other": {"Segmentation": mask}}, {}]
    whole += [{"GTcls": np.array([{"Segmentation": mask}, {"Segmentation": mask}], object)}]
    buffer = io.BytesIO()
    version = pick(rng, ["5", "5", "5", "5", "4"])
    chosen = pick(rng, whole)
    try:
        savemat(buffer, chosen, do_compression=rng.uniform() < 0.5, format=version)
    except (TypeError, ValueError, AttributeError):
        return data
    return buffer.getvalue()


def mat_stream(rng: Rng, data: bytes) -> bytes:
    """Change bytes of the decompressed elements and compress them again."""
    (length,) = struct.unpack("<I", data[132:136])
    stream = bytearray(zlib.decompress(data[136 : 136 + length]))
    for _ in range(int(rng.integers(1, 4))):
        stream[int(rng.integers(min(len(stream), 4000)))] = int(rng.integers(256))
    packed = zlib.compress(bytes(stream))
    return data[:132] + struct.pack("<I", len(packed)) + packed


MAT = (mat_content, mat_content, mat_stream)

# --- configurations


def yaml_value(rng: Rng, data: bytes) -> bytes:
    """Put something else in the place of a value, remove or rename a key."""
    config = yaml.safe_load(data)
    where, key = pick(rng, [(config, key) for key in config] + _places(config, object))
    values = [*WEIRD_TOKENS, -1, 0, 1, 2, 10**6, 10**30, -0.5, 0.5, 1e-300, 3.0, float("nan"), float("inf"), None, True]
    values += [[], {}, [[]], [1, 1], {"a": 1}, ["x"], [None], "2024-01-01", "12:30:45", "weak-fusion", "@", "a@b"]
    action = rng.uniform()
    if action < 0.7:
        where[key] = pick(rng, values)
    elif action < 0.85 and isinstance(where, dict):
        del where[key]
    elif isinstance(where, dict):
        where[pick(rng, [*WEIRD_TOKENS[:40], 5, None, True, 1.5, f"{key}.x", f"{key}s"])] = where.pop(key)
    else:
        where.append(where[key])
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode(errors="surrogatepass")


def yaml_alias(rng: Rng, data: bytes) -> bytes:
    """Add aliases: of itself, a million times, or of nothing; tags; templates; several documents."""
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 25))
    more = ["x: &x [*x]\n", bomb, "seeds: *nothing\n", "run: !!python/name:os.system\n", "---\nrun: other\n"]
    more += ["?run: {{ 5 }}\n", "__use_yte__: true\nseeds: ?[1 / 0]\n", "run: !!binary aGFsbG8=\n", "<<: 5\n"]
    more += ["seeds: !!set {1, 2}\n", "run: 2024-01-01\n", "seeds: [0b11, 0o7, 1:30]\n", "? [a]\n: b\n", "run: demo\n"]
    return data + pick(rng, more).encode()


YAML = (yaml_value, yaml_value, yaml_value, yaml_alias)
