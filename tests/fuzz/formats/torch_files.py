"""Files of PyTorch with other tensors, values, keys or descriptions, or with code."""

import io
import json
import os
from typing import Any

import torch

from tests.fuzz.mutations import Rng, pick

SPOILT = "spoilt-by-a-mutant"  # a file of this name says that code from a mutant has run


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


def places(content: Any, wanted: type | tuple[type, ...]) -> list[tuple[Any, Any]]:
    """Return (container, key) of everything of a type in nested dicts and lists."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for key, value in items:
        if isinstance(value, wanted):
            found.append((content, key))
        if isinstance(value, (dict, list)):
            found += places(value, wanted)
    return found


def torch_tensor(rng: Rng, data: bytes) -> bytes:
    """Give a tensor another shape, type, layout or values."""
    content = _content(data)
    where, key = pick(rng, places(content, torch.Tensor))
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
    values = places(content, (int, float, str, bool, list, type(None)))
    if not values:
        return saved(list(content.items()))
    where, key = pick(rng, values)
    where[key] = pick(rng, [-1, 0, 1, 10**12, 1.5, float("nan"), "x", "", None, [], {}, True, torch.zeros(2)])
    return saved(content)


def torch_keys(rng: Rng, data: bytes) -> bytes:
    """Remove, rename or add a key, or leave something else than a dict."""
    content = _content(data)
    dicts = [content, *(where[key] for where, key in places(content, dict) if where[key])]
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
        content = pick(
            rng,
            [[], None, torch.zeros(3), "text", {}, {"state": None, "description": None, "settings": None}, [content]],
        )
    return saved(content)


def torch_code(rng: Rng, data: bytes) -> bytes:
    """Add an object that runs code when it is unpickled."""
    content = _content(data)
    content[pick(rng, list(content))] = Code()
    return saved(content, legacy=rng.uniform() < 0.5)


def torch_format(rng: Rng, data: bytes) -> bytes:
    """Save the same in the format of older versions."""
    return saved(_content(data), legacy=True)


def torch_description(rng: Rng, data: bytes) -> bytes:
    """Change what our weights carry as JSON to build their network."""
    content = _content(data)
    described = json.loads(content["description"])
    where, key = pick(rng, [(described, key) for key in described] + places(described, (int, float, str, list, dict)))
    if rng.uniform() < 0.2 and isinstance(where, dict):
        del where[key]
    else:
        values = [-1, 0, 1, 1.5, 10**6, 10**12, 10**30, "x", "", None, [], {}, [1], True, ["a"] * 300, float("nan")]
        where[key] = pick(rng, values)
    texts = [json.dumps(described)] * 6 + ["", "null", "[]", "{", "NaN", "5", b"{}"]
    content["description"] = pick(rng, texts)
    return saved(content)


TORCH = (torch_tensor, torch_tensor, torch_tensor, torch_value, torch_keys, torch_keys, torch_code, torch_format)
