"""Studies of another measure than the accuracy: values, labels, folders, and what is refused."""

import csv
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import analogsim
from analogsim import Measure
from analogsim.cli.main import run as command
from analogsim.errors import InputError
from analogsim.experiment.deal import unpack_values
from analogsim.experiment.header import read_header
from analogsim.experiment.records import read_records
from analogsim.inputs import load_data, load_model
from tests.cli import own_measure
from tests.cli.own_measure import ERRORS, LOSS
from tests.studies.tiny import images, network, write_files

SMALL: dict[str, Any] = {"times": "1s,1d", "chips": 3, "workers": 1}
CODE = Path(own_measure.__file__).read_text()
CODE += 'MEAN = Measure(name="mean", score=F.cross_entropy)\n'


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> analogsim.Run:
    folder = tmp_path_factory.mktemp("loss")
    return analogsim.drift(network(), images(), folder, measure=LOSS, **SMALL)


@pytest.fixture
def named(tmp_path: Path) -> list[str]:
    """A command without --measure and -o."""
    model, data = write_files(tmp_path)
    small = ["--times", "1s", "--chips", "2", "--workers", "1"]
    return ["drift", model, "--data", data, *small]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(CODE)
    return path


def test_a_trial_holds_what_its_chip_scores_on_each_image(done: analogsim.Run) -> None:
    x, y = images()
    converted = analogsim.convert(network(), preset="pcm", calibrate=x)
    for trial in read_records(done.folder):
        chip = analogsim.program(converted, seed=0, chip=trial.chip)
        found = analogsim.evaluate(chip.drift_(trial.t_s), (x, y), measure=LOSS)
        assert trial.correct is not None
        assert trial.accuracy == found.mean
        assert unpack_values(trial.correct, 40).tolist() == found.values.tolist()


def test_evaluate_gives_the_mean_that_torch_gives() -> None:
    x, y = images()
    found = analogsim.evaluate(network(), (x, y), measure=LOSS)
    with torch.no_grad():
        assert found.mean == pytest.approx(float(F.cross_entropy(network()(x), y)), rel=1e-6)
    assert (found.n_images, found.n_correct, found.measure) == (40, None, LOSS)
    with pytest.raises(InputError, match=r"right or wrong, got cross-entropy; take \.mean"):
        _ = found.accuracy
    plain = analogsim.evaluate(network(), (x, y))
    assert (plain.accuracy, plain.mean, plain.n_correct) == (1.0, 1.0, 40)


