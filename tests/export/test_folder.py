"""A folder of an export: its files, the table of layers, and what it says that it does not hold."""

import csv
from pathlib import Path

import pytest

from analogsim.errors import InputError, OutputError
from analogsim.export import FORMATS, write_export
from analogsim.export.source import make_source
from tests.export.sources import EDGE, arrays, conv, source, work_of


@pytest.mark.parametrize("name", FORMATS)
def test_each_file_says_what_it_does_not_hold(name: str, tmp_path: Path) -> None:
    written = write_export(source(), name, tmp_path / "out")
    assert sorted(written) == sorted((tmp_path / "out").iterdir())
    texts = {path.name: path.read_text(encoding="utf-8") for path in written}
    head = texts.pop("README.txt")
    words, commented = " ".join(head.split()), ""
    for line in head.splitlines():
        commented += f"# {line}".rstrip() + "\n"
    assert all(text in words for text in FORMATS[name].not_held)
    for file, text in texts.items():
        # The tables take no comment, and README.txt speaks for them.
        if not file.endswith(".csv"):
            assert text.startswith(
                "".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())
            )


def test_the_table_of_layers_has_counts_and_measures(tmp_path: Path) -> None:
    write_export(source(), "neurosim", tmp_path / "out")
    with (tmp_path / "out" / "layers.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["layer"] == "stage.0"
    assert (first["arrays"], first["rows"], first["columns"]) == ("2", "512", "128")
    assert float(first["filled"]) == pytest.approx(288 * 96 / (512 * 128), rel=1e-3)
    assert (first["macs"], first["products"]) == (str(64 * 96 * 576), "64")
    assert (first["adc_readings"], first["row_drives"]) == ("12288", "36864")
    assert (first["mean_input"], first["ones"], second["ones"]) == ("0.1", "0.2", "")
    assert (first["mean_conductance"], first["mean_conductance_us"]) == ("0.15", "3.75")


def test_layers_that_are_left_out_are_named(tmp_path: Path) -> None:
    made = make_source(
        model="x", preset="pcm", periphery=EDGE, work=work_of(conv()), tiles_only=True,
        crossbar={"lines": [], "arrays": [arrays("stage.0", 2, 288, 96)]},
        coverage={"share": 0.75, "analog_macs": 300, "uncounted": ["odd"], "text": "", "digital": [
            {"name": "head {{x}}\n#", "macs": 100, "dynamic": False, "why": "kept"}
        ]},
    )  # fmt: skip
    write_export(made, "accelforge", tmp_path / "out")
    head = (tmp_path / "out" / "README.txt").read_text(encoding="utf-8")
    # A name may come from anybody, and braces would be a template there.
    assert "head___x____ (25 % of the multiply-adds), odd (not counted)." in " ".join(head.split())


def test_an_unknown_tool_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    words = "must be one of neurosim, zigzag, accelforge, got 'cimloop'"
    with pytest.raises(InputError, match=words):
        write_export(source(), "cimloop", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="must be an empty folder, got one that holds mine.txt"):
        write_export(source(), "zigzag", tmp_path)
