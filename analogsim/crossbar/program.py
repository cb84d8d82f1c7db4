"""Programming makes a chip of a converted network; drifting moves the chip to a time."""

import copy
import dataclasses

import torch
from torch import Tensor, nn

from analogsim.crossbar.compensation import COMPENSATIONS, Compensation, drift_compensation
from analogsim.crossbar.convert import AnalogModel, crossbar_layers, new_engine
from analogsim.crossbar.layer import CrossbarLayer
from analogsim.crossbar.plan import LayerReport
from analogsim.crossbar.seeds import seeded
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
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """The network's output for a batch `x`, shaped as the digital network's."""
        output: Tensor = self.module(x)
        return output

    @property
    def layers(self) -> dict[str, CrossbarLayer]:
        """The crossbar layers by name."""
        return crossbar_layers(self.module)

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
        address = (self.seed, self.chip, t_s)
        with torch.no_grad():
            for layer in self.layers.values():
                assert layer.engine is not None
                for tile in layer.tiles:
                    assert tile.programmed is not None
                    law = self.analog.device.noise_law(layer.context(tile))
                    with seeded(self.seed, "drift", layer.name, tile.slot.index, self.chip, t_s):
                        tile.weights = law.apply_drift_noise(
                            tile.programmed, tile.drift_parameters, t_s
                        )
                    tile.alpha = drift_compensation(
                        compensation, layer, tile, layer.engine, address
                    )
                layer.refresh_()
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
    with torch.no_grad():
        for layer in made.layers.values():
            for tile in layer.tiles:
                law = analog.device.noise_law(layer.context(tile))
                with seeded(seed, "program", layer.name, tile.slot.index, chip):
                    tile.programmed, parameters = law.apply_programming_noise(tile.target)
                tile.drift_parameters = list(parameters)
                tile.weights = tile.programmed
            layer.refresh_()
    return made


def check_numbers(*, seed: int, chip: int) -> None:
    """Refuse a negative root seed or chip number.

    Raises:
        InputError: one of them is below 0.
    """
    for what, value in (("seed", seed), ("chip", chip)):
        if value < 0:
            raise InputError(f"{what} must be at least 0, got {value}; choose another")


def new_chip(analog: AnalogModel, *, seed: int, chip: int) -> Chip:
    """A chip whose tiles still hold their targets, with its own engines; `program` fills it."""
    shared: dict[int, object] = {}
    for layer in analog.layers.values():
        for tile in layer.tiles:
            shared |= {id(t): t for t in (tile.target, tile.scale)}
        # The copy gets an engine of its own below.
        shared[id(layer.engine)] = layer.engine
    module = copy.deepcopy(analog.module, shared)
    for layer in crossbar_layers(module).values():
        layer.use_(new_engine(analog, layer))
    return Chip(analog, module, seed=seed, chip=chip)
