"""What is kept of a suite comes back whole, is small, and makes the same tables."""

import json
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.scopes.levels import ETAS, REFERENCES, SCOPES
from analogsim.suites.build import build_suite, format_suite
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, read_kept, write_kept
from tests.scopes.toy import toy


def chips(clean: int = 80, **changes: Any) -> CrossbarResult:
    fields: dict[str, Any] = {
        "question": "?",
        "command": "analogsim run s.toml -o out",
        "model": "m",
        "data": "d",
        "created": "2030-01-01T00:00:00+00:00",
        "n_images": 100,
        "clean_correct": clean,
        "correct": {
            ("pcm", "digital", "none", 1.0): {0: 80, 1: 76},
            ("pcm", "digital", "none", 86400.0): {0: 40, 1: 36},
            ("pcm", "fold", "none", 1.0): {0: 60, 2: 64},
        },
        "nan": {
            ("pcm", "digital", "none", 1.0): 0,
            ("pcm", "digital", "none", 86400.0): 3,
            ("pcm", "fold", "none", 1.0): 0,
        },
        "digest": "0123456789abcdef",
        "weights": "cd" * 32,
        "versions": {"torch": "1"},
        "notes": ("a note",),
    }
    return CrossbarResult(**(fields | changes))


def kept(*results: Any) -> Kept:
    arms = ("with", "without")
    return Kept(
        question="Why?",
        command="analogsim run s.toml -o out",
        spec={"kind": "noise", "etas": [0.05, "20%"]},
        networks=tuple(
            (Entry(label=f"n{at}", pair="P", arm=arms[at % 2], growth="g"), result)  # type: ignore[arg-type]
            for at, result in enumerate(results)
        ),
    )


@pytest.mark.parametrize(
    "one",
    [kept(toy(), toy(n_bn=0)), kept(chips(), chips(90)), kept(toy({("weights", "std"): {}}))],
    ids=["noise", "crossbar", "nothing-done"],
)
def test_what_is_kept_comes_back(tmp_path: Path, one: Kept) -> None:
    path = tmp_path / "results.json"
    write_kept(path, one)
    assert read_kept(path) == one
    first = path.read_bytes()
    write_kept(path, read_kept(path))
    assert path.read_bytes() == first


def test_a_number_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_kept(path, kept(chips()))
    text = path.read_text()
    assert '"n_images": 100' in text
    path.write_text(text.replace('"n_images": 100', '"n_images": 101'))
    with pytest.raises(InputError, match=r"results .*\.json must be as it was written, got crc"):
        read_kept(path)
    # Laid out anew it is the same; without its seal it is a file of an earlier analogsim.
    path.write_text(json.dumps(json.loads(text), indent=3))
    assert read_kept(path) == kept(chips())
    old = {key: value for key, value in json.loads(text).items() if key != "crc32"}
    path.write_text(json.dumps(old))
    assert read_kept(path) == kept(chips())


def test_a_whole_grid_is_small(tmp_path: Path) -> None:
    """Sixteen networks, everything asked, ten draws: what 10,000 images need."""
    cells = {
        (scope, reference): {eta: [9000 + draw for draw in range(10)] for eta in ETAS}
        for scope in SCOPES
        for reference in REFERENCES
    }
    nan = {("variance", reference): {eta: [10000] * 10 for eta in ETAS} for reference in REFERENCES}
    result = toy(cells, nan, etas=ETAS, clean_correct=9029, n_images=10000)
    write_kept(tmp_path / "r.json", kept(*[result] * 16))
    assert (tmp_path / "r.json").stat().st_size < 300_000


def test_tables_are_made_from_the_file_alone(tmp_path: Path) -> None:
    one = kept(toy(), toy(n_bn=0))
    write_kept(tmp_path / "r.json", one)
    text = format_suite(read_kept(tmp_path / "r.json"))
    assert text == format_suite(one)
    assert "P: average normalised accuracy in % with and without BatchNorm" in text
    assert "g: points of average normalised accuracy a BatchNorm layer" in text
    page = build_suite(one, tmp_path)
    assert "Why?" in page.read_text()
    assert (tmp_path / "suite.png").read_bytes()[:4] == b"\x89PNG"


def test_chips_over_time_by_hand() -> None:
    text = format_suite(kept(chips(), chips(40)))
    lines = [line.split() for line in text.splitlines()]
    # 80 and 76 of 100 images; the interval of two is 12.71 * 2.83 / 1.41.
    assert ["n0", "digital", "80.00", "78.00", "+-", "25.41", "38.00", "+-", "25.41"] in lines
    assert ["n0", "fold", "80.00", "62.00", "+-", "25.41", "-"] in lines
    # With / 80 minus without / 40: 80/80 - 80/40 and 76/80 - 76/40.
    assert ["n0", "-", "n1", "digital", "-97.50", "+-", "31.77", "-47.50", "+-", "31.77"] in lines
    # Chips 0 of both: 60/80 - 80/40.
    assert ["n0", "-", "n1", "fold", "-125.00", "-"] in lines


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"results .* must be a readable JSON file, got 'No such file"),
        ("{", r"results .* must be a readable JSON file, got 'Expecting"),
        ('{"format": "analogsim-run"}', r"format must be 'analogsim-results', got 'analogsim-run'"),
        (
            '{"format": "analogsim-results", "version": 1, "question": ""}',
            r"must have the fields of its version, got KeyError 'command'",
        ),
    ],
    ids=["absent", "torn", "other", "fields"],
)
def test_a_broken_file_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "r.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_kept(path)
