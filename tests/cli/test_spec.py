"""Specs: the schema and the check agree, every problem has its line, and TOML comes back."""

import json
import tomllib
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analogsim.cli.main import run
from analogsim.crossbar.chip.compensation import COMPENSATIONS
from analogsim.crossbar.conversion.convert import BatchNormPolicy, Forward
from analogsim.crossbar.mapping.periphery import TileKind
from analogsim.errors import InputError
from analogsim.keys import parse_share
from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.check import find_problems
from analogsim.spec.file import as_toml, parse_spec, read_spec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.study import DESIGN_KEYS, Spec
from analogsim.spec.table import spec_schema
from analogsim.suites.entry import Entry
from device_models.effects import SHORTHANDS

GOOD: dict[str, Any] = {
    "model": "zoo:digits_cnn",
    "data": "digits",
    "presets": ["pcm"],
    "times": ["1s", 3600, "1y"],
    "design": {"chips": 3},
}
NOISE: dict[str, Any] = {"kind": "noise", "model": "zoo:digits_cnn", "data": "digits"}
NETWORK: dict[str, Any] = {"label": "a.1", "model": "zoo:digits_cnn"}
SUITE: dict[str, Any] = {"kind": "noise", "data": "digits", "networks": [NETWORK]}
KINDS = {"kind", "networks"}
OF_A_NETWORK = {"model", "weights", "network", "untrained", "bn"}
TOML = """
model = "zoo:digits_cnn"
data = "digits"
presets = ["pcm", "gaussian?eta=0.05"]
times = ["1s", "1h", 86400]

[design]
chips = 3
"""


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(spec_schema())


def test_the_schema_knows_every_key_of_a_spec() -> None:
    properties = spec_schema()["properties"]
    top = {name for name in Spec.__dataclass_fields__ if name not in DESIGN_KEYS}
    kinds = {*NoiseSpec.__dataclass_fields__, *AttributionSpec.__dataclass_fields__}
    assert set(properties) == top | {"design", *SHORTHANDS} | KINDS | kinds - set(DESIGN_KEYS)
    networks = properties["networks"]["items"]["properties"]
    assert set(networks) == set(Entry.__dataclass_fields__) | OF_A_NETWORK
    assert set(properties["design"]["properties"]) == set(DESIGN_KEYS)


@pytest.mark.parametrize(
    ("key", "choices"),
    [
        ("compensation", COMPENSATIONS),
        ("bn", get_args(BatchNormPolicy)),
        ("tile", get_args(TileKind)),
        ("forward", get_args(Forward)),
    ],
)
def test_the_schema_has_the_library_s_choices(key: str, choices: tuple[str, ...]) -> None:
    entry = spec_schema()["properties"][key]
    assert tuple(entry.get("items", entry)["enum"]) == choices


REFERENCE = jsonschema.Draft202012Validator(spec_schema())


def agree(document: Any) -> bool:
    ours = next(find_problems(document, spec_schema()), None) is None
    theirs = REFERENCE.is_valid(document)
    assert ours == theirs, document
    return ours


VALUES: list[Any] = [
    *(None, True, 0, 1, -1, 1.0, 1.5, 0.5, 2.0, "", "x", "1s", "1 y", "5%", "0.5 %", "90%", "%"),
    *([], [1], [1, 1], ["pcm"], ["pcm", "pcm"], ["1s", 60, "1x"], [-1.0], ["none"], ["fold"]),
    *([0.9, "90%"], [2.0], {}, {"chips": 1}, {"chips": 0}, {"precision": "0.5%"}, {"precision": 1}),
    *({"chips": 1, "precision": 0.01}, {"precision": 0.01, "cost_ratio": 0}, {"chips": 2.0}),
    *({"chips": 1, "chip": 2}, "cuda", "tile", "torch", "native"),
    *("noise", "crossbar", ["weights"], ["std"], ["5%", 0.1], [NETWORK], [{}], "a b", "with"),
]


@pytest.mark.parametrize("key", [*spec_schema()["properties"], "unknown"])
@pytest.mark.parametrize("good", [GOOD, NOISE, SUITE], ids=["crossbar", "noise", "suite"])
def test_the_check_agrees_with_the_schema(good: dict[str, Any], key: str) -> None:
    accepted = [agree({**good, key: value}) for value in VALUES]
    assert not all(accepted)
    # Without `networks`, a suite lacks its model; without `kind`, a noise spec has keys too many.
    assert agree({k: v for k, v in good.items() if k != key}) == (key not in good)


@pytest.mark.parametrize("key", ["label", "model", "weights", "bn", "pair", "arm", "x"])
def test_the_check_agrees_on_networks(key: str) -> None:
    accepted = [agree({**SUITE, "networks": [{**NETWORK, key: value}]}) for value in VALUES]
    assert not all(accepted)
    left = {k: v for k, v in NETWORK.items() if k != key}
    assert agree({**SUITE, "networks": [left]}) == (key not in NETWORK)


@pytest.mark.parametrize("document", [None, 3, [], "text"])
def test_what_is_no_table_is_refused_by_both(document: Any) -> None:
    assert not agree(document)


@given(
    st.dictionaries(
        st.sampled_from([*spec_schema()["properties"], "x"]),
        st.one_of(st.sampled_from(VALUES), st.text(), st.floats(allow_nan=False), st.integers()),
    )
)
def test_the_check_agrees_on_anything(changes: dict[str, Any]) -> None:
    for good in (GOOD, NOISE, SUITE):
        agree(good | changes)


