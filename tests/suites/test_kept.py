"""What is kept of a suite comes back whole, is small, and makes the same tables."""

import dataclasses
import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analogsim.errors import InputError
from analogsim.experiment.deal import pack
from analogsim.experiment.layers_file import write_layers
from analogsim.scopes.levels import ETAS, REFERENCES, SCOPES
from analogsim.scopes.result import Counts, NoiseResult
from analogsim.scopes.units import unpacked
from analogsim.suites.bits import squeezed, unsqueezed
from analogsim.suites.build import build_suite, format_suite
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, read_kept, write_kept
from tests.report.full_folder import layers_file
from tests.scopes.toy import answered, first, toy


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


def known(result: CrossbarResult) -> CrossbarResult:
    answers = {
        cell: {chip: first(right) for chip, right in found.items()}
        for cell, found in result.correct.items()
        if cell[1] == "digital"
    }
    return dataclasses.replace(result, answers=answers, digital_correct=first(result.clean_correct))


@pytest.mark.parametrize(
    "one",
    [
        kept(toy(), toy(n_bn=0)),
        kept(chips(), chips(90)),
        kept(toy({("weights", "std"): {}})),
        kept(answered(toy()), toy()),
        # Draws that lack a level.
        kept(answered(toy({("weights", "std"): {0.05: [80, 72, 64], 0.2: [64, 40]}}))),
        kept(known(chips(coverage=0.75))),
    ],
    ids=["noise", "crossbar", "nothing-done", "noise-answers", "ragged-answers", "chips-answers"],
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


def test_a_study_with_its_answers_is_small(tmp_path: Path) -> None:
    """Two networks, 16 cells of nine levels and ten draws, 1,000 images that noise flips."""
    rng = np.random.default_rng(1)
    digital = rng.random(1000) < 0.92

    def noisy(eta: float) -> str:
        return pack((digital ^ (rng.random(1000) < eta)).tolist())

    def study() -> NoiseResult:
        counts = {}
        for scope in SCOPES:
            for reference in REFERENCES:
                answers = {eta: {draw: noisy(eta) for draw in range(10)} for eta in ETAS}
                correct = {
                    eta: {draw: int(unpacked(bits, 1000).sum()) for draw, bits in row.items()}
                    for eta, row in answers.items()
                }
                nan = {eta: dict.fromkeys(row, 0) for eta, row in answers.items()}
                counts[scope, reference] = Counts(correct=correct, nan=nan, answers=answers)
        clean = int(digital.sum())
        return toy(counts=counts, etas=ETAS, clean_correct=clean, n_images=1000,
                   references=REFERENCES, digital_correct=pack(digital.tolist()),
                   predicted=dict.fromkeys(product(REFERENCES, ETAS), 0.5))  # fmt: skip

    one = kept(study(), study())
    write_kept(tmp_path / "r.json", one)
    # 295,000 measured; another zlib may do a little worse. As they are, the bits take 480,000.
    assert (tmp_path / "r.json").stat().st_size < 400_000
    assert read_kept(tmp_path / "r.json") == one


def test_files_of_version_1_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_kept(path, kept(known(chips(coverage=0.75)), chips()))
    content = json.loads(path.read_text())
    assert content["version"] == 2
    del content["crc32"]
    content["version"] = 1
    for network in content["networks"]:
        for field in ("digital_correct", "coverage"):
            del network[field]
        for row in network["rows"]:
            del row["answers"]
    path.write_text(json.dumps(content))
    found = read_kept(path)
    assert found == kept(chips(), chips())
    assert "[on new images]" not in format_suite(found)
    content["version"] = 3
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="version must be 2, got 3"):
        read_kept(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no base64!", "must have sound rows, got "),
        ("AAAA", r"sound rows, got answers that cannot be read \("),
        (squeezed([first(3)], first(80)), "got answers of 13 bytes in place of 26"),
    ],
    ids=["text", "zlib", "short"],
)
def test_answers_that_cannot_be_read_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.json"
    write_kept(path, kept(known(chips())))
    content = json.loads(path.read_text())
    del content["crc32"]
    content["networks"][0]["rows"][0]["answers"] = text
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_kept(path)


def test_squeezed_answers_come_back() -> None:
    answers = [first(80), first(0), first(100)]
    text = squeezed(answers, first(80))
    assert unsqueezed(text, first(80), 3) == answers
    assert squeezed([first(80)] * 1000, first(80)) != text
    assert len(squeezed([first(80)] * 1000, first(80))) < 100


RESULTS = Path(__file__).parents[2] / "experiments" / "results"


@pytest.mark.parametrize(
    ("name", "images"),
    [("bn_crossbar", "images taken as a sample"), ("bn_noise_vgg16", "images alone")],
    ids=("answers kept", "none kept"),
)
def test_shipped_results_make_their_tables(name: str, images: str) -> None:
    text = format_suite(read_kept(RESULTS / f"{name}.json"))
    assert "(95 % interval over " in text
    assert images in text


def test_the_page_names_what_is_on_tiles(tmp_path: Path) -> None:
    page = build_suite(kept(known(chips(coverage=0.987))), tmp_path)
    assert "Tiles compute 98.7 % of its multiply-adds." in page.read_text()


def test_devices_are_those_of_the_networks_folders(tmp_path: Path) -> None:
    one = kept(known(chips()), known(chips(40)))
    page = build_suite(one, tmp_path)
    assert "The devices" not in page.read_text()
    labels = [entry.label for entry, _ in one.networks]
    for label, presets in zip(labels, (("pcm", "rram"), ("pcm",)), strict=True):
        (tmp_path / label).mkdir()
        write_layers(tmp_path / label, layers_file(*presets))
    text = build_suite(one, tmp_path).read_text()
    assert "Of pcm, rram, as used here" in text
    assert (tmp_path / "charts" / "devices.csv").is_file()
    # A label that leads out of the folder is no name in it.
    entry, result = one.networks[0]
    outside = dataclasses.replace(
        one, networks=((dataclasses.replace(entry, label=f"../{tmp_path.name}/n0"), result),)
    )
    assert "The devices" not in build_suite(outside, tmp_path).read_text()


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
    # 80 and 76 of 100 images; the interval of two is 12.71 * 2.83 / 1.41 to either side.
    two = "78.00 (52.59 to 100.00)", "38.00 (12.59 to 63.41)"
    assert f"n0 digital - 80.00 {' '.join(two)}".split() in lines
    assert "n0 fold - 80.00 62.00 (36.59 to 87.41) -".split() in lines
    # With / 80 minus without / 40: 80/80 - 80/40 and 76/80 - 76/40.
    two = "-97.50 (-129.27 to -65.73)", "-47.50 (-79.27 to -15.73)"
    assert f"n0 - n1 digital {' '.join(two)}".split() in lines
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
            r"must have the fields command, spec, networks, which are missing; restore the file",
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
