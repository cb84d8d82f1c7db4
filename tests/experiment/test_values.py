"""Values that are not right or wrong: packed, recorded, and averaged with intervals."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from analogsim import seal
from analogsim.errors import InputError
from analogsim.experiment.deal import all_images, pack, pack_values, unpack_values
from analogsim.experiment.header import RunHeader
from analogsim.experiment.records import RecordWriter, Trial, read_records
from analogsim.experiment.statistics import (
    ANY,
    digital_new_images,
    over_images,
    paired_trials,
    summarise,
)
from analogsim.experiment.statistics.components import Answers, tabulate
from analogsim.experiment.statistics.interval import SkewedMean
from analogsim.quantity import ACCURACY, Quantity
from tests.report.run_folder import make_header, make_trial

LOSS = Quantity(name="loss", unit="nats", better="lower", least=0)


def trial(values: NDArray[np.float32], **changes: Any) -> Trial:
    fields = {
        "n_images": len(values),
        "n_correct": None,
        "accuracy": float(values.astype(np.float64).mean()),
        "images": all_images(len(values)),
        "correct": pack_values(values),
    }
    return make_trial(**fields | changes)


def losses(chips: int, images: int, seed: int = 0) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    shared = rng.gamma(0.5, 1.0, images)
    rows = shared + rng.normal(0, 0.1, (chips, 1)) + rng.normal(0, 0.2, (chips, images))
    return list(np.abs(rows).astype(np.float32))


def test_packed_values_come_back_bit_for_bit() -> None:
    values = np.array([0.1, -3e30, 0.0, 1e-40], dtype=np.float32)
    assert np.array_equal(unpack_values(pack_values(values), 4), values.astype(np.float64))
    assert unpack_values(pack([True, False, True]), 3).tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(InputError, match="5 values in 20 bytes, got 16 bytes"):
        unpack_values(pack_values(values), 5)
    with pytest.raises(InputError, match="must hold finite values"):
        unpack_values(pack_values(np.array([np.inf], dtype=np.float32)), 1)


def test_a_record_of_values_is_version_2_and_comes_back(tmp_path: Path) -> None:
    written = trial(losses(1, 30)[0])
    with RecordWriter(tmp_path) as writer:
        writer.write(written)
    line = json.loads((tmp_path / "records.jsonl").read_text())
    assert (line["version"], line["mean"]) == (2, written.accuracy)
    assert line["values"].startswith("float32:")
    assert not line.keys() & {"n_correct", "accuracy", "correct", "point"}
    assert list(read_records(tmp_path)) == [written]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 0.5}, r"mean must be that of the values, 0\.\d+, got 0.5"),
        ({"correct": None}, "values must be 30 numbers after 'float32:', got None"),
        ({"correct": pack([True] * 30)}, "values must be 30 numbers after 'float32:', got "),
        ({"correct": "float32:AAAA"}, "values must hold 30 values in 120 bytes, got 3 bytes"),
    ],
    ids=["mean", "none", "bits", "short"],
)
def test_a_damaged_record_of_values_is_named(changes: dict[str, Any], message: str) -> None:
    broken = dataclasses.replace(trial(losses(1, 30)[0]), **changes)
    with pytest.raises(InputError, match=f"^here {message}"):
        Trial.from_json(broken.to_json(), where="here")


def test_a_header_of_another_measure_is_version_2_and_comes_back() -> None:
    values = losses(1, 360)[0]
    spec = make_header().spec | {"measure": LOSS.entry()}
    written = make_header(
        spec=spec,
        digital={"accuracy": 0.7, "n_correct": None, "n_images": 360, "n_nan": 0},
        digital_correct=pack_values(values),
    )
    content = json.loads(json.dumps(written.to_json()))
    assert (content["version"], content["digital"]) == (
        2,
        {"mean": 0.7, "n_images": 360, "n_nan": 0},
    )
    assert content["digital_values"].startswith("float32:")
    read = RunHeader.from_json(seal.sealed(content), where="here")
    assert read == written
    assert read.quantity == LOSS
    content["spec"]["measure"]["better"] = "up"
    with pytest.raises(InputError, match="spec measure better must be one of higher, lower"):
        RunHeader.from_json(seal.sealed(content), where="here")


def test_the_mean_is_that_of_all_values_and_its_interval_that_of_t() -> None:
    chips = losses(6, 40)
    (row,) = summarise([trial(one, chip=at) for at, one in enumerate(chips)], None, (), LOSS)
    means = np.array([one.astype(np.float64).mean() for one in chips])
    assert row.mean == pytest.approx(means.mean(), rel=1e-12)
    wanted = stats.t.interval(0.95, 5, means.mean(), stats.sem(means))
    assert row.ci95 == pytest.approx(wanted, rel=1e-9)
    assert row.ci95_new_images is not None
    assert row.ci95_new_images[1] - row.ci95_new_images[0] > wanted[1] - wanted[0]
    # The worst chip is the highest loss.
    assert row.percentile5 == pytest.approx(
        means.mean() + stats.norm.ppf(0.95) * means.std(ddof=1), rel=1e-9
    )


def test_an_interval_ends_where_the_measure_does_and_nowhere_else() -> None:
    wide = [trial(np.full(20, v, np.float32), chip=at) for at, v in enumerate((0.1, 3.0))]
    (row,) = summarise(wide, None, (), LOSS)
    assert row.ci95 is not None
    assert row.ci95[0] == 0.0
    assert row.ci95[1] > 1.0
    free = dataclasses.replace(LOSS, least=None)
    (row,) = summarise(wide, None, (), free)
    assert row.ci95 is not None
    assert row.ci95[0] < 0.0


def test_a_difference_of_values_has_no_least_width() -> None:
    chips = losses(4, 50)
    before = [trial(one, chip=at) for at, one in enumerate(chips)]
    after = [trial(one + np.float32(2.0), chip=at, t_s=9.0) for at, one in enumerate(chips)]
    found = paired_trials(after, before, span=LOSS.differences)
    assert found is not None
    assert found.mean == pytest.approx(2.0, rel=1e-6)
    assert found.half_width == pytest.approx(0.0, abs=1e-6)
    # Of answers, flips that were not seen have one.
    bits = [make_trial(chip=at, images=all_images(360), n_correct=0, correct=pack([False] * 360))
            for at in range(4)]  # fmt: skip
    same = paired_trials(bits, bits)
    assert same is not None
    assert same.half_width is not None
    assert same.half_width > 0


def test_intervals_for_new_images_hold_what_they_say() -> None:
    """500 samples of 10 chips and 40 images; the share is 0.95 +- 0.038 (alpha 1e-4)."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(500):
        rows = 3 + rng.normal(0, 0.5, (10, 1)) + rng.normal(0, 2, 40) + rng.normal(0, 1, (10, 40))
        low, high = over_images(list(rows), ANY, flip=0.0).new_images or (math.nan, math.nan)
        held += low <= 3 <= high
    assert abs(held / 500 - 0.95) <= 0.038


