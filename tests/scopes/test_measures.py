"""Noise studies of other measures than the accuracy: shares of the clean mean, or changes."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from analogsim.errors import InputError
from analogsim.experiment.deal import pack_values, unpack_values
from analogsim.experiment.header import read_header
from analogsim.experiment.records import RECORDS_FILE, read_records
from analogsim.inputs import batches
from analogsim.inputs.measure import TOP_1, Measure
from analogsim.quantity import Quantity
from analogsim.scopes.build import build_noise
from analogsim.scopes.levels import Level
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.relative import Relative
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.summary import noise_summary
from analogsim.scopes.table import format_noise
from analogsim.scopes.words import noise_sentences
from tests.cli.own_measure import ERRORS, LOSS, each
from tests.scopes.small import Flat, data, network, noisy, run, study
from tests.scopes.test_noisy import nan_level, under_noise
from tests.scopes.toy import toy


def right(outputs: Tensor, target: Tensor) -> Tensor:
    return outputs.argmax(1) == target


RIGHT = Measure(name="rightness", unit="%", least=0, most=1, score=right)
ETAS = (0.05, 0.2)


def result(folder: Path, measure: Measure = TOP_1, **changes: Any) -> NoiseResult:
    run(folder, study(measure=measure, **changes))
    return read_noise(folder)


def versions(folder: Path) -> set[int]:
    lines = (folder / RECORDS_FILE).read_text().splitlines()
    return {json.loads(one)["version"] for one in lines}


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loss")
    run(folder, study(measure=LOSS))
    return folder


def test_a_record_holds_what_the_noisy_network_scores_on_each_image(losses: Path) -> None:
    level = Level(scope="weights", reference="std", eta=0.2)
    (trial,) = (t for t in read_records(losses) if (t.preset, t.chip) == (level.preset, 1))
    state = under_noise(noisy(batch_size=48), level, draw=1, seed=0)
    images, labels = next(iter(batches(data(), 96)))
    wanted = each(torch.func.functional_call(network(), state, images), labels)
    assert trial.correct is not None
    assert (trial.n_correct, trial.n_images) == (None, 96)
    values = unpack_values(trial.correct, 96)
    assert values == pytest.approx(wanted.detach().double().numpy(), rel=1e-3, abs=1e-5)
    assert trial.accuracy == pytest.approx(values.mean(), rel=1e-12)


def test_records_are_of_the_second_version_and_their_run_says_the_measure(losses: Path) -> None:
    assert versions(losses) == {2}
    header = read_header(losses)
    assert header.spec["measure"] == LOSS.entry()
    assert header.digital["n_correct"] is None
    assert header.quantity == Quantity(**LOSS.entry())


def test_a_change_is_the_mean_under_noise_less_the_clean_one(losses: Path) -> None:
    found = read_noise(losses)
    clean = read_header(losses).digital["accuracy"]
    assert found.clean == pytest.approx(clean, rel=1e-12)
    for row in noise_summary(found)["rows"]:
        level = Level(scope=row["scope"], reference=row["reference"], eta=row["eta"])
        means = [t.accuracy for t in read_records(losses) if t.preset == level.preset]
        assert row["mean"] == pytest.approx(sum(means) / 2, rel=1e-9)
        assert row["change"] == pytest.approx(sum(means) / 2 - clean, rel=1e-9)
        if row["nan_draws"]:
            assert row["ci95"] is None
            continue
        assert row["ci95"] is not None
        assert row["ci95_new_images"] is not None
        low, high = row["ci95"]
        least, most = row["ci95_new_images"]
        assert least <= low <= row["change"] <= high <= most
        # A loss is at least 0, so that it cannot fall by more than it is.
        assert low >= -clean


def test_what_is_said_is_in_its_unit_and_no_accuracy(losses: Path) -> None:
    found, page = build_noise(losses)
    text, said = format_noise(found), " ".join(noise_sentences(found))
    assert f"clean cross-entropy {found.clean:.4g} nats" in text
    assert "Change of cross-entropy in nats (less that without noise), sigma = eta * max" in text
    assert "Average change of cross-entropy in nats (95 % interval over draws" in text
    assert f"Without noise the network has cross-entropy {found.clean:.4g} nats on 96" in said
    assert "changes that cross-entropy by +" in said
    assert ", the worst, and in scope " in said
    body = page.read_text().split("<body", 1)[1].casefold()
    assert "cross-entropy over noise" in body
    assert "accuracy" not in body
    assert json.loads((losses / "noise.json").read_text())["measure"]["unit"] == "nats"


def test_the_worst_scope_is_the_one_of_the_largest_loss(losses: Path) -> None:
    found = read_noise(losses)
    means = {
        scope: found.average(scope, "std", ETAS) for scope in ("weights", "variance", "folded")
    }
    worst = max(means, key=lambda scope: means[scope].mean)  # type: ignore[union-attr]
    said = noise_sentences(found)[1]
    assert f"noise in scope {worst} changes" in said


def test_a_measure_that_is_the_accuracy_gives_the_accuracys_numbers(tmp_path: Path) -> None:
    plain, own = result(tmp_path / "a"), result(tmp_path / "b", RIGHT)
    rows, others = noise_summary(plain)["rows"], noise_summary(own)["rows"]
    for row, other in zip(rows, others, strict=True):
        assert other["mean"] == pytest.approx(row["accuracy"], rel=1e-12)
        assert other["normalised"] == row["normalised"]
        assert other["ci95"] == row["ci95"]
        assert other["ci95_new_images"] == row["ci95_new_images"]
    assert own.counted
    assert "Average normalised rightness in %" in format_noise(own)
    header = read_header(tmp_path / "b")
    assert header.spec_digest != read_header(tmp_path / "a").spec_digest
    assert versions(tmp_path / "b") == {1}


def test_an_error_rate_is_the_accuracy_turned_round(tmp_path: Path) -> None:
    plain, turned = result(tmp_path / "a"), result(tmp_path / "b", ERRORS)
    assert turned.clean == pytest.approx(1 - plain.clean)
    for scope in ("weights", "folded"):
        kept, change = (one.average(scope, "std", ETAS) for one in (plain, turned))
        assert kept is not None
        assert change is not None
        assert change.mean == pytest.approx(plain.clean * (1 - kept.mean))
        assert (change.n, change.new_images is None) == (2, False)
    assert "points (less that without noise)" in format_noise(turned)


def test_a_draw_that_is_nan_is_scored_as_zeros() -> None:
    net = noisy(Flat(1e-6, 1.0), measure=LOSS)
    level = Level(scope="variance", reference="std", eta=0.5)
    found = net.score(level, seed=3, draw=nan_level(net))
    assert (found.n_nan, found.n_correct) == (96, None)
    expected = float(torch.tensor(10.0).log())
    assert unpack_values(found.correct, 96) == pytest.approx([expected] * 96)


def of_loss(means: dict[float, list[float]], **changes: Any) -> NoiseResult:
    """Ten images under noise of scope variance: each draw's mean; clean it is 0.5."""
    sums = {eta: [10 * mean for mean in row] for eta, row in means.items()}
    return toy(
        {("variance", "std"): sums},  # type: ignore[dict-item]
        {("variance", "std"): {0.05: [0, 0, 0]}},
        n_images=10, clean_correct=5.0, etas=(0.05,), quantity=Quantity(**LOSS.entry()),
        counted=False, **changes,
    )  # fmt: skip


