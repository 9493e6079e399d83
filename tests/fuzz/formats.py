"""Mutators that know a format: what they write is whole, with right checksums, but holds something else."""

import io
import json
import os
import struct
import tarfile
import zlib
from typing import Any

import h5py
import numpy as np
import torch
import yaml
from scipy.io import loadmat, savemat

from mdc.storage.hdf5_checks import plain
from tests.fuzz.mutations import TOKENS, Rng, pick

SPOILT = "spoilt-by-a-mutant"  # a file of this name says that code from a mutant has run
VALUES = (-1, 0, 1, 7, 10**12, 1.5, float("nan"), float("inf"), "x", "", None, [], {}, [1], True)


def places(content: Any, wanted: type | tuple[type, ...]) -> list[tuple[Any, Any]]:
    """Return (container, key) of everything of a type in nested dicts and lists."""
    found = []
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        found += [(content, key)] if isinstance(value, wanted) else []
        found += places(value, wanted) if isinstance(value, (dict, list)) else []
    return found


def png(rng: Rng, data: bytes) -> bytes:
    """Change the header, the pixels or the order of the chunks of a PNG."""
    place, chunks = 8, []
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    number, action = int(rng.integers(len(chunks))), int(rng.integers(4))
    if action == 0:
        fields = list(struct.unpack(">IIBBBBB", chunks[0][1]))
        field = int(rng.integers(7))
        fields[field] = pick(rng, [0, 1, fields[0] + 1, 40_000, 2**31 - 1] if field < 2 else [0, 1, 2, 3, 4, 8, 16])
        chunks[0] = b"IHDR", struct.pack(">IIBBBBB", *fields)
    elif action == 1:
        pixels = bytearray(zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT")))
        pixels[int(rng.integers(len(pixels)))] = int(rng.integers(256))
        chunks = [chunk for chunk in chunks if chunk[0] not in (b"IDAT", b"IEND")]
        chunks += [(b"IDAT", zlib.compress(bytes(pixels))), (b"IEND", b"")]
    elif action == 2:
        chunks.insert(
            max(number, 1), pick(rng, [(b"tRNS", b"\0\x80"), (b"PLTE", bytes(7)), (b"acTL", b"\0\0\0\2" * 2)])
        )
    else:
        chunks.append(chunks.pop(number))
    parts = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def hdf5(rng: Rng, data: bytes) -> bytes:
    """Change an array, an attribute, a name or a link of an HDF5 file, or leave one out."""
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        group = file[pick(rng, list(file))]
        name, action = pick(rng, list(group)), int(rng.integers(6))
        array, where = group[name][...], pick(rng, [file, group])
        if action == 0:
            key = pick(rng, list(where.attrs))
            old = plain(where.attrs.pop(key))
            new = pick(rng, [*VALUES[:7], [8, 8], "../x", old[::-1] if isinstance(old, (list, str)) else old])
            if rng.uniform() < 0.8:
                where.attrs[key] = new
        elif action == 1 and array.size:
            array.reshape(-1)[int(rng.integers(array.size))] = pick(
                rng, [0, 1, 5, 200] + [np.nan] * (array.dtype.kind == "f")
            )
            group[name][...] = array
        elif action == 2:
            file.move(group.name, pick(rng, ["a/b", "x", "x" * 300, "%2e%2e"]))
        elif action == 3:
            name = group.name
            del file[name]
            links = [h5py.SoftLink("/nowhere"), h5py.ExternalLink("originals/run/cams/train.h5", "/"), np.zeros(3)]
            file[name] = pick(rng, links)
        else:
            del group[name]
            shapes = [array[:-1], array[..., None], array.ravel(), array.astype("f8"), array.astype("c8"), array > 0]
            if action == 4:
                group.create_dataset(name, data=pick(rng, shapes))
            elif rng.uniform() < 0.5:  # never written, which HDF5 reads as zeros, and says that there are terabytes
                group.create_dataset(name, shape=tuple(pick(rng, [n, 10**5]) for n in array.shape), dtype=array.dtype)
            elif rng.uniform() < 0.5:
                group.create_dataset(name, array.shape, array.dtype, external=[("/etc/passwd", 0, array.nbytes)])
    return buffer.getvalue()


class Code:
    """Runs code where a file is unpickled without care."""

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {SPOILT}",)


def torch_file(rng: Rng, data: bytes) -> bytes:
    """Change a tensor, a key, a value or the description of a file of PyTorch, or add code."""
    content = torch.load(io.BytesIO(data), weights_only=True)
    action = int(rng.integers(5))
    if action == 0:
        where, key = pick(rng, places(content, torch.Tensor))
        old = where[key]
        bad = old.float().clone()
        bad.reshape(-1)[:1] = pick(rng, [float("nan"), float("inf")])
        others = [old.double(), old.int(), old.bool(), old.to(torch.complex64), bad, old[None], old.flatten(), None]
        where[key] = pick(rng, [*others, old.to_sparse(), old.to("meta"), torch.zeros(1).expand(2**20, 2**20)])
    elif action == 1:
        where = pick(rng, [content, *(d[k] for d, k in places(content, dict) if d[k])])
        key = pick(rng, list(where))
        value = where.pop(key)
        if rng.uniform() < 0.5:
            where[pick(rng, [f"{key}x", 5, ""])] = value
    elif action == 2 and "description" in content:
        told = json.loads(content["description"])
        where, key = pick(rng, places(told, object))
        where[key] = pick(rng, [*VALUES, 10**6, ["a"] * 300])
        content["description"] = pick(rng, [json.dumps(told)] * 6 + ["", "null", "[]", "{", 5])
    elif action == 3:
        content[pick(rng, list(content))] = Code()
    elif places(content, (int, float, str, bool)):
        where, key = pick(rng, places(content, (int, float, str, bool)))
        where[key] = pick(rng, VALUES)
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=rng.uniform() < 0.8)
    return buffer.getvalue()