def hall(values: NDArray[np.float64]) -> tuple[float, float]:
    """Hall's interval, by a search for where his transformation takes Student's quantiles."""
    n, skewness = len(values), float(stats.skew(values)) * ((len(values) - 1) / len(values)) ** 1.5

    def transformed(u: float) -> float:
        a, root = skewness / 3, n**0.5
        return float(u + a * u**2 / root + a**2 * u**3 / (3 * n) + skewness / (6 * root))

    ends = [
        brentq(lambda u, t=t: transformed(u) - t, -1e3, 1e3)
        for t in stats.t.ppf([0.975, 0.025], n - 1)
    ]
    low, high = (values.mean() - stats.sem(values) * u for u in ends)
    return max(low, 0.0), high


def test_skewed_values_have_intervals_that_hold_nearly_what_they_say() -> None:
    """400 samples of 60 images, skewness 4.5; alpha 1e-4, one-sided.

    In 2,000 others the share was 0.945 (Student's t: 0.89); in 400 it varies by 0.0114.
    """
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        rows = rng.gamma(0.2, 1.0, 60) * np.ones((3, 1)) + rng.normal(0, 0.01, (3, 60))
        low, high = over_images(list(rows), ANY, flip=0.0).new_images or (math.nan, math.nan)
        held += low <= 0.2 <= high
    assert held / 400 >= 0.945 - 3.9 * 0.0114


def test_p_and_interval_of_a_skewed_mean_agree() -> None:
    for mean in (-3.0, -1.9, -0.5, 0.4, 1.5, 2.6, 4.0):
        one = SkewedMean(mean=mean, se=1.0, df=30, third=0.8)
        low, high = one.bounds(0.95)
        p = one.p()
        assert p is not None
        assert (p < 0.05) == (not low <= 0 <= high)
    assert SkewedMean(mean=1.0, se=0.0, df=9, third=0.0).p() is None


def test_p_for_new_images_says_what_their_interval_does() -> None:
    """Few chips far apart on many images: what holds for these images is the wider of the two."""
    draws = np.random.default_rng(5)
    told, wider = set(), 0
    for _ in range(200):
        chips = draws.normal(0.2, 0.3, (3, 1)) + draws.exponential(0.3, (3, 40)) - 0.3
        found = over_images(list(chips), ANY, flip=0.0)
        assert found.low is not None
        assert found.new_images is not None
        assert found.p is not None
        assert found.p_new_images is not None
        low, high = found.new_images
        assert (found.p_new_images < 0.05) == (not low <= 0 <= high)
        told.add(found.p_new_images < 0.05)
        wider += low == found.low
    assert told == {True, False}
    assert wider > 10


def test_the_digital_networks_values_explain_the_images() -> None:
    """What is a line over them is adjusted exactly, whichever images a chip saw."""
    digital = np.random.default_rng(1).gamma(2.0, 1.0, 60)
    halves = (np.arange(0, 30), np.arange(30, 60))
    chips = [Answers(images=at, values=0.5 + 2 * digital[at], flip=0.0) for at in halves]
    table = tabulate(chips, 60, digital)
    assert table.slope == pytest.approx(np.polyfit(digital, 0.5 + 2 * digital, 1)[0])
    assert table.adjusted == pytest.approx(np.full(2, 0.5 + 2 * digital.mean()))


def test_the_digital_network_has_an_interval_for_new_images() -> None:
    values = losses(1, 50)[0]
    found = digital_new_images(pack_values(values), None, 50, LOSS)
    known = values.astype(np.float64)
    assert found == pytest.approx(hall(known), rel=1e-9)
    even = np.concatenate([1 + known, 9 - known]).astype(np.float32)
    found = digital_new_images(pack_values(even), None, 100, LOSS)
    assert found == pytest.approx(stats.t.interval(0.95, 99, even.mean(), stats.sem(even)))
    assert digital_new_images(None, None, 50, LOSS) is None
    assert digital_new_images(None, 45, 50, ACCURACY) == pytest.approx((0.7819, 0.9667), abs=1e-4)