def test_changes_by_hand() -> None:
    found = of_loss({0.05: [0.75, 0.5, 1.0]})
    assert found.units("variance", "std", (0.05,)).values == pytest.approx(
        {0: 0.25, 1: 0.0, 2: 0.5}
    )
    mean = found.curve("variance", "std", 0.05)
    assert mean is not None
    assert mean.mean == pytest.approx(0.25)
    # Student's t: 4.3027 * 0.25 / sqrt(3). A loss falls by its 0.5 at most.
    assert (mean.low, mean.high) == pytest.approx((-0.37104, 0.87104), abs=1e-4)


def test_values_lie_on_no_lattice() -> None:
    """Equal answers allow for a flip that was not seen; values of a measure have none."""
    found = of_loss({0.05: [0.75, 0.75, 0.75]}).curve("variance", "std", 0.05)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.25, 0.25))


def test_nan_draws_of_a_measure_without_bounds_have_no_interval() -> None:
    nan = {("variance", "std"): {0.05: [0, 10, 0]}}
    found = dataclasses.replace(
        of_loss({0.05: [0.5, 2.0, 0.75]}), counts=toy(
            {("variance", "std"): {0.05: [5.0, 20.0, 7.5]}}, nan, n_images=10, etas=(0.05,)  # type: ignore[dict-item]
        ).counts,
    )  # fmt: skip
    mean = found.curve("variance", "std", 0.05)
    assert mean is not None
    assert (mean.low, mean.high, mean.p) == (None, None, None)
    assert mean.mean == pytest.approx(3.25 / 3 - 0.5)
    assert "there is no interval: draws of two kinds" in format_noise(found)
    bounded = dataclasses.replace(found, quantity=Quantity(**{**LOSS.entry(), "most": 4.0}))
    known = bounded.curve("variance", "std", 0.05)
    assert known is not None
    assert known.low is not None
    assert known.high is not None
    assert -0.5 <= known.low < known.mean < known.high <= 3.5


