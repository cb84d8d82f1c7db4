"""The law of the products where it is left out: that of the run in the folder, or today's."""

import json
from pathlib import Path
from typing import Any

import pytest

import analogsim
from analogsim.errors import InputError
from analogsim.experiment.records import read_records
from analogsim.report.summary import read_run
from tests.studies.tiny import images, network

SMALL: dict[str, Any] = {"times": "1d", "workers": 1}


def drifted(folder: Path, chips: int, **options: Any) -> analogsim.Run:
    return analogsim.drift(network(), images(), folder, chips=chips, **SMALL, **options)


def tiles(folder: Path) -> set[str]:
    return {trial.tile for trial in read_records(folder)}


def test_a_new_run_has_the_whole_law_and_says_nothing_is_missing(tmp_path: Path) -> None:
    found = drifted(tmp_path / "new", 1)
    assert tiles(found.folder) == {"native"}
    assert "not modelled" not in found._repr_html_()
    assert read_run(found.folder).header.periphery["not_modelled"] == []


def test_a_run_goes_on_by_the_law_that_it_began_with(tmp_path: Path) -> None:
    """`torch` was the default before: such a folder says so, its command does not."""
    began = drifted(tmp_path / "old", 1, tile="torch")
    assert "not modelled: IR drop" in began._repr_html_()
    went_on = drifted(tmp_path / "old", 2, extend=True)
    assert tiles(went_on.folder) == {"torch"}
    assert {trial.chip for trial in read_records(went_on.folder)} == {0, 1}
    whole = drifted(tmp_path / "whole", 2, tile="torch")
    strip = {"wall_s", "chip_s", "versions", "crc32", "spec_digest"}

    def rows(folder: Path) -> list[Any]:
        found = [json.loads(trial.to_json()) for trial in read_records(folder)]
        plain = [{k: v for k, v in row.items() if k not in strip} for row in found]
        return sorted(plain, key=lambda row: row["chip"])

    assert rows(went_on.folder) == rows(whole.folder)


def test_another_law_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    drifted(tmp_path / "old", 1, tile="torch")
    with pytest.raises(InputError, match='tile: "torch" -> "native"'):
        drifted(tmp_path / "old", 1, tile="native")


def test_the_spec_in_the_folder_names_the_law(tmp_path: Path) -> None:
    found = drifted(tmp_path / "new", 1)
    assert 'tile = "native"' in (found.folder / "spec.toml").read_text()
