"""Which network and which images: what commands without a spec of their own share with specs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analogsim.errors import InputError


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Which network, on which periphery; what `--help` of each command says."""

    model: str
    weights: Path | None
    network: str | None
    untrained: bool
    bn: tuple[str, ...]
    keep_digital: tuple[str, ...]
    periphery: str
    tile: str | None
    forward: str
    seed: int
    stream: str = "aihwkit"
    grouped: str = "digital"
    effects: tuple[str, ...] = ()
    recalibration: str = "average"
    recalibration_images: int | None = None

    @property
    def one_bn(self) -> str:
        """The treatment of BatchNorm. Raises InputError if several were given."""
        if len(self.bn) != 1:
            raise InputError(
                f"--bn must be given once here, got {', '.join(self.bn)}; choose one of them"
            )
        return self.bn[0]


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Which images, normalised how."""

    data: str | None
    data_dir: Path | None = None
    download: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @property
    def normalise(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Mean and standard deviation a channel, if the user gave them."""
        if self.mean is None and self.std is None:
            return None
        return self.mean or (0.0,), self.std or (1.0,)

    def as_spec(self) -> dict[str, Any]:
        """The fields of a spec that these decide."""
        assert self.data is not None
        mean, std = self.normalise or (None, None)
        return {
            "data": self.data,
            "data_dir": None if self.data_dir is None else str(self.data_dir),
            "download": self.download,
            "mean": mean,
            "std": std,
        }


@dataclass(frozen=True, kw_only=True)
class OfImages:
    """The keys of a spec that every kind has: which network, and which images, normalised how."""

    question: str = ""
    model: str
    weights: str | None = None
    untrained: bool = False
    data: str
    data_dir: str | None = None
    download: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    limit: int | None = None
    batch_size: int = 250
    seed: int = 0
    device: str = "cpu"


def data_options_of(spec: OfImages) -> DataOptions:
    """The options of a spec's images."""
    return DataOptions(
        data=spec.data,
        data_dir=None if spec.data_dir is None else Path(spec.data_dir),
        download=spec.download,
        mean=spec.mean,
        std=spec.std,
    )