@pytest.mark.parametrize(
    ("changes", "ratio"),
    [({}, True), ({"better": "lower"}, False), ({"least": None}, False), ({"unit": "nats"}, False)],
    ids=["share", "lower", "unbounded", "unit"],
)
def test_a_share_is_of_fractions_from_0_of_which_more_is_better(
    changes: dict[str, Any], ratio: bool
) -> None:
    quantity = Quantity(**{"name": "certainty", "unit": "%", "least": 0, "most": 1, **changes})
    relative = Relative.to_clean(quantity)
    assert relative.is_ratio == ratio
    assert relative.name == f"{'normalised' if ratio else 'change of'} certainty"


def test_a_long_name_has_a_word_before_it() -> None:
    relative = Relative.to_clean(Quantity(name="n" * 60, unit="nats"))
    assert relative.axis == f"change of {'n' * 60} (nats)"
    assert (relative.text(0.25), relative.with_unit(-0.5)) == ("+0.25", "-0.5 nats")


def test_a_share_of_nothing_is_refused(tmp_path: Path) -> None:
    never = dataclasses.replace(RIGHT, score=lambda outputs, target: torch.zeros(len(target)))
    rule = "must have a digital network whose rightness is above 0, got 0 on 96 images"
    with pytest.raises(InputError, match=rule):
        run(tmp_path, study(measure=never))


def test_damaged_values_are_refused(losses: Path, tmp_path: Path) -> None:
    for name in ("run.json", "variances.json", RECORDS_FILE):
        (tmp_path / name).write_bytes((losses / name).read_bytes())
    trials = read_records(tmp_path)
    short = pack_values(torch.zeros(96).numpy())
    broken = dataclasses.replace(trials[0], correct=short, accuracy=0.0)
    lines = [one.to_json() for one in (broken, *trials[1:])]
    (tmp_path / RECORDS_FILE).write_text("\n".join([*lines, ""]))
    assert read_noise(tmp_path).curve("weights", "std", 0.05) is not None
    header = json.loads((tmp_path / "run.json").read_text())
    header["digital_values"] = header["digital_values"][:-8]
    del header["crc32"]
    (tmp_path / "run.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="digital_correct must"):
        read_noise(tmp_path)
