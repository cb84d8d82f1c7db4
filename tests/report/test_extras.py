"""Files beside the records: shown if they are there, named if they are broken."""

import json
import re
from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.experiment.layers_file import read_layers
from analogsim.report import build_report
from analogsim.report.attribution import read_losses
from analogsim.report.comparison import read_comparison
from analogsim.report.extras import Extras, read_extras
from tests.report.full_folder import attribution, comparison, layers_file, write_full
from tests.report.run_folder import DAY, make_trial, write_run


def test_nothing_is_there(tmp_path: Path) -> None:
    assert read_extras(tmp_path) == Extras()


def test_everything_is_read(tmp_path: Path) -> None:
    found = read_extras(write_full(tmp_path))
    assert found.notes == ()
    assert found.layers == layers_file("pcm", "rram")
    # Of before the coverage was measured.
    assert found.comparison == {**comparison("pcm", "rram"), "coverage": None}
    assert found.spec is not None
    first = found.losses[0]
    assert (first.kind, first.name, first.t_s, first.loss) == ("source", "drift", DAY, 0.0123)


def test_files_of_before_other_images_were_asked_for_are_read(tmp_path: Path) -> None:
    old = comparison("pcm")
    for one in old["points"]:
        for name in ("accuracy", "accuracy_control", "difference"):
            del one[name]["p"], one[name]["new_images"]
    losses = attribution()
    for row in losses["rows"]:
        del row["new_images"]
    (tmp_path / "matched.json").write_text(json.dumps(old))
    (tmp_path / "attribution.json").write_text(json.dumps(losses))
    found = read_extras(tmp_path)
    assert found.notes == ()
    assert found.comparison is not None
    difference = found.comparison["points"][0]["difference"]
    assert (difference["p"], difference["new_images"], difference["n_chips"]) == (None, None, 5)
    assert [loss.new_images for loss in found.losses] == [None] * 4
    assert [loss.new_images for loss in read_losses(write_full(tmp_path))][1] is None


BROKEN = {
    "no-json": ("{", "must be readable JSON, got '"),
    "other-format": ('{"format": "other"}', "format must be 'analogsim-{what}', got 'other'"),
    "other-version": (
        '{"format": "analogsim-{what}", "version": 7}', "version must be 1, got 7"),
    "not-text": (b"\xff", "must be readable JSON, got ''utf-8' codec"),
}  # fmt: skip
READERS = {"layers": read_layers, "matched": read_comparison, "attribution": read_losses}


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_costs_its_section_and_no_more(tmp_path: Path, what: str, how: str) -> None:
    content, message = BROKEN[how]
    path = write_run(tmp_path, [make_trial()]) / f"{what}.json"
    if isinstance(content, str):
        path.write_text(content.replace("{what}", what))
    else:
        path.write_bytes(content)
    expected = re.escape(f"{path} {message.replace('{what}', what)}")
    with pytest.raises(InputError, match=expected):
        READERS[what](tmp_path)
    (note,) = read_extras(tmp_path).notes
    assert note.startswith(f"Left out: {path} ")


def test_the_report_of_a_broken_file_says_what_it_leaves_out(tmp_path: Path) -> None:
    path = write_run(tmp_path, [make_trial()]) / "layers.json"
    path.write_text("{")
    assert f"Left out: {path} must be readable JSON" in build_report(tmp_path).read_text()


def changed(content: dict, **changes: object) -> str:
    return json.dumps(content | changes)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("layers", changed(dict(layers_file("pcm")), edges="x"), r"edges must be a list, got 'x'"),
        (
            "layers",
            changed(dict(layers_file("pcm")), edges=[0.0, 1.0]),
            "layer conv1 counts must be 1, got 4",
        ),
        ("matched", changed(comparison("pcm"), chips=None), "chips must be a whole number, got"),
        ("attribution", changed(attribution(), rows=3), "rows must be a list, got 3"),
        (
            "attribution",
            changed(attribution(), rows=[{"kind": "layer"}]),
            r"rows\[0\] must have the fields name, title, mode",
        ),
        ("matched", changed(comparison("pcm"), bracket=[0.5]), r"bracket must be two numbers, got"),
        (
            "matched",
            changed({}, **json.loads(json.dumps(comparison("pcm")).replace("[0.94, 0.97]", "[]"))),
            r"ci95 must be two numbers, got \[\]",
        ),
        (
            "attribution",
            changed(attribution(), rows=[{**attribution()["rows"][0], "new_images": [0.5]}]),
            r"rows\[0\] new_images must be two numbers, got \[0.5\]",
        ),
    ],
    ids=["edges", "counts", "chips", "rows", "row", "bracket", "interval", "new-images"],
)
def test_wrong_content_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / f"{name}.json").write_text(content)
    with pytest.raises(InputError, match=rf"{name}\.json .*{message}"):
        READERS[name](tmp_path)


def test_maps_and_states_that_do_not_fit_are_named(tmp_path: Path) -> None:
    content = layers_file("pcm")
    content["presets"][0]["maps"][0]["target"] = "AAAA"
    content["presets"][0]["layers"][1]["states"].pop()
    (tmp_path / "layers.json").write_text(json.dumps(content))
    message = r"layer linear must have 5 states, got 4; map of conv1 target must be whole, got"
    with pytest.raises(InputError, match=message):
        read_layers(tmp_path)


def test_a_spec_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_bytes(b"\xff")
    (note,) = read_extras(tmp_path).notes
    assert "spec.toml must be readable text, got ''utf-8' codec" in note
