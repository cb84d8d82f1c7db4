"""What is wrong with single values of a TOML document and no JSON Schema can say."""

import math
import sys
from collections.abc import Iterator
from typing import Any

from analogsim.errors import InputError, shown
from analogsim.keys import parse_share
from analogsim.spec.check import Problem, find_problems


def value_problems(content: dict[str, Any], prefix: str = "") -> Iterator[Problem]:
    """Numbers that are none to compute with, and text that no file name holds.

    TOML has nan and inf, and whole numbers of any size; JSON and its schemas do not know the first
    two, and no float holds the largest.
    """
    for key, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from value_problems(item, f"{prefix}{key}.")
            elif isinstance(item, float) and not math.isfinite(item):
                yield Problem(key=f"{prefix}{key}", text=f"must be finite, got {item}")
            elif isinstance(item, int) and abs(item) > sys.float_info.max:
                # Counting them one by one, Python stops at 4300.
                digits = int(math.log10(abs(item))) + 1
                text = f"must be a number below 1.8e308, got one of {digits} digits"
                yield Problem(key=f"{prefix}{key}", text=text)
            elif isinstance(item, str) and "\0" in item:
                text = f"must be without the character NUL, got {shown(item)}"
                yield Problem(key=f"{prefix}{key}", text=text)


def share_problems(content: dict[str, Any], schema: dict[str, Any]) -> Iterator[Problem]:
    """Percentages that the schema's patterns take and its bounds for numbers would not."""
    yields = content.get("yield_above", [])
    design = content.get("design", {})
    asked = [(f"yield_above[{place}]", value) for place, value in enumerate(yields)]
    rules = [schema["properties"]["yield_above"]["items"]] * len(asked)
    if "recover" in content:
        asked.append(("recover", content["recover"]))
        rules.append(schema["properties"]["recover"])
    if "precision" in design:
        asked.append(("design.precision", design["precision"]))
        rules.append(schema["properties"]["design"]["properties"]["precision"])
    for (key, value), rule in zip(asked, rules, strict=True):
        if isinstance(value, str):
            try:
                share = parse_share(value, where=key)
            except InputError as error:
                yield Problem(key=key, text=str(error))
                continue
            for problem in find_problems(share, rule, key):
                yield Problem(key=key, text=f"{problem.text} from {value!r}")


def first_chip_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """Studies that have no chips to part, or ask for other chips as they go."""
    first = content["design"].get("first_chip", 0)
    keys = content.keys() | content["design"].keys()
    others = [key for key in ("kind", "gaussian", "precision") if key in keys]
    if first and others:
        text = f"must be left out where there is {', '.join(others)}, got {first}"
        yield Problem(key="design.first_chip", text=text)


def control_problems(content: dict[str, Any]) -> Iterator[Problem]:
    """What a comparison with matched Gaussian noise has no use for; `gaussian` is given."""
    for key in ("bn", "compensation"):
        given = content.get(key, [])
        if len(given) > 1:
            text = f"must be one with gaussian, whose controls are matched to it, got {given}"
            yield Problem(key=key, text=f"{text}; write a spec for each")
    if "precision" in content.get("design", {}):
        text = "must be chips with gaussian, whose pairs need the same images"
        yield Problem(key="design", text=f"{text}, got precision")
    if content.get("stream", "aihwkit") != "aihwkit":
        text = "must be aihwkit with gaussian, whose controls have no compiled law"
        yield Problem(key="stream", text=f"{text}, got {content['stream']!r}")
    if content.get("effects"):
        text = "must be left out with gaussian, whose controls suffer none"
        yield Problem(key="effects", text=f"{text}, got {content['effects']}")


def whole_numbers(value: Any, schema: dict[str, Any]) -> Any:
    """A document that the schema takes, with 2.0 as 2 where the schema says integer."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {key: whole_numbers(item, known.get(key, {})) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_numbers(item, schema.get("items", {})) for item in value]
    if schema.get("type") == "integer" and isinstance(value, float):
        return int(value)
    return value
