"""Any document near the schema is a spec that comes back equal, or an error with every problem.

The documents are drawn from the published schema, so that a key that is added there is tried too.
"""

import datetime
import tomllib
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from analogsim.errors import InputError
from analogsim.spec.check import find_problems
from analogsim.spec.file import AnySpec, as_toml, parse_spec
from analogsim.spec.study import Spec
from analogsim.spec.table import spec_schema
from analogsim.toml_text import toml_value

SCHEMA = spec_schema()

# Where the schema says only "text", most of these are good.
TEXTS: dict[str, list[Any]] = {
    "presets": ["pcm", "gaussian?eta=0.05", "ideal", "rram", "rram-cmo?", "pmc", "pcm?x=1"],
    "times": ["1s", "1 h", "1d", "2.5y", 0, 60, 86400.0, "86400", "1e9y", "1x", 10**400, 1e308],
    "model": ["zoo:digits_cnn", "net.py:net"],
    "etas": ["5%", 0.05, 0.1, "10 %", "0%", 1e-320],
    "precision": ["0.5%", 0.005, "0.0%", "60%"],
    "yield_above": ["90%", 0.9, "0%", "200%"],
}
SETTINGS = ["adc_bits", "pcm", "seed", "bn", "x y", ""]
PATTERNS = {
    "^[A-Za-z0-9][A-Za-z0-9._-]*$": st.sampled_from(["a", "b.1", "With-BN", "with-bn", "..", "-"])
}


def junk() -> st.SearchStrategy[Any]:
    """What may stand in a TOML file where something else should."""
    scalars = st.one_of(
        st.booleans(),
        st.integers(),
        st.sampled_from([10**400, -(10**30), 0, -1, 1e308, 0.5]),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["", "\x00", "a\x00b", "\u00e9", "\x7f", "%", "1%"]),
        st.just(datetime.date(2026, 1, 2)),
        st.just(datetime.time(1, 2)),
    )
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
        ),
        max_leaves=4,
    )


def near(schema: dict[str, Any], key: str = "") -> st.SearchStrategy[Any]:
    """Mostly what the schema takes; what the schema cannot say is left to chance."""
    if schema.get("type") == "object":
        return table(schema)
    if schema.get("type") == "array":
        few = st.lists(near(schema.get("items", {}), key), min_size=1, max_size=3)
        return few if not schema.get("uniqueItems") else few.map(_once)
    if "oneOf" in schema and "type" not in schema:
        return st.one_of(*(near(one, key) for one in schema["oneOf"]))
    if key in TEXTS:
        return st.sampled_from(TEXTS[key])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of(*(near(one, key) for one in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "boolean":
        return st.booleans()
    if kind in {"integer", "number"}:
        low = schema.get("minimum", schema.get("exclusiveMinimum", -3))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 20))
        whole = st.integers(int(low), max(int(low), int(min(high, low + 20))))
        return whole if kind == "integer" else st.one_of(whole, st.floats(low, high))
    if "pattern" in schema:
        return PATTERNS.get(schema["pattern"], st.text(max_size=4))
    assert kind == "string", schema
    return st.text(min_size=schema.get("minLength", 0), max_size=6)


def _once(items: list[Any]) -> list[Any]:
    return [item for place, item in enumerate(items) if item not in items[:place]]


