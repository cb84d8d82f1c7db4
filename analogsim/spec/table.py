"""The table of keys, of every kind of spec, and the JSON Schema that it makes."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from analogsim.keys import Field, Key, flag, keys_of, many, one_of, text
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.options import OfImages
from analogsim.spec.study import ATTRIBUTION, DESIGN, Spec
from analogsim.suites.entry import Entry
from device_models.effects.shorthand import SHORTHANDS

NETWORKS = "networks"
EFFECTS = "effects"
KINDS: dict[str, type[NoiseSpec | Spec]] = {"noise": NoiseSpec, ATTRIBUTION: AttributionSpec}
"""By the word for it in TOML; without one a spec is a `Spec`."""
KEYS: dict[str, Field] = keys_of(Spec)
for _kind in KINDS.values():
    KEYS |= keys_of(_kind)
# What an entry of [[networks]] says of its own network, relative to the spec's file.
OF_A_NETWORK: dict[str, Key] = {
    "model": text("text: zoo:NAME or FILE.py:FACTORY"),
    "weights": text("text: a .safetensors, .pt, .pth or .th file, relative to the spec"),
    "network": text("text: FILE.py:FACTORY, the code of a network whose model is a folder"),
    "untrained": flag("allow a network without trained weights"),
    "bn": many(
        one_of(KEYS["bn"].key.schema["items"]["enum"]),
        "a list of different treatments of BatchNorm, in place of the spec's",
    ),
}


@lru_cache(maxsize=1)
def spec_schema() -> dict[str, Any]:
    """The JSON Schema of a spec of any kind."""
    rows = KEYS.values()
    design = [one for one in rows if one.key.table == DESIGN]
    known = {one.name: one.key.schema for one in rows if one.key.table is None}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "analogsim spec",
        "description": "one experiment for analogsim run",
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in _required(OfImages) if name != "model"],
        "allOf": [*_cases()],
        "properties": {
            "question": known["question"],
            "model": known["model"],
            "kind": {
                "enum": ["crossbar", *KINDS],
                "description": "crossbar (chips of devices, as without this key), noise (Gaussian "
                "noise on the digital network) or attribution (what each source of error and each "
                "layer costs)",
            },
            NETWORKS: {
                "type": "array",
                "minItems": 1,
                "items": _entry(),
                "description": "a list of networks, each [[networks]]",
            },
            **known,
            **_schemas(
                {
                    name: text(f'an effect in short, such as "{short.example}" ({short.effect})')
                    for name, short in SHORTHANDS.items()
                }
            ),
            DESIGN: {
                "type": "object",
                "additionalProperties": False,
                "oneOf": [{"required": ["chips"]}, {"required": ["precision"]}],
                "properties": {one.name: one.key.schema for one in design},
                "description": "a table with either chips or precision",
            },
        },
    }


def _schemas(rows: Mapping[str, Key]) -> dict[str, Any]:
    return {name: key.schema for name, key in rows.items()}


def _required(kind: type) -> list[str]:
    return [name for name, one in keys_of(kind).items() if one.required]


def _entry() -> dict[str, Any]:
    own = _schemas(OF_A_NETWORK)
    entry = {name: one.key.schema for name, one in keys_of(Entry).items()}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["label", "model"],
        "properties": {"label": entry["label"], **own, **entry},
        "description": "a table with label and model",
    }


def _cases() -> Iterable[dict[str, Any]]:
    """What a spec of each kind must have, and what it has no use for."""
    everywhere = keys_of(OfImages).keys()
    of_chips = keys_of(Spec)
    yield {
        "if": {"required": [NETWORKS]},
        "then": {
            "description": "a spec with [[networks]], where each network has its own",
            "properties": dict.fromkeys((name for name in OF_A_NETWORK if name != "bn"), False),
        },
        "else": {"required": ["model"]},
    }
    for kind, one in KINDS.items():
        own = keys_of(one)
        refused = [*_on_top(name for name in of_chips if name not in own)]
        refused += [name for name, row in own.items() if kind in row.key.not_in]
        needed = [] if issubclass(one, Spec) else [*_required(Spec), DESIGN]
        lacks = {"required": [n for n in needed if n not in everywhere]} if needed else {}
        yield {
            "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
            "then": {
                "description": f"a spec of kind {kind}",
                "properties": dict.fromkeys(refused, False),
            },
            "else": {
                "description": f"a spec that is not of kind {kind}",
                **lacks,
                "properties": {n: False for n in own if n not in of_chips},
            },
        }


def _on_top(names: Iterable[str]) -> Iterable[str]:
    """Keys as they stand at the top of a spec: a table for those in it, and effects in short."""
    found: dict[str, None] = {}
    for name in names:
        found[KEYS[name].key.table or name] = None
        if name == EFFECTS:
            found |= dict.fromkeys(SHORTHANDS)
    return found
