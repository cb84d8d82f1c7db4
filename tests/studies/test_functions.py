"""The studies as functions: on a network and images in memory, in this process."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import analogsim
from analogsim.cli.main import run as command
from analogsim.errors import InputError
from analogsim.experiment.records import read_records
from analogsim.report.answer import answer
from analogsim.report.summary import read_run
from tests.studies.tiny import images, network, write_files

SMALL: dict[str, Any] = {"times": "1s,1d", "chips": 2, "workers": 1}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> analogsim.Run:
    return analogsim.drift(network(), images(), tmp_path_factory.mktemp("d"), **SMALL)


def counts(folder: Path) -> dict[Any, Any]:
    """By address, which images each trial got right."""
    return {trial.key[1:]: trial.correct for trial in read_records(folder)}


def test_a_run_shows_what_its_folder_says(done: analogsim.Run) -> None:
    read = read_run(done.folder)
    assert done.kind == "chips"
    rows = done.summary()["rows"]
    assert [(row["t_s"], row["n_chips"], row["n_images"]) for row in rows] == [
        (1.0, 2, 40),
        (86400.0, 2, 40),
    ]
    assert done.summary()["digital_accuracy"] == 1.0
    said = answer(read.trials, read.header.digital, read.header.digital_correct)
    assert done.answer == " ".join(said)
    assert done.report() == done.folder / "report.html"
    page = html.unescape(done.report().read_text())
    assert all(text in page for text in said)
    assert isinstance(done.plot(), Figure)
    assert repr(done) == f"Run of kind chips in {done.folder}: {done.answer}"
    shown = done._repr_html_()
    assert "<pre>" in shown
    assert "not modelled: " not in shown
    assert read.header.command == (
        "analogsim.drift(<Sequential>, <tuple>, preset='pcm', times='1s,1d', chips=2)"
    )


def test_frame_has_a_row_a_trial(done: analogsim.Run) -> None:
    pytest.importorskip("pandas")
    frame = done.frame
    assert sorted(zip(frame["chip"], frame["t_s"], strict=True)) == [
        (0, 1.0),
        (0, 86400.0),
        (1, 1.0),
        (1, 86400.0),
    ]


def test_the_same_call_goes_on_and_another_network_is_refused(done: analogsim.Run) -> None:
    records = (done.folder / "records.jsonl").read_bytes()
    again = analogsim.drift(network(), images(), done.folder, **SMALL)
    assert again.summary() == done.summary()
    assert (done.folder / "records.jsonl").read_bytes() == records

    other = network()
    with torch.no_grad():
        next(other.parameters())[0, 0, 0, 0] += 0.01
    x, y = images()
    for model, data, said in (
        (other, (x, y), "other weights"),
        (network(activation=nn.Tanh), (x, y), "structure of the network"),
        (network(), (x + 0.01, y), "images"),
        (network(), (x, (y + 1) % 3), "images"),
    ):
        with pytest.raises(InputError, match=f"run folder .* got .*{said}"):
            analogsim.drift(model, data, done.folder, **SMALL)
    with pytest.raises(InputError, match="--extend"):
        analogsim.drift(network(), images(), done.folder, **{**SMALL, "chips": 3})
    more = analogsim.drift(network(), images(), done.folder, extend=True, **{**SMALL, "chips": 3})
    assert {row["n_chips"] for row in more.summary()["rows"]} == {3}


def test_numbers_are_those_of_the_command(tmp_path: Path) -> None:
    model, data = write_files(tmp_path)
    asked = ["--times", "1s,1d", "--chips", "2", "--workers", "1", "-o", str(tmp_path / "c")]
    assert command(["drift", model, "--data", data, *asked]) == 0
    held = analogsim.drift(network(), images(), tmp_path / "p", **SMALL)
    assert counts(held.folder) == counts(tmp_path / "c")
    # A named network and data: the function goes on with the command's own folder.
    named = analogsim.drift(model, data, tmp_path / "c", **SMALL)
    assert named.summary()["rows"] == held.summary()["rows"]
    assert len(read_records(tmp_path / "c")) == 4


def test_a_spec_runs_by_its_file_and_by_its_keys(tmp_path: Path) -> None:
    model, data = write_files(tmp_path)
    spec = tmp_path / "spec.toml"
    spec.write_text(
        f'model = "{model}"\ndata = "{data}"\npresets = ["ideal"]\ntimes = ["1s"]\n'
        "[design]\nchips = 2\n"
    )
    by_file = analogsim.run(spec, tmp_path / "f", workers=1)
    by_keys = analogsim.run(model=model, data=data, presets="ideal", times=[1], chips=2, workers=1)
    in_memory = analogsim.run(str(spec), model=network(), data=images(), workers=1)
    assert by_file.summary()["rows"] == by_keys.summary()["rows"] == in_memory.summary()["rows"]
    assert "temporary folder" in repr(by_keys)
    place = by_keys.folder
    assert place.is_dir()
    del by_keys
    assert not place.exists()


def test_compare_and_matched(tmp_path: Path) -> None:
    several = analogsim.compare(
        network(), images(), tmp_path / "c", presets=["pcm", "ideal"], times=1, chips=2, workers=1
    )
    assert [row["preset"] for row in several.summary()["rows"]] == ["pcm", "ideal"]
    matched = analogsim.compare(
        network(), images(), tmp_path / "m", presets="ideal", times="1d", gaussian="matched",
        chips=2, workers=1,
    )  # fmt: skip
    assert (matched.kind, matched.summary()["format"]) == ("matched", "analogsim-matched")
    assert matched.answer.startswith("The digital network is right on")
    # The chips' cost, the noise beside it, and the level of plain noise that costs as much.
    level = matched.summary()["sentences"][0].split(". ", 1)[1]
    assert re.search(
        r"After 1 d ideal costs .* points .*; Gaussian noise of the same weight error costs .* "
        rf"told apart\. {re.escape(level)}",
        matched.answer,
    )
    assert analogsim.Run(matched.folder).kind == "matched"


def test_noise(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"scopes": "weights", "etas": ["5%", 0.2], "draws": 2, "workers": 1}
    found = analogsim.noise(network(), images(), tmp_path, **asked)
    assert {row["eta"] for row in found.summary()["rows"]} == {0.05, 0.2}
    assert (found.kind, analogsim.Run(tmp_path).kind) == ("noise", "noise")
    assert isinstance(found.plot(), Figure)
    with pytest.raises(InputError, match="other structure of the network"):
        analogsim.noise(network(activation=nn.Tanh), images(), tmp_path, **asked)


def test_attribute(tmp_path: Path) -> None:
    found = analogsim.attribute(
        network(), images(), tmp_path, only="layers", times="1d", chips=2, top=1, workers=1
    )
    assert found.kind == "attribution"
    # All that decides the answer, so that it can be asked again.
    assert read_run(tmp_path).header.command == (
        "analogsim.attribute(<Sequential>, <tuple>, preset='pcm', times='1d', only='layers', "
        "top=1, chips=2)"
    )
    rows = found.summary()["rows"]
    assert {row["name"] for row in rows} == {"0", "3"}
    assert found.answer.startswith(found.summary()["sentences"][0])
    pytest.importorskip("pandas")
    # With the treatments, whose names are longer than the device's.
    assert set(found.frame["preset"]) > {"pcm"}


def test_a_drift_study_in_an_attribution_s_folder_answers_for_itself(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"times": "1d", "chips": 2, "workers": 1}
    why = analogsim.attribute(network(), images(), tmp_path, only="layers", top=1, **asked)
    found = analogsim.drift(network(), images(), tmp_path, **asked)
    assert (why.kind, found.kind) == ("attribution", "chips")
    assert found.answer.startswith("The digital network is right on")
    assert found.answer != why.answer


def test_a_sweep_converts_the_network_in_memory_anew() -> None:
    found = analogsim.drift(
        network(), images(), sweep={"max_input_size": range(8, 25, 8)}, times=1, chips=2, workers=1
    )
    assert list(found.summary()["sweep"]["axes"].values()) == [[8, 16, 24]]
    command = read_run(found.folder).header.command
    assert "sweep={'max_input_size': range(8, 25, 8)}" in command
    assert len(found.summary()["rows"]) == 3
    with pytest.raises(InputError, match="adc_bitz"):
        analogsim.drift(network(), images(), sweep={"adc_bitz": [4]}, times=1)


def test_a_data_set_and_a_loader_are_the_same_images(done: analogsim.Run, tmp_path: Path) -> None:
    x, y = images()
    loader = DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True)
    found = analogsim.drift(network(), loader, tmp_path, train=(x, y), **SMALL)
    addresses = counts(found.folder)
    assert addresses == {key: counts(done.folder)[key] for key in addresses}


def test_progress_goes_to_a_callback_or_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    asked: dict[str, Any] = {"preset": "ideal", "times": 1, "chips": 2, "workers": 1}
    analogsim.drift(
        network(), images(), progress=lambda done, total, what: seen.append((done, total)), **asked
    )
    assert seen == [(0, 0), (1, 2), (2, 2)]
    assert capsys.readouterr().err == ""
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    analogsim.drift(network(), images(), **asked)
    assert "\r2/2 trials (ideal chip 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"times": "1 fortnight"}, r"times\[0\] must be a time such as .* got '1 fortnight'"),
        ({"times": ["1d", 86400]}, "must name each time once"),
        ({"chip": 3}, "analogsim.drift keyword must be one of .* got 'chip'; did you mean 'chips'"),
        ({"preset": "nonsense"}, "preset must be one of .* got 'nonsense'"),
        ({"chips": 0}, "design.chips must be .* got 0"),
        ({"bn": "digital,fold,fold"}, "bn must be"),
        ({"mean": 0.5, "data": [1, 2, 3]}, "normalisation must be done by the data set"),
        ({"model": "memory:Sequential"}, "a network in memory is given in Python"),
        ({"model": 3}, "model must be a digital network, got int"),
        ({"data": "nonsense"}, "data must be one of .* got 'nonsense'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(change: dict[str, Any], said: str) -> None:
    asked: dict[str, Any] = {"model": network(), "data": images(), **SMALL, **change}
    with pytest.raises(analogsim.AnalogsimError, match=f"(?s){said}"):
        analogsim.drift(asked.pop("model"), asked.pop("data"), **asked)


def test_run_wants_a_spec_or_its_keys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got no data; give SPEC.toml, or model="):
        analogsim.run(model=network())
    with pytest.raises(InputError, match="either a spec or the keys of one, got a spec and chips"):
        analogsim.run(tmp_path / "spec.toml", chips=3)


SCRIPT = """
import analogsim
from tests.studies.tiny import images, network

print("once")
run = analogsim.drift(network(), images(), FOLDER, times="1d", chips=4, workers=2)
print(len(run.summary()["rows"]), run.summary()["rows"][0]["n_chips"])
"""


@pytest.mark.slow
def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    """Workers are forked: they do not import the script again, as spawned ones would."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("FOLDER", repr(str(tmp_path / "d"))))
    found = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "once\n1 4\n", "")
