"""ZigZag's files: by its documented schema, and where it is installed by what it counts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from analogsim.errors import InputError
from analogsim.export import write_export
from analogsim.export.zigzag import INPUTS, files_of
from tests.export.sources import conv, linear, source

EQUATION = re.compile(r"O(\[\w+\])+\+=W(\[\w+\])+\*I(\[\w+\])+")
RELATION = re.compile(r"i([xy])=\d+\*o\1\+\d+\*f\1")


def read(**changes: Any) -> dict[str, Any]:
    files = files_of(source(**changes))
    return {name.removesuffix(".yaml"): yaml.safe_load(text) for name, text in files.items()}


def test_the_workload_is_what_its_documentation_asks_for() -> None:
    layers = read()["workload"]
    assert [layer["id"] for layer in layers] == [0, 1]
    for i, layer in enumerate(layers):
        assert layer["operator_type"] == "Conv"
        assert EQUATION.fullmatch(layer["equation"])
        assert all(RELATION.fullmatch(one) for one in layer["dimension_relations"])
        assert len(layer["loop_dims"]) == len(layer["loop_sizes"])
        # Loops that relations define are not named.
        assert not {"IY", "IX"} & set(layer["loop_dims"])
        assert layer["operand_precision"].keys() == {"I", "W", "O", "O_final"}
        assert layer["operand_source"] == {"I": i, "W": i}
    first = dict(zip(layers[0]["loop_dims"], layers[0]["loop_sizes"], strict=True))
    assert first == {
        "B": INPUTS, "G": 1, "K": 96, "C": 64, "OY": 8, "OX": 8, "FY": 3, "FX": 3
    }  # fmt: skip
    assert layers[0]["dimension_relations"] == ["iy=2*oy+1*fy", "ix=2*ox+1*fx"]


def test_the_core_is_an_array_with_converters() -> None:
    core = read()["accelerator"]
    array = core["operational_array"]
    assert (array["is_imc"], array["imc_type"]) == (True, "analog")
    assert array["sizes"] == [128, 512]
    assert (array["input_precision"], array["adc_resolution"]) == ([8, 1], 6)
    assert array["bit_serial_precision"] == 8
    # What its validator asks of the cells of such a core.
    cells = core["memories"]["cells"]
    assert (cells["operands"], cells["served_dimensions"]) == (["I2"], [])
    assert cells["size"] % array["input_precision"][1] == 0
    for memory in core["memories"].values():
        for port in memory["ports"]:
            assert port["bandwidth_min"] <= port["bandwidth_max"]
            for one in port["allocation"]:
                assert re.fullmatch(r"(I[12]|O), (fh|tl|fl|th)", one)


def test_bits_that_follow_one_another_are_serial() -> None:
    array = read(edge={"bits_per_input": 1}, readings=2)["accelerator"]["operational_array"]
    assert array["bit_serial_precision"] == 1
    assert array["input_precision"] == [8, 2]


def test_each_layer_lies_on_an_array_as_here() -> None:
    default, first, second = read()["mapping"]
    assert default["name"] == "default"
    assert first["name"] == "stage.0"
    # Two arrays of 288 rows: 32 channels of nine.
    assert first["spatial_mapping"] == {"D1": ["K, 96"], "D2": ["C, 32", "FX, 3", "FY, 3"]}
    assert second["spatial_mapping"] == {"D1": ["K, 10"], "D2": ["C, 512", "FX, 1", "FY, 1"]}


@pytest.mark.parametrize(
    ("edge", "changes", "message"),
    [
        ({"dac_bits": 7}, {}, "zigzag DAC bits must be a power of two, got 7"),
        ({"bits_per_input": 3}, {}, "bits of an input at once must be a power of two, got 3"),
        ({}, {"readings": 6}, "zigzag readings of an output must be a power of two, got 6"),
    ],
    ids=["dac", "serial", "readings"],
)
def test_what_its_core_has_not_is_refused(
    edge: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        files_of(source(edge=edge, **changes))


@pytest.mark.slow
def test_the_reader_counts_the_conversions(tmp_path: Path) -> None:
    api = pytest.importorskip("zigzag.api", reason="needs zigzag-dse, which the lock leaves out")
    layers = [conv(), linear()]
    folder = tmp_path / "in"
    write_export(source(*layers), "zigzag", folder)
    names = ("workload.yaml", "accelerator.yaml", "mapping.yaml")
    _, _, results = api.get_hardware_performance_zigzag(
        *(str(folder / name) for name in names),
        opt="energy",
        dump_folder=str(tmp_path / "out"),
        in_memory_compute=False,
    )
    # Energy of one ADC reading and one DAC step in its model, 0.9 V, pJ.
    adc, dac = (INPUTS * pj for pj in ((100 * 6 + 0.001 * 4**6) * 0.81e-3, 0.05 * 8 * 0.81))
    found = [one.mac_energy_breakdown for one, _ in results[0][1]]
    assert [one["adcs"] for one in found] == pytest.approx([la["adc"] * adc for la in layers])
    assert [one["dacs"] for one in found] == pytest.approx([la["dac"] * dac for la in layers])
