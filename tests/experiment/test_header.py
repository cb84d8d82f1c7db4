"""The header of a run survives the disk, and a broken one is refused in words."""

import json
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.experiment.header import HEADER_FILE, RunHeader, read_header, write_header
from tests.report.run_folder import COVERAGE, make_header


def test_a_header_comes_back_equal(tmp_path: Path) -> None:
    header = make_header()
    write_header(tmp_path, header)
    assert read_header(tmp_path) == header
    content = json.loads((tmp_path / HEADER_FILE).read_text())
    assert (content["format"], content["version"]) == ("analogsim-run", 1)


@pytest.mark.parametrize("coverage", [None, COVERAGE], ids=["unknown", "known"])
def test_who_computes_comes_back_and_old_headers_do_not_say(coverage: Any) -> None:
    content = make_header(coverage=coverage).to_json()
    assert RunHeader.from_json(content, where="run.json").coverage == coverage
    del content["coverage"]
    assert RunHeader.from_json(content, where="run.json").coverage is None


@pytest.mark.parametrize("changes", [{"seed": 7}, {"images": 10**6}, {"model": "zoo:other"}])
def test_a_spec_that_is_not_the_digest_s_is_refused(changes: dict[str, Any]) -> None:
    """Whoever edits the spec of somebody's records, and takes the seal out, is noticed."""
    header = make_header()
    content = header.to_json() | {"spec": header.spec | changes}
    said = rf"spec_digest must be [0-9a-f]{{16}}, that of its spec, got '{header.spec_digest}'"
    with pytest.raises(InputError, match=said):
        RunHeader.from_json(content, where="run.json")
    # How many trials there are, or how they are shown, is not part of it.
    content["spec"] = header.spec | {"times_s": [1.0], "yield_above": [0.5]}
    assert RunHeader.from_json(content, where="run.json").spec_digest == header.spec_digest


def test_a_folder_without_a_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"run folder {tmp_path} must hold a readable run.json"):
        read_header(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"run.json must be JSON, got 'Expecting property name"),
        ('{"format": NaN}', r"run.json must be JSON, got 'NaN is not JSON'"),
        ("[1]", r"run.json format must be 'analogsim-run', got \[1\]"),
        ('{"format": "other"}', r"format must be 'analogsim-run', got 'other'; check"),
        ('{"format": "analogsim-run", "version": 7}', r"version must be 1 or 2, got 7; read"),
    ],
    ids=["torn", "nan", "list", "format", "version"],
)
def test_a_file_that_is_no_header_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / HEADER_FILE).write_text(text)
    with pytest.raises(InputError, match=message):
        read_header(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": 3}, r"model must be text, got 3"),
        ({"versions": {"torch": 2}}, r"versions\['torch'\] must be text, got 2"),
        ({"notes": "one"}, r"notes must be a list, got 'one'"),
        ({"layers": [{"name": "a"}]}, r"layers\[0\] must have the fields kind, shape, tiles"),
        ({"layers": [7]}, r"layers\[0\] must be an object, got 7"),
        ({"spec": []}, r"spec must be an object, got \[\]"),
        ({"created": "yesterday"}, r"created must be an ISO date, got 'yesterday'"),
        ({"periphery": {"name": "x"}}, r"not_modelled must be a list of sentences, got None"),
        (
            {"digital": {"accuracy": 97.5, "n_correct": 1, "n_images": 1, "n_nan": 0}},
            r"digital accuracy must be in \[0, 1\], got 97.5",
        ),
        ({"coverage": 0.5}, r"coverage must be an object or null, got 0.5"),
        ({"coverage": COVERAGE | {"share": 1.5}}, r"coverage share must be in \[0, 1\], got 1.5"),
        ({"coverage": COVERAGE | {"text": 7}}, r"coverage text must be text, got 7"),
        ({"coverage": COVERAGE | {"part": 7}}, r"coverage must have no other fields, got 'part'"),
        (
            {"coverage": COVERAGE | {"digital": [COVERAGE["digital"][0] | {"dynamic": 3}]}},
            r"coverage digital\[0\] dynamic must be true or false, got 3",
        ),
        ({"extra": 1}, r"must have no other fields, got 'extra'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str) -> None:
    content = make_header().to_json() | changes
    with pytest.raises(InputError, match=message):
        RunHeader.from_json(content, where="run.json")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"where": "moon"}, r"layers\[0\] where must be one of analog, digital, got 'moon'"),
        (
            {"programming_error": "0.1"},
            r"layers\[0\] programming_error must be a finite number or null, got '0.1'",
        ),
        ({"shape": [1, 2.5]}, r"layers\[0\] shape\[1\] must be a whole number, got 2.5"),
    ],
    ids=["where", "error", "shape"],
)
def test_a_wrong_layer_is_named(layer: dict[str, Any], message: str) -> None:
    content = make_header().to_json()
    content["layers"][0] |= layer
    with pytest.raises(InputError, match=message):
        RunHeader.from_json(content, where="run.json")


def test_every_problem_is_said_at_once() -> None:
    content = make_header().to_json() | {"model": 3, "data": None}
    del content["command"]
    with pytest.raises(InputError) as caught:
        RunHeader.from_json(content, where="out/run.json")
    assert str(caught.value) == (
        "out/run.json must have the fields command, which are missing; model must be text, "
        "got 3; data must be text, got None; restore the file or run the experiment again"
    )
