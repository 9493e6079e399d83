"""Files of configuration with other values and keys, and what YAML offers besides."""

import yaml

from tests.fuzz.formats.torch_files import places
from tests.fuzz.mutations import WEIRD_TOKENS, Rng, pick


def yaml_value(rng: Rng, data: bytes) -> bytes:
    """Put something else in the place of a value, remove or rename a key."""
    config = yaml.safe_load(data)
    where, key = pick(rng, [(config, key) for key in config] + places(config, object))
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
    """Add an alias of nothing, tags, templates, or another document.

    No alias of itself and none that stands for millions, on which Snakemake and we recurse: nobody writes these unless
    to break what runs on their own machine.
    """
    more = ["seeds: *nothing\n", "run: !!python/name:os.system\n", "---\nrun: other\n"]
    more += ["?run: {{ 5 }}\n", "__use_yte__: true\nseeds: ?[1 / 0]\n", "run: !!binary aGFsbG8=\n", "<<: 5\n"]
    more += ["seeds: !!set {1, 2}\n", "run: 2024-01-01\n", "seeds: [0b11, 0o7, 1:30]\n", "? [a]\n: b\n", "run: demo\n"]
    return data + pick(rng, more).encode()


YAML = (yaml_value, yaml_value, yaml_value, yaml_alias)
