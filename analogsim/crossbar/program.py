"""Programming makes a chip of a converted network; drifting moves the chip to a time."""

import copy
import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from analogsim.crossbar.blocks import blocks_of
from analogsim.crossbar.compensation import COMPENSATIONS, Compensation
from analogsim.crossbar.convert import AnalogModel, crossbar_layers, new_engine
from analogsim.crossbar.layer import CrossbarLayer
from analogsim.crossbar.plan import LayerReport
from analogsim.crossbar.weights import drift_weights_, program_weights_
from analogsim.errors import InputError


class Chip(nn.Module):
    """One programmed chip, callable as the network was.

    Only `program` and `load` make one. Its weights depend on (seed, chip number) and, after
    `drift_`, on the time; on nothing else.

    Attributes:
        analog: the converted network that the chip was made of.
        seed, chip: root seed and number of the chip.
        t_s: seconds since programming; None right after programming.
        compensation: the drift compensation in force.
    """

    def __init__(self, analog: AnalogModel, module: nn.Module, *, seed: int, chip: int) -> None:
        super().__init__()
        self.analog = analog
        self.module = module
        self.seed = seed
        self.chip = chip
        self.t_s: float | None = None
        self.compensation: Compensation = "none"
        self._layers = crossbar_layers(module)
        self.blocks = blocks_of(self._layers.values())
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """The network's output for a batch `x`, shaped as the digital network's."""
        how = self.analog.forward
        if how != "tile" and x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        if how == "native-bf16":
            return self.module(x.to(torch.bfloat16)).float()  # type: ignore[no-any-return]
        output: Tensor = self.module(x)
        return output

    @property
    def layers(self) -> dict[str, CrossbarLayer]:
        """The crossbar layers by name."""
        return self._layers

    @property
    def report(self) -> tuple[LayerReport, ...]:
        """The conversion's lines with the programming error of each analog layer."""
        errors = {name: layer.weight_error() for name, layer in self.layers.items()}
        return tuple(
            dataclasses.replace(line, programming_error=errors.get(line.name))
            for line in self.analog.report
        )

    def drift_(self, t_s: float, compensation: Compensation = "global") -> "Chip":
        """Move the chip to `t_s` seconds after programming; always from the programmed state.

        Read noise is drawn once for (chip, time) and stays while the chip is at that time.

        Args:
            t_s: seconds since programming, within the device's domain.
            compensation: `none`, `global`, `exact` or `column`; see `compensation.py`.

        Raises:
            DeviceError: the device's law does not cover `t_s`.
            InputError: unknown compensation.
        """
        if compensation not in COMPENSATIONS:
            raise InputError(
                f"compensation must be one of {', '.join(COMPENSATIONS)}, got {compensation!r}; "
                "choose one"
            )
        t_s = float(t_s)
        self.analog.device.check_time(t_s)
        layers = list(self.layers.values())
        drift_weights_(
            layers,
            self.blocks,
            self.analog.device,
            (self.seed, self.chip, t_s),
            compensation,
            through_tiles=self.analog.forward == "tile" and self.analog.tile == "cpp",
        )
        refresh_(layers)
        self.t_s, self.compensation = t_s, compensation
        return self


def program(analog: AnalogModel, seed: int = 0, chip: int = 0) -> Chip:
    """Program one chip: the draws depend on (seed, chip) alone.

    Args:
        analog: a converted network; it is not changed.
        seed: root seed of a study, at least 0.
        chip: number of the chip within the study, at least 0.

    Raises:
        InputError: a negative seed or chip number.
    """
    check_numbers(seed=seed, chip=chip)
    made = new_chip(analog, seed=seed, chip=chip)
    layers = list(made.layers.values())
    program_weights_(layers, made.blocks, analog.device, seed, chip)
    refresh_(layers)
    return made


def reprogram_(chip: Chip, number: int) -> Chip:
    """Program `chip` anew as another chip of its study; as `program`, without a new network.

    Args:
        chip: any chip; whatever it was is lost.
        number: the number that it takes.

    Raises:
        InputError: a negative number.
    """
    check_numbers(seed=chip.seed, chip=number)
    layers = list(chip.layers.values())
    for layer in layers:
        for tile in layer.tiles:
            tile.alpha = torch.ones(1)
    program_weights_(layers, chip.blocks, chip.analog.device, chip.seed, number)
    refresh_(layers)
    chip.chip, chip.t_s, chip.compensation = number, None, "none"
    return chip


def check_numbers(*, seed: int, chip: int) -> None:
    """Refuse a negative root seed or chip number.

    Raises:
        InputError: one of them is below 0.
    """
    for what, value in (("seed", seed), ("chip", chip)):
        if value < 0:
            raise InputError(f"{what} must be at least 0, got {value}; choose another")


def refresh_(layers: Sequence[CrossbarLayer]) -> None:
    """Hand the tiles' state to the engines."""
    with torch.no_grad():
        for layer in layers:
            layer.refresh_()


def new_chip(analog: AnalogModel, *, seed: int, chip: int) -> Chip:
    """A chip whose tiles still hold their targets, with its own engines; `program` fills it."""
    layers = {name: layer.fresh() for name, layer in analog.layers.items()}
    memo: dict[int, object] = {id(analog.layers[name]): layer for name, layer in layers.items()}
    if analog.forward != "tile":
        for (layer_name, norm_name), absorbed in zip(analog.merged, analog.absorbed, strict=True):
            object.__setattr__(layers[layer_name], "norm", absorbed)
            memo[id(analog.module.get_submodule(norm_name))] = absorbed
    module = copy.deepcopy(analog.module, memo)
    for layer in crossbar_layers(module).values():
        # It is refreshed when the tiles are filled.
        layer.engine = new_engine(analog, layer)
    if analog.forward == "native-bf16":
        module.to(torch.bfloat16)
    return Chip(analog, module, seed=seed, chip=chip)
