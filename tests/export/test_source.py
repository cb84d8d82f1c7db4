"""What of a run is exported, and what is refused."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.experiment.header import write_header
from analogsim.export.source import make_source, read_source
from tests.export.sources import EDGE, arrays, conv, work_of
from tests.report.run_folder import COVERAGE, make_header, make_trial, write_run

CROSSBAR: Any = {"lines": [], "arrays": [arrays("stage.0", 2, 288, 96)]}
KEPT: dict[str, Any] = {"workload": work_of(conv()), "crossbar": CROSSBAR, "periphery": {
    **EDGE, "not_modelled": []
}}  # fmt: skip


def test_a_run_has_kept_what_is_exported(tmp_path: Path) -> None:
    made = read_source(write_run(tmp_path / "run", [make_trial()], **KEPT))
    assert (made.model, made.preset) == ("zoo:digits_cnn", "pcm")
    assert made.work == work_of(conv())
    assert (made.rows, made.columns, made.adc_bits) == (512, 128, 6)
    assert made.left_out == ()


def test_a_run_of_before_is_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [make_trial()])
    words = f"run folder {folder} must hold what its layers do for an input, got none"
    with pytest.raises(InputError, match=re.escape(words)):
        read_source(folder)


def test_a_run_without_records_is_refused(tmp_path: Path) -> None:
    write_header(tmp_path, make_header(**KEPT))
    words = f"run folder {tmp_path} must hold finished trials, got none; give its command once more"
    with pytest.raises(InputError, match=re.escape(words)):
        read_source(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path))} must hold a readable run"):
        read_source(tmp_path)


def test_layers_off_tiles_are_refused_but_on_request(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [make_trial()], **KEPT, coverage=COVERAGE)
    words = r"must have all its products on tiles, got some elsewhere: _b_ \(25 % of the multi"
    with pytest.raises(InputError, match=words):
        read_source(folder)
    assert read_source(folder, tiles_only=True).left_out == ("_b_ (25 % of the multiply-adds)",)


@pytest.mark.parametrize(
    ("periphery", "got"),
    [
        ({"perfect": True}, "got an ideal one"),
        ({"dac_bits": 0}, "got {'dac_bits': 0, 'adc_bits': 6}"),
        ({"adc_bits": 0}, "got {'dac_bits': 8, 'adc_bits': 0}"),
    ],
    ids=["ideal", "dac", "adc"],
)
def test_a_periphery_without_converters_is_refused(periphery: dict[str, Any], got: str) -> None:
    words = f"periphery must have a DAC and an ADC, {got}"
    with pytest.raises(InputError, match=re.escape(words)):
        make_source(
            model="x", preset="pcm", periphery=EDGE | periphery, work=work_of(conv()),
            crossbar=CROSSBAR, coverage=None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"images": 0}, "workload images must be at least 1, got 0"),
        ({"g_max_us": -1.0}, "workload g_max_us must be above 0, got -1.0"),
        ({"layers": [conv(kernel=[3])]}, "layer 'stage.0' must have 2 sizes of at least 1"),
        ({"layers": [conv(adc=-1)]}, "workload layer 'stage.0' counts must be above 0"),
        ({"layers": [conv(groups=5)]}, "'stage.0' groups must divide its channels, got 5"),
        ({"layers": [conv(calls=2)]}, "'stage.0' calls must be 64 products' calls, got 2"),
        ({"layers": [conv(active=1.5)]}, "'stage.0' shares must be in [0, 1], got [1.5"),
    ],
    ids=["images", "g_max", "sizes", "counts", "groups", "calls", "shares"],
)
def test_a_header_that_holds_no_workload_is_refused(
    changes: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    header = replace(make_header(**KEPT), workload={**work_of(conv()), **changes})  # type: ignore[typeddict-item]
    write_header(tmp_path, header)
    with pytest.raises(InputError, match=re.escape(problem)):
        read_source(tmp_path)