def tar(rng: Rng, data: bytes) -> bytes:
    """Change name or kind of a member of an archive, its order, or add a file that lies behind a link."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [(member, archive.extractfile(member).read() if member.isfile() else b"") for member in archive]
    number, action, root = int(rng.integers(len(members))), int(rng.integers(4)), "benchmark_RELEASE/dataset"
    member, content = members[number]
    if action == 0:
        names = ["../outside", "/tmp/outside", f"{root}/cls/../../../../outside.mat", "", "..", f"{root}/cls/a\nb.mat"]
        member.name = pick(rng, [*names, f"{root}/cls/{'x' * 300}.mat", f"./{root}/val.txt", f"{root}/train.txt/x.mat"])
    elif action == 1:
        member.type = pick(rng, [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"?"])
        member.linkname, member.size = pick(rng, ["/etc/passwd", "../..", f"{root}/train.txt"]), 0
    elif action == 2:
        members.insert(int(rng.integers(len(members))), members.pop(number))
    else:
        link, file = tarfile.TarInfo(f"{root}/cls"), tarfile.TarInfo(f"{root}/cls/outside.mat")
        link.type, link.linkname, file.size = tarfile.SYMTYPE, pick(rng, ["../../..", "/tmp"]), 4
        members = [(link, b""), (file, b"evil"), *members]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if data.startswith(b"\x1f\x8b") else "w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


def mat(rng: Rng, data: bytes) -> bytes:
    """Change what an SBD file holds, or how."""
    mask = loadmat(io.BytesIO(data))["GTcls"]["Segmentation"].item()
    bad = mask.astype(float)
    bad[0, 0] = pick(rng, [np.nan, np.inf, 1.5, -1, 21, 255])
    kept = pick(
        rng, [bad, mask.astype("i4"), mask > 0, mask[None], mask[:0], mask.astype(complex), "text", {"a": mask}]
    )
    buffer = io.BytesIO()
    content = pick(rng, [{"GTcls": {"Segmentation": kept}}] * 4 + [{"GTcls": {"Other": kept}}, {"Other": mask}])
    savemat(buffer, content, do_compression=True)
    return buffer.getvalue()


def configuration(rng: Rng, data: bytes) -> bytes:
    """Change a value or a key of a file of configuration, or add what YAML offers besides."""
    config = yaml.safe_load(data)
    where, key = pick(rng, places(config, object))
    action = rng.uniform()
    if action < 0.7:
        where[key] = pick(rng, [*TOKENS, *VALUES, -0.5, 1e-300, [1, 1], "weak-fusion", "a@b"])
    elif action < 0.85 and isinstance(where, dict):
        where[pick(rng, [*TOKENS[:40], 5, None, f"{key}s"])] = where.pop(key)
    else:
        more = ["seeds: *nothing\n", "run: !!python/name:os.system\n", "---\nrun: other\n", "<<: 5\n", "? [a]\n: b\n"]
        return data + pick(rng, [*more, "seeds: !!set {1, 2}\n", "run: 2024-01-01\n", "run: demo\n"]).encode()
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode(errors="surrogatepass")
