"""What a network asks of its crossbar: counted by hand, measured by other means."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import analogsim
from analogsim.crossbar.chip.workload import workload_of
from analogsim.crossbar.forward.reads import reads_entry
from analogsim.crossbar.mapping.periphery_text import from_dict

PLAIN = {"max_input_size": 20, "max_output_size": 16}


def images() -> Tensor:
    return torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(1)) - 0.2


def made(
    net: nn.Module,
    x: Tensor,
    preset: str = "ideal",
    edge: dict[str, Any] | None = None,
    **more: Any,
) -> tuple[analogsim.Chip, dict[str, Any]]:
    periphery = from_dict({**PLAIN, **(edge or {})}, where="test")
    analog = analogsim.convert(net, preset, periphery=periphery, calibrate=x, **more)
    chip = analogsim.program(analog, seed=0, chip=0)
    return chip, workload_of(chip, x)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10)
    )


def test_layers_are_counted_as_by_hand() -> None:
    chip, found = made(net(), images(), "pcm")
    conv, linear = found["layers"]
    assert (conv["inputs"], conv["outputs"], conv["kernel"]) == (3, 8, [3, 3])
    assert (conv["input_size"], conv["output_size"], conv["stride"]) == ([6, 6], [3, 3], [2, 2])
    # 27 rows on two tiles, 72 on four.
    assert (conv["calls"], conv["products"]) == (1, 9)
    assert (conv["adc"], conv["dac"]) == (9 * 8 * 2, 9 * 27)
    assert (linear["products"], linear["adc"], linear["dac"]) == (1, 40, 72)
    # The other count, of multiply-adds, comes to the same.
    entry = reads_entry(chip.analog)
    assert entry is not None
    assert sum(one["adc"] for one in found["layers"]) == entry["adc"]
    assert (found["images"], found["readings"], found["drives"]) == (4, 1, 1)
    assert (found["cells_a_weight"], found["g_max_us"]) == (2, 25.0)


def test_inputs_are_measured_as_the_dac_gives_them() -> None:
    x = torch.tensor([[0.0, 1.0, -0.5, 0.25], [0.0, -1.0, 0.0, 0.75]])
    chip, found = made(nn.Linear(4, 3), x, edge={"dac_bits": 3})
    [layer] = found["layers"]
    [tile] = chip.layers["(model)"].tiles
    assert tile.input_range == pytest.approx(1.0, rel=1e-3)
    # Three steps of a third: 0, 3, 2 (1.5 to even), 1; 0, 3, 0, 2.
    assert layer["mean_input"] == pytest.approx(11 / 3 / 8)
    assert layer["active"] == 5 / 8
    # In two bits: 11, 10, 01; 11, 10.
    assert layer["ones"] == pytest.approx(7 / 16)


def test_padding_is_driven_with_nothing() -> None:
    x = torch.ones(1, 1, 2, 2)
    _, found = made(nn.Conv2d(1, 2, 3, padding=1), x)
    # Each of four vectors of nine sees the four pixels.
    assert found["layers"][0]["active"] == pytest.approx(4 / 9)
    assert found["layers"][0]["mean_input"] == pytest.approx(4 / 9)


def test_without_converters_inputs_are_shares_of_their_range() -> None:
    analog = analogsim.convert(net(), "ideal", periphery="ideal", calibrate=images())
    found = workload_of(analogsim.program(analog, seed=0, chip=0), images())
    assert {layer["ones"] for layer in found["layers"]} == {None}
    assert {layer["adc"] for layer in found["layers"]} == {0}


def test_conductances_are_means_over_cells() -> None:
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, -0.5], [0.25, 1.0]])
    _, found = made(layer, torch.rand(4, 2))
    # Pairs: 1, 0.5, 0.25, 1 and four idle cells.
    assert found["layers"][0]["mean_conductance"] == pytest.approx(2.75 / 8)
    _, found = made(layer, torch.rand(4, 2), edge={"weight_encoding": "offset"})
    assert found["layers"][0]["mean_conductance"] == pytest.approx((1 + 0.25 + 0.625 + 1) / 4)
    assert found["cells_a_weight"] == 1


def test_a_cell_a_weight_lies_between_its_smallest_and_largest() -> None:
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    preset = "rram-cmo?programming_scale=0"
    chip, found = made(layer, torch.rand(4, 2), preset)
    held = {c.symbol: c.value for c in chip.analog.device.constants()}
    mean = (held["g_min"] + held["g_max"]) / 2 / held["g_max"]
    assert found["layers"][0]["mean_conductance"] == pytest.approx(mean, rel=1e-4)


def test_empty_places_of_blocks_hold_no_weight() -> None:
    layer = nn.Conv2d(4, 4, 1, groups=4, bias=False)
    layer.weight.data.fill_(0.5)
    x = torch.rand(2, 4, 3, 3)
    _, found = made(layer, x, grouped="blocks")
    [one] = found["layers"]
    assert (one["groups"], one["inputs"], one["outputs"]) == (4, 4, 4)
    assert one["mean_conductance"] == pytest.approx(0.5)


def test_a_layer_that_is_called_again_works_again() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            once: Tensor = self.one(x)
            return self.one(once[..., ::2, ::2] if self.shrinks else once)  # type: ignore[no-any-return]

        shrinks = False

    _, found = made(Twice(), images())
    assert (found["layers"][0]["calls"], found["layers"][0]["products"]) == (2, 72)
    smaller = Twice()
    smaller.shrinks = True
    _, found = made(smaller, images())
    assert (found["layers"][0]["calls"], found["layers"][0]["products"]) == (None, 36 + 9)
