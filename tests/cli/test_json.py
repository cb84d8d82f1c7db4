"""What `--json` prints is what docs/json.md says, command by command."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from analogsim.cli.main import COMMANDS, LazyGroup, cli, run
from tests.cli.kinds import HEAD, MEASURE
from tests.cli.replaced import replaced
from tests.cli.tiny import IMAGES, ON

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
ZOO, DIGITS = "zoo:digits_cnn", ("--data", "digits")
SMALL = (*ON, "--limit", "12", "--chips", "2", "--times", "1s", "--workers", "1")
# What prints a script or a spec, and no result.
WITHOUT = {"centre", "completion"}

SUITE = (
    f'kind = "noise"\ndata = "{IMAGES}"\nlimit = 12\netas = ["5%"]\ndraws = 2\n'
    f'scopes = ["weights"]\n[[networks]]\nlabel = "a"\n{HEAD}'
)


def _tables() -> dict[str, dict[str, str]]:
    """Name of a table -> field -> type."""
    found: dict[str, dict[str, str]] = {}
    for title, body in re.findall(r"^##+ (.*?)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE):
        rows = re.findall(r"^\| `([^`]+)` \| ([^|]+?) \| ([^|\n]+?) \|$", body, re.MULTILINE)
        assert rows, title
        assert len(rows) == body.count("\n| `"), f"{title}: a row that cannot be read"
        assert title not in found
        found[title] = {field: kind for field, kind, _ in rows}
    return found


TABLES = _tables()
PLAIN: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "whole": (int,),
    "number": (int, float),
    "truth": (bool,),
}


def problems(value: Any, kind: str, where: str) -> Iterator[str]:
    """What is not as the page says, a sentence each."""
    if kind == "any":
        return
    kind = kind.removesuffix(" or absent")
    if kind.endswith(" or null"):
        if value is not None:
            yield from problems(value, kind.removesuffix(" or null"), where)
    elif kind == "interval":
        if not (isinstance(value, list) and len(value) == 2 and value[0] <= value[1]):
            yield f"{where} is no interval: {value!r}"
    elif kind in PLAIN:
        good = isinstance(value, PLAIN[kind]) and isinstance(value, bool) == (kind == "truth")
        if not good or (isinstance(value, float) and not math.isfinite(value)):
            yield f"{where} is no {kind}: {value!r}"
    elif kind.startswith("list of "):
        if not isinstance(value, list):
            yield f"{where} is no list: {value!r}"
            return
        for item in value:
            yield from problems(item, kind.removeprefix("list of "), f"{where}[]")
    elif kind.startswith("map of "):
        if not isinstance(value, dict):
            yield f"{where} is no map: {value!r}"
            return
        for key, item in value.items():
            yield from problems(item, kind.removeprefix("map of "), f"{where}.{key}")
    else:
        fields = TABLES[kind]
        if not isinstance(value, dict):
            yield f"{where} is no {kind}: {value!r}"
            return
        absent = {key for key, kind in fields.items() if kind.endswith(" or absent")}
        if other := (value.keys() ^ fields.keys()) - (absent - value.keys()):
            yield f"{where}: not on the page or not printed: {other}"
        for key in value.keys() & fields.keys():
            yield from problems(value[key], fields[key], f"{where}.{key}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("json")
    (made / "suite.toml").write_text(SUITE)
    command = ["drift", *SMALL, "--yield-above", "90%"]
    assert run([*command, "-o", str(made / "run")]) == 0
    assert run([*replaced(command, "--chips", "2-3"), "-o", str(made / "part")]) == 0
    return made


CASES: dict[str, tuple[str, ...]] = {
    "analogsim-conversion": ("convert", ZOO, *DIGITS, "-o", "chip"),
    "analogsim-conversion dry": ("convert", ZOO, *DIGITS, "--dry-run"),
    "analogsim-summary": ("report", "run"),
    "analogsim-summary part": ("report", "part"),
    "analogsim-summary merge": ("merge", "run", "part", "-o", "merged"),
    "analogsim-summary drift": ("drift", *SMALL, "-o", "drift"),
    "analogsim-summary demo": ("demo", "--chips", "1", "--workers", "1", "-o", "demo"),
    "analogsim-summary sweep": (
        *("drift", *SMALL, "--set", "adc_bits=7,8", "--set", "input_bound=1,2", "-o", "sweep"),
    ),
    "analogsim-summary measure": ("drift", *SMALL, "--measure", MEASURE, "-o", "loss"),
    "analogsim-matched": (
        *("compare", *SMALL, "--presets", "pcm", "--gaussian", "matched", "-o", "matched"),
    ),
    "analogsim-attribution": ("attribute", *SMALL, "--only", "sources", "-o", "attribution"),
    "analogsim-noise": (
        *("noise", *ON, "--limit", "12", "--etas", "5%", "--draws", "2", "-o", "noise"),
    ),
    "analogsim-noise measure": (
        *("noise", *ON, "--limit", "12", "--etas", "5%", "--draws", "2"),
        *("--scopes", "weights", "--measure", MEASURE, "--workers", "1", "-o", "noisy-loss"),
    ),
    "analogsim-results": ("run", "suite.toml", "--workers", "1", "-o", "suite"),
    "analogsim-results hardened": (
        *("harden", *ON, "--epochs", "1", "--times", "1s", "--chips", "1"),
        *("--batch-size", "32", "--crop", "0", "--limit", "12", "--workers", "1", "-o", "hardened"),
    ),
    "analogsim-evaluation": ("evaluate", ZOO, *DIGITS, "--limit", "12"),
    "analogsim-training-result": ("train", ZOO, *DIGITS, "--epochs", "1", "-o", "trained"),
    "analogsim-presets": ("presets",),
    "analogsim-zoo": ("zoo",),
    "analogsim-data": ("data",),
    "analogsim-preset": ("presets", "rram"),
    "analogsim-device-check": ("presets", "ideal", "--check"),
    "analogsim-effect": ("presets", "stuck"),
    "analogsim-figures": ("figures", "run", "--format", "svg", "-o", "figures"),
    "analogsim-export": ("export", "run", "--to", "accelforge", "-o", "exported"),
    "analogsim-doctor": ("doctor",),
}


def test_every_command_with_a_result_has_it_and_is_tried() -> None:
    assert isinstance(cli, LazyGroup)
    tried = {args[0] for args in CASES.values()}
    assert tried == set(COMMANDS) - WITHOUT
    for name in tried:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert any("--json" in param.opts for param in command.params), name


def test_the_page_tells_of_what_is_tried_and_nothing_else() -> None:
    formats = {title.partition(",")[0] for title in TABLES if title.startswith("analogsim-")}
    assert formats == {name.partition(" ")[0] for name in CASES}
    linked = re.findall(r"\[(analogsim-[\w-]+)\]\(#([\w-]+)\)", PAGE)
    assert {name for name, _ in linked} == formats
    anchors = {title.replace(", version ", "-version-") for title in TABLES}
    assert all(anchor.startswith(name) and anchor in anchors for name, anchor in linked)
    used = {word for fields in TABLES.values() for kind in fields.values() for word in kind.split()}
    assert {title for title in TABLES if ", version" not in title} <= used


# Whole trainings and the demo's study, which take seconds.
TRAINED = ("analogsim-results hardened", "analogsim-training-result", "analogsim-summary demo")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in TRAINED else n for n in CASES]
)
def test_what_is_printed_is_what_the_page_says(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert run([*CASES[name], "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    title = f"{document['format']}, version {document['version']}"
    assert document["format"] == name.partition(" ")[0]
    assert list(problems(document, title, name)) == []


def test_the_check_finds_what_is_wrong() -> None:
    """Negative control."""
    good = {"name": "a", "status": "ok", "detail": "b", "mend": ""}
    assert list(problems(good, "Check", "x")) == []
    for change in ({"mend": None}, {"name": None}, {"more": 1}):
        assert list(problems(good | change, "Check", "x"))
    assert list(problems([1, 0], "interval", "x"))
    assert list(problems(True, "whole", "x"))
    assert list(problems(math.nan, "number", "x"))
