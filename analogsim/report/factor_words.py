"""What is said where drift compensation's factor is not the one that the cells need."""

from collections.abc import Iterator
from dataclasses import dataclass

from analogsim.experiment.layers_file import DeviceLayers, LayersFile
from analogsim.report.labels import format_duration

_ADVICE = "'current' reads summed currents, which fill the ADC"


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


def factor_warnings(layers: LayersFile | None) -> list[str]:
    """A sentence or two for each preset and compensation that misleads; none without the file."""
    return [] if layers is None else [_warning(one) for one in misled(layers)]


def _warning(found: Misled) -> str:
    worst, most = found.worst, f"{100 * MOST_APART:.0f} %"
    times = " and ".join(format_duration(t_s) for t_s in dict.fromkeys(o.t_s for o in found.off))
    there = sum(one.t_s == worst.t_s for one in found.off)
    advice = "" if found.compensation == "current" else f"; {_ADVICE}"
    return (
        f"compensation '{found.compensation}' misleads on {found.preset} at {times}: in {there} of "
        f"{found.n_layers} analog layers its factor is more than {most} from what the "
        f"cells' mean conductance needs (chip 0, {format_duration(worst.t_s)}, {worst.layer}: "
        f"{worst.factor:.3g}, needed {worst.needed:.3g}). These accuracies show the reading, not "
        f"the drift{advice}"
    )
