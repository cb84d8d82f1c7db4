"""Where drift compensation's factor is not the one that the cells need, by `layers.json`."""

from collections.abc import Iterator
from dataclasses import dataclass

from analogsim.experiment.layers_file import DeviceLayers, LayersFile

MOST_APART = 0.1
"""A relative difference above it misleads: what is lost is then the reading's, not the cells'."""


@dataclass(frozen=True, kw_only=True)
class Off:
    """A layer at a time in seconds: its factor, and the one that its cells need."""

    t_s: float
    layer: str
    factor: float
    needed: float

    @property
    def apart(self) -> float:
        """The relative difference, at least 0."""
        return abs(self.factor / self.needed - 1)


@dataclass(frozen=True, kw_only=True)
class Misled:
    """A preset's compensation that misleads in some of the network's `n_layers`, on chip 0."""

    preset: str
    compensation: str
    n_layers: int
    off: tuple[Off, ...]

    @property
    def worst(self) -> Off:
        """The layer and time that is furthest off."""
        return max(self.off, key=lambda one: one.apart)


def misled(content: LayersFile) -> Iterator[Misled]:
    """Each compensation with a factor further than `MOST_APART` from what the cells need."""
    for device in content["presets"]:
        for compensation in dict.fromkeys(state["compensation"] for state in device["states"]):
            off = tuple(one for one in _of(device, compensation) if one.apart > MOST_APART)
            if off and compensation != "none":
                yield Misled(
                    preset=device["preset"],
                    compensation=compensation,
                    n_layers=len(device["layers"]),
                    off=off,
                )


def _of(device: DeviceLayers, compensation: str) -> Iterator[Off]:
    """All layers at all times at which both factors are known."""
    for place, state in enumerate(device["states"]):
        t_s = state["t_s"]
        if t_s is None or state["compensation"] != compensation:
            continue
        for layer in device["layers"]:
            factor, needed = layer["states"][place]["factor"], layer["states"][place]["needed"]
            if factor is not None and needed:
                yield Off(t_s=t_s, layer=layer["name"], factor=factor, needed=needed)
