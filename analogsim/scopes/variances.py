"""How near running variances are to zero: the mechanism by which noise on them ends a network.

A variance of v + sigma z below -eps has no square root, so that its channel, and with it every
output, is NaN. With sigma = eta r, r the reference of the layer's tensor of variances, no channel
is NaN with probability prod Phi((v + eps) / (eta r)) over all channels.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analogsim import schema
from analogsim.errors import InputError, shown
from analogsim.experiment.folder import write_json_atomic
from analogsim.experiment.sealed import read_sealed

FILE = "variances.json"
_FORMAT, _VERSION = "analogsim-variances", 1


@dataclass(frozen=True, kw_only=True)
class Variances:
    """One BatchNorm layer's running variances.

    Attributes:
        layer: its name.
        eps: what is added under the root.
        std, max: references of the tensor: sigma at eta = 1.
        values: one a channel.
    """

    layer: str
    eps: float
    std: float
    max: float
    values: list[float]

    def sigma(self, reference: str, eta: float) -> float:
        """Standard deviation of the noise on each value."""
        return eta * (self.std if reference == "std" else self.max)

    @property
    def smallest(self) -> float:
        """The smallest variance."""
        return min(self.values)

    def sigmas(self, reference: str, eta: float) -> float:
        """How many sigma the smallest variance is from NaN; infinite without noise."""
        sigma = self.sigma(reference, eta)
        return (self.smallest + self.eps) / sigma if sigma > 0 else math.inf


def nan_share(layers: Sequence[Variances], reference: str, eta: float) -> float:
    """The share of draws that are predicted to give NaN."""
    log_good = 0.0
    for layer in layers:
        sigma = layer.sigma(reference, eta)
        for value in layer.values:
            tail = _below(value + layer.eps, sigma)
            if tail >= 1:
                return 1.0
            log_good += math.log1p(-tail)
    return -math.expm1(log_good)


def _below(distance: float, sigma: float) -> float:
    """Probability that distance + sigma z is negative."""
    if sigma == 0:
        return float(distance < 0)
    return 0.5 * math.erfc(distance / sigma / math.sqrt(2))


def write_variances(folder: Path, layers: Sequence[Variances]) -> None:
    """Write `variances.json`, whole or not at all. Raises OutputError."""
    content = {"format": _FORMAT, "version": _VERSION, "layers": [asdict(one) for one in layers]}
    write_json_atomic(folder / FILE, content)


def read_variances(folder: Path) -> tuple[Variances, ...]:
    """Read `variances.json`. Raises InputError if it is absent or broken."""
    path = folder / FILE
    content = read_sealed(path, name=_FORMAT, version=_VERSION, todo="run the experiment again")
    hints = {"layer": str, "eps": float, "std": float, "max": float, "values": list[float]}
    layers = content.get("layers")
    found = [] if isinstance(layers, list) else [f"layers must be a list, got {shown(layers)}"]
    if not found:
        for number, layer in enumerate(layers):
            found += list(schema.problems(layer, dict[str, Any], f"layers[{number}]"))
            if isinstance(layer, dict):
                found += list(schema.field_problems(layer, hints, f"layers[{number}] "))
    if not found:
        found += [
            f"layers[{number}] must have values, and std and max of at least 0"
            for number, layer in enumerate(layers)
            if not layer["values"] or min(layer["std"], layer["max"]) < 0
        ]
    if found:
        raise InputError(f"{path} {'; '.join(found)}; run the experiment again")
    return tuple(Variances(**layer) for layer in layers)
