"""Archives with other members."""

import io
import tarfile

from tests.fuzz.mutations import Rng, pick


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
