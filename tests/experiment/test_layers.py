"""`layers.json`: the weights of chip 0, against the chip itself and by hand."""

import copy
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from analogsim import schema
from analogsim.crossbar.chip.compensation import COMPENSATIONS
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import AnalogModel, convert
from analogsim.experiment.layers import LARGEST, shrink, summarise_device, write_layer_summary
from analogsim.experiment.layers_file import (
    LAYERS_FILE,
    behaviours,
    coarser,
    pack,
    pooled,
    read_layers,
    unpack,
)
from device_models.contract import Device, NoiseLaw, TileContext
from device_models.ideal import Ideal
from device_models.registry import parse
from tests.experiment.small import DAY, analog, run
from tests.report.full_folder import layers_file


def small_net(*sizes: int) -> AnalogModel:
    torch.manual_seed(0)
    layers = [nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
    return convert(nn.Sequential(*layers), "pcm", "ideal")


def devices(*names: str) -> dict[str, Device]:
    return {name: parse(name) for name in names}


def write(folder: Path, names: tuple[str, ...] = ("pcm",), times: tuple[float, ...] = (1.0,)):
    write_layer_summary(folder, small_net(6, 4), devices(*names), times, ("none", "global"), 3)
    found = read_layers(folder)
    assert found is not None
    return found


def test_what_is_packed_comes_back_in_hundredths() -> None:
    values = np.array([[1.0, -1.0, 0.0], [0.123, -0.567, 1.4]])
    expected = [[1.0, -1.0, 0.0], [0.12, -0.57, 1.27]]
    assert unpack(pack(values), 2, 3).tolist() == expected
    with pytest.raises(ValueError, match="cannot reshape"):
        unpack(pack(values), 2, 2)


def test_pooling_and_coarsening_by_hand() -> None:
    (device,) = layers_file("pcm")["presets"]
    assert pooled(device, 0) == ([3, 12, 12, 3], 2, 0)
    assert coarser([3, 12, 12, 3]) == [15, 15]


def test_without_noise_every_weight_is_in_the_middle(tmp_path: Path) -> None:
    found = write(tmp_path, ("ideal",))["presets"][0]
    (layer,) = found["layers"]
    assert layer["weights"] == 24
    for state in layer["states"]:
        assert (state["error"], state["mean"], state["rms"]) == (0, 0, 0)
        # Zero is the lower edge of the 81st of 160 bins.
        assert state["counts"][80] == 24
        assert (state["below"], state["above"]) == (0, 0)


def test_errors_are_those_of_the_chip() -> None:
    net = dataclasses.replace(small_net(40, 30), device=parse("pcm"))
    (layer,) = summarise_device(net, "pcm", (DAY,), ("none", "global"), 5)["layers"]
    chip = program(net, seed=5, chip=0)
    (own,) = chip.layers.values()
    target = own.logical(lambda tile: tile.target)
    assert layer["states"][0]["error"] == pytest.approx(own.weight_error(), rel=1e-4)
    for place, compensation in ((1, "none"), (2, "global")):
        chip.drift_(DAY, compensation)  # type: ignore[arg-type]
        held = own.logical(lambda tile: tile.weights * tile.alpha)
        relative = (held - target) / target.std()
        state = layer["states"][place]
        assert state["error"] == pytest.approx(
            float((held - target).norm() / target.norm()), rel=1e-4
        )
        assert state["rms"] == pytest.approx(float(relative.square().mean().sqrt()), rel=1e-4)
        edges = np.linspace(-2, 2, 161)
        assert state["counts"] == np.histogram(relative.double().numpy(), edges)[0].tolist()
        assert sum(state["counts"]) + state["below"] + state["above"] == 1200


@pytest.mark.parametrize("periphery", ["ideal", "standard"])
def test_factors_by_hand(periphery: str) -> None:
    """The mean of what acts on the cells, and what they need: on two tiles, with every kind."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(600, 6))
    model = convert(net, "pcm", periphery, calibrate=torch.randn(64, 600))
    kinds = COMPENSATIONS
    (layer,) = summarise_device(model, "pcm", (DAY,), kinds, 5)["layers"]
    first, *states = layer["states"]
    assert (first["factor"], first["needed"]) == (1.0, 1.0)
    (own,) = program(model, seed=5, chip=0).drift_(DAY, "none").layers.values()
    cells = [tile.weights.abs().double() for tile in own.tiles]
    assert len(cells) == 2
    present = sum(float(one.sum()) for one in cells)
    programmed = sum(float(tile.programmed.double().abs().sum()) for tile in own.tiles)
    for kind, state in zip(kinds, states, strict=True):
        assert state["needed"] == pytest.approx(programmed / present, rel=1e-5)
        # `gain` has the factor of `global`, wherever it acts.
        chip = program(model, seed=5, chip=0).drift_(DAY, "global" if kind == "gain" else kind)
        (own,) = chip.layers.values()
        alphas = [tile.alpha.double().view(-1, 1) for tile in own.tiles]
        lifted = sum(float((a * one).sum()) for a, one in zip(alphas, cells, strict=True))
        assert state["factor"] == pytest.approx(lifted / present, rel=1e-5)


def test_a_file_of_before_factors_were_kept(tmp_path: Path) -> None:
    content = layers_file("pcm")
    for layer in content["presets"][0]["layers"]:
        for state in layer["states"]:
            del state["factor"], state["needed"]  # type: ignore[misc]
    (tmp_path / LAYERS_FILE).write_text(schema.dumps(content))
    found = read_layers(tmp_path)
    assert found is not None
    for layer in found["presets"][0]["layers"]:
        assert {(state["factor"], state["needed"]) for state in layer["states"]} == {(None, None)}


def test_the_map_of_a_known_tile(tmp_path: Path) -> None:
    """A matrix whose cells are known: -1, -0.5, 0, 0.5 and 1 times the largest of each output."""
    net = nn.Linear(5, 3, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[-2.0, -1, 0, 1, 2]]) * torch.tensor([[1.0], [2], [3]]))
    model = convert(net, "ideal", "ideal")
    write_layer_summary(tmp_path, model, devices("ideal"), (1.0, DAY), ("none",), 0)
    found = read_layers(tmp_path)
    assert found is not None
    (one,) = found["presets"][0]["maps"]
    assert (one["shape"], one["step"], one["rows"], one["columns"]) == ([3, 5], [1, 1], 3, 5)
    assert one["t_s"] == DAY
    for kind in ("target", "programmed", "last"):
        values = unpack(one[kind], 3, 5)  # type: ignore[literal-required]
        assert values.tolist() == [[-1.0, -0.5, 0.0, 0.5, 1.0]] * 3


def test_a_large_tile_keeps_every_third_cell() -> None:
    net = small_net(150, 10)
    found = summarise_device(net, "pcm", (1.0,), ("none",), 0)
    (one,) = found["maps"]
    assert (one["step"], one["rows"], one["columns"]) == ([1, 3], 10, 50)
    (layer,) = net.layers.values()
    kept = layer.tiles[0].target[:, ::3].double().numpy()
    assert unpack(one["target"], 10, 50) == pytest.approx(kept, abs=0.0051)
    assert found["g_max_us"] == 25.0


def test_it_is_written_once_and_anew_for_another_question(tmp_path: Path) -> None:
    first = write(tmp_path)
    path = tmp_path / LAYERS_FILE
    before = path.stat().st_mtime_ns
    assert write(tmp_path) == first
    assert path.stat().st_mtime_ns == before
    more = write(tmp_path, times=(1.0, DAY))
    assert more["asked"]["times_s"] == [1.0, DAY]
    # The states that were there are the same in the larger file.
    old, new = (one["presets"][0]["layers"][0]["states"] for one in (first, more))
    assert new[: len(old)] == old
    path.write_text("{")
    assert write(tmp_path) == first


def test_a_large_file_is_made_smaller() -> None:
    content = layers_file(*(f"pcm{n}" for n in range(4)))
    content["edges"] = [n / 40 for n in range(-80, 81)]
    for device in content["presets"]:
        device["maps"] = device["maps"] * 3
        for layer in device["layers"]:
            for state in layer["states"]:
                state["counts"] = list(range(160))
    whole = copy.deepcopy(content)
    sizes = []
    for largest in (LARGEST, 20_000, 14_500, 11_500):
        made = shrink(content, largest)
        assert len(schema.dumps(made)) <= largest
        sizes.append((len(made["edges"]) - 1, len(made["presets"][0]["maps"])))
        for device in made["presets"]:
            assert pooled(device, 0)[0] == [
                2 * sum(range(k, k + 160 // sizes[-1][0]))
                for k in range(0, 160, 160 // sizes[-1][0])
            ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == (160, 3)
    assert content == whole


def test_a_run_leaves_one_and_the_report_needs_none(tmp_path: Path) -> None:
    run(tmp_path)
    found = read_layers(tmp_path)
    assert found is not None
    assert (
        found["asked"]["presets"]
        == json.loads((tmp_path / "run.json").read_text())["spec"]["presets"]
    )
    assert [layer["name"] for layer in found["presets"][0]["layers"]] == list(analog().layers)
    assert (tmp_path / LAYERS_FILE).stat().st_size < 500_000


class Broken(Ideal):
    """Its law knows the tiles of one network alone."""

    def noise_law(self, context: TileContext) -> NoiseLaw:
        if context.column_scale.shape[0] != 4:
            raise ValueError("what is this tile?")
        return super().noise_law(context)


def test_how_a_device_behaves_is_kept_with_its_settings(tmp_path: Path) -> None:
    (found,) = write(tmp_path, ("pcm?g_max_us=40",))["presets"]
    one = found["behaviour"]
    assert (one["g_max_us"], one["levels"][-1]) == (40, 1.0)
    # sigma of Nandakumar 2019 at the largest weight, in uS; n = 4000 knows it to 1.1 %.
    spread = 0.26348 + 1.9650 - 1.1731
    assert 40 * one["spreads"][-1] == pytest.approx(spread, rel=0.05)
    assert one == behaviours(read_layers(tmp_path))["pcm?g_max_us=40"]


def test_a_law_that_cannot_be_simulated_costs_its_chart_alone(tmp_path: Path) -> None:
    write_layer_summary(tmp_path, small_net(6, 4), {"mine": Broken()}, (1.0,), ("none",), 3)
    found = read_layers(tmp_path)
    assert found is not None
    assert found["presets"][0]["layers"][0]["weights"] == 24
    assert behaviours(found) == {}
