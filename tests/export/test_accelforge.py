"""AccelForge's files: by its documented syntax, and where it is installed by reading them."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from analogsim.export import write_export
from analogsim.export.accelforge import drive_conductance, files_of
from tests.export.sources import conv, linear, source

EINSUM = re.compile(r"(T\d+)\[([^]]+)\] = (I\d+)\[([^]]+)\] \* (W\d+)\[([^]]+)\]")


class Tagged(yaml.SafeLoader):
    """With the kinds of nodes, which its syntax has as tags."""


Tagged.add_multi_constructor(
    "!", lambda loader, kind, node: {"kind": kind, **loader.construct_mapping(node, deep=True)}
)


def read(name: str, **changes: Any) -> Any:
    return yaml.load(files_of(source(**changes))[name], Tagged)  # noqa: S506 - a safe one


def test_einsums_are_the_layers() -> None:
    work = read("workload.yaml")["workload"]
    assert work["bits_per_value"] == {"All": 8}
    for i, einsum in enumerate(work["einsums"]):
        output, _, given, at, weight, _ = EINSUM.fullmatch(einsum["einsum"]).groups()  # type: ignore[union-attr]
        assert einsum["renames"] == {"output": output, "input": given, "weight": weight}
        bounds = dict(
            re.fullmatch(r"0 <= (\w)\d+ < (\d+)", one).groups()  # type: ignore[union-attr]
            for one in einsum["iteration_space_shape"]
        )
        assert {f"{name}{i}" for name in bounds} == set(re.findall(r"\b[a-z]\d+", einsum["einsum"]))
        if i == 0:
            sizes = {"n": 1, "g": 1, "p": 8, "q": 8, "c": 64, "m": 96, "r": 3, "s": 3}
            assert {name: int(size) for name, size in bounds.items()} == sizes
            assert "H: p0 * 2 + r0, W: q0 * 2 + s0" in at


def test_the_array_is_the_periphery_s() -> None:
    nodes = {
        node["name"]: node for node in read("arch.yaml", readings=2, drives=7)["arch"]["nodes"]
    }
    assert [node["kind"] for node in nodes.values()] == [
        "Memory", "Toll", "Toll", "Container", "Container", "Memory", "Compute"
    ]  # fmt: skip
    assert nodes["ADC"]["extra_attributes_for_component_model"]["n_bits"] == 6
    assert (nodes["ADC"]["actions_scale"], nodes["DAC"]["actions_scale"]) == (2, 7)
    assert nodes["Columns"]["spatial"][0]["fanout"] == 128
    assert nodes["Rows"]["spatial"][0]["fanout"] == 512


def test_measured_drives_are_the_mean_over_all_products() -> None:
    first, second = 64 * 96 * 576, 15360
    mean = (first * 0.1 * 0.15 + second * 0.2 * 0.1) / (first + second)
    assert drive_conductance(source()) == pytest.approx(mean * 2 * 25e-6)
    assert drive_conductance(source(g_max_us=None)) == 0


def test_energies_of_cells_are_zero_until_they_are_set() -> None:
    variables = read("arch.yaml")["variables"]
    assert (variables["read_voltage"], variables["read_time"]) == (0, 0)
    # Its mapper would drive rows anew for each column if that cost nothing.
    assert float(variables["dac_energy"]) > 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dot") is None, reason="needs dot, which accelforge starts")
@pytest.mark.filterwarnings("ignore")
def test_the_reader_counts_the_conversions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    af = pytest.importorskip("accelforge", reason="needs accelforge, which the lock leaves out")
    # It leaves a picture where it is started.
    monkeypatch.chdir(tmp_path)
    # One array each, where its mapper has no other split: 4 x 4 vectors of 72, and one of 96.
    sizes: dict[str, Any] = {"output_size": [4, 4], "products": 16, "stride": [1, 1]}
    layers = [
        conv(inputs=8, outputs=16, adc=16 * 16, dac=16 * 72, **sizes),
        linear(inputs=96, adc=10, dac=96),
    ]
    write_export(source(*layers), "accelforge", tmp_path / "in")
    spec = af.Spec.from_yaml(
        str(tmp_path / "in" / "arch.yaml"), str(tmp_path / "in" / "workload.yaml")
    )
    af.set_n_parallel_jobs(1)
    counts = spec.map_workload_to_arch().actions(per_component=True, per_einsum=True)
    assert [counts[f"T{i}", "ADC", "read"] for i in (0, 1)] == [one["adc"] for one in layers]
    assert [counts[f"T{i}", "DAC", "read"] for i in (0, 1)] == [one["dac"] for one in layers]
