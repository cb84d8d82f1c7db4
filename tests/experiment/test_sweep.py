"""A sweep is a study of more conditions: the same chips, resumed and extended as any."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from analogsim.crossbar.conversion.again import converted_again, with_periphery
from analogsim.crossbar.conversion.convert import AnalogModel, convert
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery
from analogsim.errors import InputError
from analogsim.experiment.axes import place_of, points_of
from analogsim.experiment.condition import conditions_of
from analogsim.experiment.deal import all_images
from analogsim.experiment.drive import run_study
from analogsim.experiment.header import read_header
from analogsim.experiment.job import Job, Task
from analogsim.experiment.records import read_records
from analogsim.experiment.statistics import summarise
from analogsim.experiment.study import Chips, Study
from analogsim.inputs import batches, load_data, load_model
from device_models.registry import parse
from tests.experiment import small

AXES = {"adc_bits": (4, 8), "drift_scale": (0.5, 1)}
POINTS = points_of(AXES)


def training_images() -> Tensor:
    images, _ = next(batches(load_data("digits", split="train"), 64))
    return images


def again(analog: AnalogModel, periphery: Periphery) -> AnalogModel:
    return converted_again(analog, periphery, training_images())


def sweep(**changes: Any) -> Study:
    fields: dict[str, Any] = {
        "devices": (parse("pcm"),),
        "times_s": (1.0, small.DAY),
        "compensations": ("global",),
        "design": Chips(chips=2),
        "points": POINTS,
    }
    return small.study(**(fields | changes))


def run(folder: Path, asked: Study, **options: Any) -> list[dict[str, Any]]:
    small.run(folder, asked, **options)
    return small.records(folder)


def numbers(records: list[dict[str, Any]], point: dict[str, Any] | None) -> dict[Any, Any]:
    """What chips of one point gave."""
    return {
        (one["chip"], one["t_s"]): (one["correct"], one["factor"], one["images"])
        for one in records
        if place_of(one["point"]) == place_of(point)
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep") / "run"
    run(folder, sweep())
    return folder


def test_every_point_has_all_chips_and_times_on_the_same_images(whole: Path) -> None:
    found = [numbers(small.records(whole), point) for point in POINTS]
    assert [len(one) for one in found] == [4] * len(POINTS)
    assert len({json.dumps(one[2]) for group in found for one in group.values()}) == 1
    assert len({str(group) for group in found}) == len(POINTS)


@pytest.mark.parametrize(
    ("point", "periphery", "preset"),
    [
        ({"adc_bits": 4, "drift_scale": 0.5}, {"adc_bits": 4}, "pcm?drift_scale=0.5"),
        ({"max_input_size": 50, "seed": 5}, {"max_input_size": 50}, "pcm"),
        ({"input_scaling": "dynamic"}, {"input_scaling": "dynamic"}, "pcm"),
        ({"perfect": True}, {"perfect": True}, "pcm"),
    ],
    ids=["shared tiles", "other tiles", "no ranges", "no converters"],
)
def test_a_point_is_the_plain_run_of_its_settings(
    point: dict[str, Any], periphery: dict[str, Any], preset: str, tmp_path: Path
) -> None:
    asked = sweep(points=(point,), design=Chips(chips=1))
    swept = run(tmp_path / "swept", asked, convert_again=again)
    other = convert(
        load_model("zoo:digits_cnn").module,
        preset="pcm",
        periphery=dataclasses.replace(STANDARD, **periphery),
        calibrate=training_images(),
    )
    plain = dataclasses.replace(
        asked, points=(), devices=(parse(preset),), seed=point.get("seed", 0)
    )
    run_study(
        plain, {"digital": other}, small.data(), tmp_path / "plain", small.Local(1),
        lambda *_: None,
    )  # fmt: skip
    alone = numbers(small.records(tmp_path / "plain"), None)
    assert numbers(swept, point) == alone
    assert len(alone) == 2


def test_points_are_added_and_none_is_taken_away(whole: Path, tmp_path: Path) -> None:
    few = sweep(points=POINTS[2:])
    run(tmp_path, few)
    before = (tmp_path / "records.jsonl").read_bytes()
    with pytest.raises(InputError, match=r"(?s)points: \[.*add to the run with --extend"):
        run(tmp_path, sweep())
    # Another order of the axes is the same point.
    turned = tuple(dict(reversed(point.items())) for point in POINTS)
    assert run(tmp_path, sweep(points=turned), extend=True) == small.records(whole)
    assert (tmp_path / "records.jsonl").read_bytes().startswith(before)
    with pytest.raises(InputError, match="choose another folder"):
        run(tmp_path, few, extend=True)


def test_an_adaptive_sweep_is_as_narrow_as_asked_at_every_point(tmp_path: Path) -> None:
    points = points_of({"adc_bits": (6, 8)})
    asked = dataclasses.replace(small.adaptive(half_width=0.05), points=points)
    small.run(tmp_path, asked)
    trials = read_records(tmp_path)
    rows = summarise(trials, read_header(tmp_path).digital_correct)
    assert [row.point for row in rows] == [points[0]] * 2 + [points[1]] * 2
    for row in rows:
        assert row.ci95 is not None
        assert row.ci95[1] - row.ci95[0] <= 2 * 0.05
    images = [
        {one.chip: one.images for one in trials if one.point == point and one.t_s == 1.0}
        for point in points
    ]
    common = images[0].keys() & images[1].keys()
    assert len(common) >= 5
    assert {chip: images[0][chip] for chip in common} == {chip: images[1][chip] for chip in common}


def test_a_study_without_a_sweep_is_recorded_as_ever(whole: Path, tmp_path: Path) -> None:
    run(tmp_path, sweep(points=(), design=Chips(chips=1), times_s=(1.0,)))
    for line in (tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines():
        assert "point" not in json.loads(line)
    plain, swept = read_header(tmp_path).spec, read_header(whole).spec
    assert swept.keys() - plain.keys() == {"points", "within"}
    assert plain["periphery"].keys() - swept["periphery"].keys() == {"adc_bits"}


def test_points_share_what_does_not_depend_on_them() -> None:
    points = points_of({"adc_bits": (4, 8), "max_input_size": (512, 50), "seed": (0, 1)})
    made = conditions_of(sweep(points=points), {"digital": small.analog()}, again)
    assert len({id(one.network.module) for one in made}) == 2
    assert len({one.analog().periphery for one in made}) == 4
    weights = {
        tile.matrix.values.data_ptr()
        for one in made
        for tile in one.network.layers["conv2"].tiles
        if tile.matrix is not None
    }
    assert len(weights) == 1
    job = Job(
        conditions={one.name: one for one in made}, data=small.data(), batch_size=50, seed=0,
        device="cpu", digest="", versions={},
    )  # fmt: skip
    # Two networks and the one digital network that they share.
    assert len(list(job.networks())) == 3


def test_a_converted_network_without_its_images_keeps_its_tiles() -> None:
    analog = small.analog()
    coarse = with_periphery(analog, dataclasses.replace(STANDARD, adc_bits=4))
    assert {one.periphery.adc_bits for one in coarse.layers.values()} == {4}
    assert {one.periphery.adc_bits for one in analog.layers.values()} == {8}
    with pytest.raises(InputError, match="max_input_size must be the 512 .* got 64; give the net"):
        with_periphery(analog, dataclasses.replace(STANDARD, max_input_size=64))


def test_a_worker_keeps_few_chips_of_large_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = conditions_of(sweep(points=points_of({"seed": tuple(range(6))})), {
        "digital": small.analog()
    })  # fmt: skip
    job = Job(
        conditions={one.name: one for one in made}, data=small.data(), batch_size=50, seed=0,
        device="cpu", digest="", versions={},
    )  # fmt: skip

    def kept_of(most: int) -> list[Any]:
        monkeypatch.setattr("analogsim.experiment.job._MOST_WEIGHTS", most)
        kept: dict[Any, Any] = {}
        for preset, bn, place in job.conditions:
            task = Task(preset=preset, bn=bn, point=place, chip=0, images=all_images(96),
                        part="main", wanted=())  # fmt: skip
            assert list(job.trials(task, kept)) == []
        return list(kept)

    assert kept_of(10**9) == list(job.conditions)
    assert kept_of(1) == list(job.conditions)[-4:]
