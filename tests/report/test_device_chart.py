"""How the devices of a run behave: the chart's data, its words, and its place on the page."""

import csv
import io
from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.experiment.layers_file import read_layers, write_layers
from analogsim.report import build_report
from analogsim.report.device_chart import device_charts, devices_chart
from analogsim.report.look import PAGE
from device_models.behaviour import Behaviour
from tests import charts
from tests.report.full_folder import behaviour, layers_file, write_full


def lines(found: dict[str, Behaviour]) -> list[dict[str, str]]:
    chart = devices_chart(found)
    assert chart is not None
    return list(csv.DictReader(io.StringIO(chart.csv(), newline="")))


def test_the_csv_is_in_microsiemens_where_all_have_one_largest() -> None:
    sigma, other, first, last = lines({"pcm": behaviour(40.0)})
    assert (sigma["preset"], sigma["target"], sigma["t_s"]) == ("pcm", "0.5", "")
    # 0.02 and 0.04 of 40 uS.
    assert [float(one["sigma (uS)"]) for one in (sigma, other)] == [0.8, 1.6]
    assert [sigma[key] for key in ("nu", "nu_p5", "nu_p95")] == ["0.06", "0.05", "0.07"]
    assert (first["t_s"], last["t_s"]) == ("1.0", "86400.0")
    assert [float(one["weight (uS)"]) for one in (first, last)] == [40.0, 20.0]
    assert float(last["weight_p5"]) == 16.0
    assert first["nu"] == first["sigma (uS)"] == ""


@pytest.mark.parametrize("other", [None, 80.0])
def test_devices_that_differ_are_in_shares_of_their_largest(other: float | None) -> None:
    found = lines({"pcm": behaviour(40.0), "its own": behaviour(other)})
    assert [one["preset"] for one in found].count("its own") == 4
    assert {float(one["sigma (of the largest)"]) for one in found[:2]} == {0.02, 0.04}
    chart = devices_chart({"pcm": behaviour(40.0), "its own": behaviour(other)})
    assert chart is not None
    assert "pcm: spread at the largest weight 0.04 of the largest" in chart.words
    assert "50 % of it left after 1 d" in chart.words


def test_one_valid_time_has_no_exponent() -> None:
    one = {**behaviour(), "exponents": [], "between": [1.0, 1.0]}
    assert {row["nu"] for row in lines({"still": one})} == {""}  # type: ignore[dict-item]
    chart = devices_chart({"still": one})  # type: ignore[dict-item]
    assert chart is not None
    assert "no drift exponent, for one time alone is valid" in chart.words
    assert len(chart.figure(PAGE).axes) == 3
    names = [chart.name for chart in device_charts("still", one)]  # type: ignore[arg-type]
    assert names == ["device_programming", "device_drift", "device_read_noise"]


def test_folders_of_before_have_none(tmp_path: Path) -> None:
    charts.draw("nothing")
    folder = write_full(tmp_path / "run")
    content = layers_file("pcm")
    del content["presets"][0]["behaviour"]
    write_layers(folder, content)
    page = build_report(folder).read_text()
    assert '<h2 id="devices">' in page
    assert "charts/devices" not in page
    assert devices_chart({}) is None


def test_what_does_not_agree_is_named(tmp_path: Path) -> None:
    content = layers_file("pcm")
    one = content["presets"][0]["behaviour"]
    one["spreads"], one["exponents"][0] = [0.1], [0.2]
    one["bands"][0]["reads"] = []
    write_layers(tmp_path, content)
    said = (
        "behaviour spreads must be 2, got 1; behaviour reads of target 1 must be 2, got 0; "
        "behaviour exponents must be of 3 numbers, got 1"
    )
    with pytest.raises(InputError, match=said):
        read_layers(tmp_path)