def test_outputs_with_nan_are_scored_as_zeros() -> None:
    class Broken(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            out = torch.zeros(len(x), 3)
            out[0] = torch.nan
            return out

    x, _ = images(4)
    found = analogsim.evaluate(Broken(), (x, torch.tensor([2, 1, 0, 0])), measure=LOSS)
    assert found.n_nan == 1
    assert found.values.tolist() == pytest.approx([float(torch.log(torch.tensor(3.0)))] * 4)


def test_tables_page_and_files_name_the_measure(done: analogsim.Run) -> None:
    summary = done.summary()
    assert summary["measure"] == {
        "name": "cross-entropy", "unit": "nats", "better": "lower", "least": 0, "most": None,
    }  # fmt: skip
    assert summary["digital"]["n_correct"] is None
    text, page = done.text(), done.report().read_text()
    assert "\nCross-entropy in nats, memory:Sequential" in text
    assert "  cross-entropy  " in text
    assert done.answer.startswith("The digital network has cross-entropy 0.")
    assert re.search(r" costs -?[\d.e-]+ nats \(-?[\d.e-]+ to ", done.answer)
    assert "Costs are nats of cross-entropy against the digital network" in done.answer
    for shown in ("Cross-entropy over time", "95th percentile chip", "Changes in nats"):
        assert shown in page
    # Nothing is called an accuracy, whether in words or in a heading.
    said = html.unescape(page).split("<body", 1)[1].split('id="notes"')[0].casefold()
    assert "accuracy" not in said.replace("records.csv", "")
    with (done.folder / "charts" / "measure.csv").open() as file:
        assert next(csv.reader(file))[5] == "cross-entropy"
    with (done.folder / "records.csv").open() as file:
        assert "cross-entropy" in next(csv.reader(file))
    assert not (done.folder / "accuracy.png").exists()
    axes = done.plot().axes[0]
    assert axes.get_ylabel() == "cross-entropy (nats)"


def test_a_frame_has_the_mean_under_its_name(done: analogsim.Run) -> None:
    frame = done.frame
    means = [trial.accuracy for trial in read_records(done.folder)]
    assert sorted(frame["cross-entropy"]) == sorted(means)
    assert not {"accuracy", "n_correct"} & set(frame.columns)
    assert frame.attrs["measure"] == "cross-entropy"


def test_top_5_counts_as_top_1_does(tmp_path: Path) -> None:
    done = analogsim.drift(
        "zoo:digits_cnn", "digits", tmp_path, measure="top5", limit=60, chips=2, times="1d",
        workers=1,
    )  # fmt: skip
    data = load_data("digits")
    chosen = analogsim.evaluate(load_model("zoo:digits_cnn").module, data, measure="top5")
    with torch.no_grad():
        x, y = next(iter(torch.utils.data.DataLoader(data.dataset, batch_size=360)))
        wanted = load_model("zoo:digits_cnn").module.eval()(x).topk(5).indices == y[:, None]
    assert chosen.n_correct == int(wanted.any(1).sum())
    lines = [json.loads(one) for one in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert {one["version"] for one in lines} == {1}
    assert json.loads((tmp_path / "run.json").read_text())["version"] == 2
    assert "Top-5 accuracy in %, zoo:digits_cnn on 60 images" in done.text()
    (row,) = done.summary()["rows"]
    assert row["ci95"][1] <= 1.0


def test_a_users_file_is_part_of_what_a_folder_is_of(
    named: list[str], own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [*named, "--measure", f"{own}:LOSS", "-o", str(tmp_path / "run")]
    assert command(args) == 0
    inputs = read_header(tmp_path / "run").spec["inputs"]
    assert "measure file own.py" in inputs
    before = (tmp_path / "run" / "records.jsonl").read_bytes()
    assert command(args) == 0
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == before
    own.write_text(CODE + "\n# another\n")
    assert command(args) == 2
    assert "got other measure file own.py; restore them" in capsys.readouterr().err
    own.write_text(CODE)
    assert command([*named, "-o", str(tmp_path / "run")]) == 2
    assert 'measure: {"name": "cross-entropy"' in capsys.readouterr().err


def test_a_spec_stands_for_the_command(
    named: list[str], own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [*named, "--measure", f"{own}:LOSS"]
    assert command([*args, "--print-spec"]) == 0
    spec = tmp_path / "spec.toml"
    spec.write_text(capsys.readouterr().out)
    assert f'measure = "{own}:LOSS"\n' in spec.read_text()
    assert command([*args, "-o", str(tmp_path / "a")]) == 0
    assert command(["run", str(spec), "-o", str(tmp_path / "b"), "--workers", "1"]) == 0
    rows = [json.loads((tmp_path / one / "summary.json").read_text())["rows"] for one in "ab"]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ("top-5", "measure must be top1, top5 or FILE.py:NAME, got 'top-5'; did you mean 'top5'?"),
        ("nowhere.py:LOSS", "measure file must exist, got 'nowhere.py'; check the path"),
        ("top5", "measure top5 must be of more than 5 classes, got 3; every answer would be right"),
        ("OWN:MEAN", "must give one finite number an image, got the shape () for 40 images"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_any_chip(
    named: list[str],
    own: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    measure: str,
    message: str,
) -> None:
    folder = tmp_path / "run"
    measure = measure.replace("OWN", str(own))
    assert command([*named, "--measure", measure, "-o", str(folder)]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "records.jsonl").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--precision", "5%"], "precision must be of a measure in %, got of cross-entropy"),
        (["--yield-above", "90%"], "yield must be of a measure in %, got of cross-entropy in nats"),
    ],
    ids=["precision", "yield"],
)
def test_percentages_are_of_shares_alone(
    named: list[str],
    own: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    message: str,
) -> None:
    named = [one for one in named if one not in ("--chips", "2")] if "%" in more[1] else named
    args = [*named, *more, "--measure", f"{own}:LOSS", "-o", str(tmp_path / "run")]
    assert command(args) == 2
    assert message in capsys.readouterr().err


def test_a_sweep_of_it_is_a_table_and_a_chart_without_a_choice(tmp_path: Path) -> None:
    done = analogsim.drift(
        network(), images(), tmp_path, measure=LOSS, sweep={"adc_bits": "5,7"}, times="1s",
        chips=2, workers=1,
    )  # fmt: skip
    assert done.summary()["sweep"]["choices"] == []
    assert "Cross-entropy over adc_bits" in done.report().read_text()


def test_an_attribution_names_the_share_that_is_lost(tmp_path: Path) -> None:
    def probability(outputs: Tensor, target: Tensor) -> Tensor:
        return outputs.softmax(1).gather(1, target[:, None])

    certain = Measure(name="certainty", unit="%", least=0, most=1, score=probability)
    done = analogsim.attribute(
        network(), images(), tmp_path, measure=certain, times="1d", chips=3, only="sources",
        workers=1,
    )  # fmt: skip
    assert "Loss of certainty in points" in done.text()
    assert " points of certainty on these 40 images" in done.answer
    assert "points of accuracy" not in done.report().read_text()


def test_an_error_rate_is_the_accuracy_turned_round(tmp_path: Path) -> None:
    more = {**SMALL, "preset": "pcm?programming_scale=4", "chips": 4, "yield_above": 0.9}
    right = analogsim.drift(network(), images(), tmp_path / "right", **more).summary()
    turned = analogsim.drift(
        network(), images(), tmp_path / "wrong", measure=ERRORS, **{**more, "yield_above": 0.1}
    ).summary()
    assert any(row["mean"] < 1 for row in right["rows"])
    for one, other in zip(right["rows"], turned["rows"], strict=True):
        assert other["mean"] == pytest.approx(1 - one["mean"])
        for bounds in ("ci95", "ci95_new_images"):
            low, high = one[bounds]
            assert other[bounds] == pytest.approx([1 - high, 1 - low])
        assert other["percentile5"] == pytest.approx(1 - one["percentile5"])
        assert other["yields"][0]["share"] == one["yields"][0]["share"]
    for one, other in zip(right["differences"], turned["differences"], strict=True):
        assert other["mean"] == pytest.approx(-one["mean"])
        assert other["told_apart"] == one["told_apart"]


def test_what_costs_accuracy_costs_as_many_errors(tmp_path: Path) -> None:
    at: dict[str, Any] = {"preset": "pcm?programming_scale=8", "times": "1d", "chips": 5}
    at |= {"workers": 1, "top": 1}
    right = analogsim.attribute(network(), images(), tmp_path / "right", **at).summary()
    turned = analogsim.attribute(network(), images(), tmp_path / "wrong", measure=ERRORS, **at)
    found = turned.summary()
    assert any(row["loss"] for row in right["rows"])
    for one, other in zip(right["rows"], found["rows"], strict=True):
        for name in ("name", "mode", "loss", "low", "high", "new_images"):
            assert other[name] == pytest.approx(one[name]), (one["name"], name)
    for name in ("mean", "low", "high", "new_images"):
        assert found["whole"][0]["loss"][name] == pytest.approx(right["whole"][0]["loss"][name])
    digital = found["whole"][0]["accuracy"]["mean"]
    assert digital == pytest.approx(1 - right["whole"][0]["accuracy"]["mean"])
    assert right["suggestion"] is not None
    assert found["suggestion"]["keep_digital"] == right["suggestion"]["keep_digital"]
    gains = [one["suggestion"]["verification"]["gain"]["mean"] for one in (found, right)]
    assert gains[0] == pytest.approx(gains[1])
    assert "Rise of error rate in points" in turned.text()
    assert "lowers error rate" in turned.text()


def test_an_attribution_of_a_loss_is_in_its_unit(tmp_path: Path) -> None:
    done = analogsim.attribute(
        network(), images(), tmp_path, measure=LOSS, times="1d", chips=3, workers=1
    )
    found = done.summary()
    frame = done.frame
    plain = frame[frame["preset"] == "pcm"].query("chip < 3")
    (whole,) = found["whole"]
    assert whole["accuracy"]["mean"] == pytest.approx(plain["cross-entropy"].mean())
    assert whole["loss"]["mean"] == pytest.approx(
        whole["accuracy"]["mean"] - found["digital_accuracy"]
    )
    assert "Rise of cross-entropy in nats" in done.text()
    assert re.search(r"pcm costs memory:Sequential .* nats of cross-entropy", done.answer)
    said = html.unescape(done.report().read_text()).split("<body", 1)[1].split('id="notes"')[0]
    assert "Cost of each source in nats of cross-entropy" in said
    assert not re.search(r"accuracy|points", said.replace("records.csv", ""))
    heading = (tmp_path / "charts" / "attribution.csv").read_text().splitlines()[0]
    assert "loss" in heading


def test_the_noise_that_has_a_devices_accuracy_has_its_errors(tmp_path: Path) -> None:
    at: dict[str, Any] = {
        "presets": "pcm?programming_scale=8", "gaussian": "matched", "times": "1d", "chips": 3,
        "workers": 1,
    }  # fmt: skip
    right = analogsim.compare(network(), images(), tmp_path / "right", **at).summary()
    turned = analogsim.compare(network(), images(), tmp_path / "wrong", measure=ERRORS, **at)
    found = turned.summary()
    assert found["measure"] == ERRORS.entry()
    assert "measure" not in right
    (one,), (other,) = right["points"], found["points"]
    assert one["difference"]["mean"] != 0
    assert other["difference"]["mean"] == pytest.approx(-one["difference"]["mean"])
    assert other["equivalent"] == pytest.approx(one["equivalent"])
    for a, b in zip(one["parts"], other["parts"], strict=True):
        assert b["share"]["mean"] == pytest.approx(-a["share"]["mean"])
    text = turned.text()
    assert "Error rate in %, memory:Sequential on 40 images" in text
    assert "Gaussian noise of eta std(W) has the device's error rate" in text


def test_a_matched_comparison_of_a_loss_is_in_its_unit(tmp_path: Path) -> None:
    done = analogsim.compare(
        network(), images(), tmp_path, presets="pcm", gaussian="matched", measure=LOSS,
        times="1d", chips=2, workers=1,
    )  # fmt: skip
    (point,) = done.summary()["points"]
    frame = done.frame
    device = frame[frame["preset"] == "pcm"]["cross-entropy"].mean()
    control = frame[frame["preset"] == point["control"]]["cross-entropy"].mean()
    assert point["difference"]["mean"] == pytest.approx(device - control)
    assert "difference: device - matched in nats" in done.text()
    assert "Its cross-entropy is" in done.answer
    assert "accuracy" not in done.text().casefold()