def table(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Its required keys nearly always, others now and then, and seldom a wrong one."""

    if "properties" not in schema:
        # Keys are the user's; a table in such a table is what TOML makes of a dotted key.
        value = near(schema["additionalProperties"]) if "additionalProperties" in schema else junk()
        return st.dictionaries(st.sampled_from(SETTINGS), value, min_size=1, max_size=2)

    @st.composite
    def draw(pick: Any) -> dict[str, Any]:
        known = schema["properties"]
        needed = list(schema.get("required", []))
        if "oneOf" in schema:
            needed += pick(st.sampled_from(schema["oneOf"]))["required"]
        made: dict[str, Any] = {}
        for name in pick(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=3)):
            made[name] = pick(near(known[name], name))
        for name in needed:
            if name not in made and pick(st.integers(0, 19)):
                made[name] = pick(near(known[name], name))
        if pick(st.integers(0, 5)) == 0:
            name = pick(st.sampled_from([*sorted(known), "modle", "x"]))
            made[name] = pick(junk())
        return made

    return draw()


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """A whole spec of one of the kinds, with changes."""
    made: dict[str, Any] = draw(table(SCHEMA))
    if draw(st.integers(0, 9)):
        kind = draw(st.sampled_from(["chips", "noise", "networks"]))
        good: dict[str, Any] = {"model": "zoo:digits_cnn", "data": "digits"}
        if kind == "noise":
            good |= {"kind": "noise"}
        else:
            good |= {"presets": ["pcm"], "times": ["1s"], "design": {"chips": 2}}
        if kind == "networks":
            del good["model"]
            good["networks"] = [{"label": "a", "model": "zoo:digits_cnn"}]
        # One change most of the time: two often hide each other.
        name = draw(st.sampled_from(sorted(SCHEMA["properties"])))
        value = draw(
            st.integers(0, 4).flatmap(
                lambda n: near(SCHEMA["properties"][name], name) if n else junk()
            )
        )
        made = good | {name: value} | dict(list(made.items())[: draw(st.sampled_from([0, 0, 1]))])
    return made


def written(value: Any) -> str:
    """TOML of any value; tables are written on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_value(k)} = {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return toml_value(value)


def outcome(text: str) -> AnySpec | str:
    """The spec, or what the error says."""
    try:
        return parse_spec(text, "drawn.toml")
    except InputError as error:
        said = str(error)
    assert said.startswith("spec drawn.toml must ")
    return said


@settings(max_examples=60)
@given(documents())
def test_a_document_is_a_spec_or_has_its_problems_named(document: dict[str, Any]) -> None:
    text = "".join(f"{toml_value(key)} = {written(value)}\n" for key, value in document.items())
    spec = outcome(text)
    event("refused" if isinstance(spec, str) else "taken")
    if isinstance(spec, str):
        for problem in find_problems(tomllib.loads(text), SCHEMA):
            assert f"{problem.key} {problem.text}" in spec
        return
    toml = as_toml(spec)
    again = parse_spec(toml, "again.toml")
    assert again == spec
    assert as_toml(again) == toml


GOOD = {
    "model": '"zoo:digits_cnn"',
    "data": '"digits"',
    "presets": '["pcm"]',
    "times": '["1s"]',
    "design": "{chips = 2}",
}
HUGE = "1" + 400 * "0"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "times",
            f"[{HUGE}]",
            r"line 4: times must be a number below 1.8e308, got one of 401 digi",
        ),
        ("seed", HUGE, r"seed must be a number below 1.8e308, got one of 401 digits"),
        (
            "design",
            f"{{precision = 0.1, cost_ratio = {HUGE}}}",
            r"design\.cost_ratio must .* 401 d",
        ),
        ("data", '"folder:a\\u0000b"', r"data must be without the character NUL, got 'folder:a"),
        ("yield_above", '["90%", "200%"]', r"yield_above\[1\] must be .*, got 2\.0 from '200%'"),
        ("design", '{precision = "60%"}', r"design\.precision must be .*, got 0\.6 from '60%'"),
    ],
    ids=["time", "seed", "cost", "NUL", "yield", "precision"],
)
def test_what_the_schema_lets_through_is_named(key: str, value: str, message: str) -> None:
    text = "".join(f"{k} = {v}\n" for k, v in (GOOD | {key: value}).items())
    with pytest.raises(InputError, match=message):
        parse_spec(text, "a.toml")


def test_a_whole_number_may_be_written_with_a_point() -> None:
    changed = GOOD | {"seed": "3.0", "design": "{chips = 2.0}"}
    spec = parse_spec("".join(f"{k} = {v}\n" for k, v in changed.items()), "a.toml")
    assert isinstance(spec, Spec)
    assert (repr(spec.seed), repr(spec.chips)) == ("3", "2")


@settings(max_examples=60)
@given(st.binary(max_size=60), st.integers(0, 200))
def test_a_damaged_file_is_refused_in_words(noise: bytes, at: int) -> None:
    good = (
        b'model = "zoo:digits_cnn"\ndata = "digits"\npresets = ["pcm"]\ntimes = ["1s", "1d"]\n'
        b'question = "why?"\nseed = 3\n\n[design]\nchips = 3\n'
    )
    damaged = (good[:at] + noise + good[at + len(noise) :]).decode(errors="replace")
    spec = outcome(damaged)
    assert isinstance(spec, str) or parse_spec(as_toml(spec), "again.toml") == spec