def test_a_spec_is_read() -> None:
    spec = parse_spec(TOML, "x.toml")
    assert spec.times == (1.0, 3600.0, 86400.0)
    assert (spec.chips, spec.precision, spec.compensation) == (3, None, ("global",))
    assert spec.presets == ("pcm", "gaussian?eta=0.05")


def test_every_problem_is_said_at_once_with_its_line() -> None:
    text = (
        'modle = "zoo:digits_cnn"\ndata = "digits"\npresets = ["pcm"]\n'
        'times = ["1s", "1x"]\nseed = -1\n\n[design]\nchips = 0\ncost = 3\n'
    )
    with pytest.raises(InputError) as caught:
        parse_spec(text, "a.toml")
    lines = str(caught.value).splitlines()
    assert lines[0] == "spec a.toml must follow the schema, got problems:"
    assert lines[-1] == "mend these"
    body = "\n".join(lines)
    assert "  model must be text: zoo:NAME" in body
    assert "  line 1: modle must be one of question, model, " in body
    assert "got 'modle'; did you mean 'model'?" in body
    assert "  line 4: times[1] must be a time such as" in body
    assert "got '1x'" in body
    assert "  line 5: seed must be a whole number, 0 or more (2^64 - 1 at most), got -1" in body
    assert "  line 8: design.chips must be a whole number of chips, 1 or more" in body
    assert "  line 9: design.cost must be one of chips, first_chip, precision, " in body


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"pcm"', '"pmc"'), r"line 4: presets\[0\] 'pmc': .*did you mean"),
        (('"pcm"', '"rram"'), r"line 4: presets\[0\] 'rram': .*3600"),
        (('"1h"', '"60min", "1h"'), r"line 5: times must name each time once, got \['1s', '60min'"),
        (("chips = 3", "precision = nan"), r"design.precision must be .*, got nan"),
        (
            ("chips = 3", "cost_ratio = inf\nchips = 3"),
            r"design.cost_ratio must be finite, got inf",
        ),
        (("chips = 3", 'chips = 3\nprecision = "1%"'), r"line 7: design must be a table with eith"),
        (("= 3", "= = 3"), r"spec b.toml must be TOML, got 'Invalid value \(at line 8"),
    ],
    ids=["preset", "domain", "twice", "nan", "inf", "two-designs", "syntax"],
)
def test_a_wrong_value_is_named(change: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_spec(TOML.replace(*change), "b.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert run(["run", str(tmp_path / "none.toml"), "-o", str(tmp_path / "o")]) == 2
    with pytest.raises(InputError, match=r"none.toml must be a readable TOML file, got 'No such"):
        read_spec(tmp_path / "none.toml")


@given(st.text(max_size=30))
def test_any_text_survives_toml(text: str) -> None:
    # A surrogate alone is no text that a file could hold.
    if any("\ud800" <= c <= "\udfff" for c in text):
        return
    spec = parse_spec(TOML, "x")
    toml = as_toml(Spec(**{**vars(spec), "question": text}))
    assert tomllib.loads(toml).get("question", "") == text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bn": ("digital", "fold"), "mean": (0.5, 0.25), "std": (1.0, 2.0), "limit": 7},
        {"chips": None, "precision": 0.005, "cost_ratio": 4.0, "pilot_chips": 4},
        {"untrained": True, "keep_digital": ("a.*", "b"), "yield_above": (0.9,), "device": "cuda"},
    ],
    ids=["plain", "lists", "precision", "rest"],
)
def test_a_spec_comes_back_equal(changes: dict[str, Any]) -> None:
    spec = Spec(**{**vars(parse_spec(TOML, "x")), **changes})
    assert parse_spec(as_toml(spec), "x") == spec


@pytest.mark.parametrize(("text", "share"), [("0.5%", 0.005), ("0.005", 0.005), (" 90 % ", 0.9)])
def test_a_share_is_percent_or_fraction(text: str, share: float) -> None:
    assert parse_share(text, where="--precision") == pytest.approx(share, rel=1e-12)


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"--precision must be a percentage .*, got 'half'"):
        parse_share("half", where="--precision")


@pytest.mark.parametrize(
    "command",
    [
        ["drift", "zoo:digits_cnn", "--data", "digits", "--chips", "4", "--times", "1s,1d"],
        ["drift", "zoo:digits_cnn", "--data", "digits", "--precision", "0.5%", "--bn", "fold"],
        ["compare", "zoo:digits_cnn", "--data", "digits", "--mean", "0.3", "--limit", "30"],
        ["demo", "--chips", "2", "--seed", "3"],
    ],
    ids=["drift", "precision", "compare", "demo"],
)
def test_print_spec_imports_no_torch_and_is_a_spec(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run([*command, "--print-spec"]) == 0
    text = capsys.readouterr().out
    assert as_toml(parse_spec(text, "stdout")) == text
    (tmp_path / "s.toml").write_text(text)
    assert run(["run", str(tmp_path / "s.toml"), "--print-spec"]) == 0
    assert capsys.readouterr().out == text


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "--print-schema"]) == 0
    assert json.loads(capsys.readouterr().out) == spec_schema()
