"""What is known by name: the zoo's networks and the data sets, as facts. Never imports torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

NORM_NAMES = ("batch", "none", "l1", "topk", "group")
"""What the option `norm` of a zoo network takes."""
DATA_VARIABLE = "ANALOGSIM_DATA"
SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True, kw_only=True)
class KnownNetwork:
    """One network of the zoo.

    Attributes:
        input_shape: (channels, height, width) of the images it was designed for.
        classes: how many classes it has unless asked otherwise.
        stages: how many stages its norm factory is asked for, counted from 1.
        parameters: weights, biases, gamma and beta, with BatchNorm and its own classes.
        meaning: one line for a list.
    """

    input_shape: tuple[int, int, int]
    classes: int
    stages: int
    parameters: int
    meaning: str


def _resnet(depth: int, parameters: int) -> KnownNetwork:
    return KnownNetwork(
        input_shape=(3, 32, 32),
        classes=10,
        stages=3,
        parameters=parameters,
        meaning=f"ResNet{depth} for CIFAR, option A shortcut (He et al. 2016)",
    )


NETWORKS: Mapping[str, KnownNetwork] = {
    "digits_cnn": KnownNetwork(
        input_shape=(1, 8, 8),
        classes=10,
        stages=3,
        parameters=25_978,
        meaning="three convolutions and a linear layer for scikit-learn's digits",
    ),
    "resnet20": _resnet(20, 269_722),
    "resnet32": _resnet(32, 464_154),
    "resnet44": _resnet(44, 658_586),
    "resnet56": _resnet(56, 853_018),
    "vgg16": KnownNetwork(
        input_shape=(3, 32, 32),
        classes=10,
        stages=5,
        parameters=14_728_266,
        meaning="VGG16 for CIFAR with one linear layer (Simonyan and Zisserman 2015)",
    ),
}


def shipped_weights(name: str, norm: str) -> Path | None:
    """The weight file of a zoo network inside the package; None where there is none."""
    path = SHIPPED / f"{name}-{norm}.safetensors"
    return path if path.is_file() else None


def shipped_norms(name: str) -> tuple[str, ...]:
    """The normalisations with which a zoo network comes trained."""
    return tuple(norm for norm in NORM_NAMES if shipped_weights(name, norm) is not None)


@dataclass(frozen=True, kw_only=True)
class KnownData:
    """A data set.

    Attributes:
        input_shape: (channels, height, width) of an image.
        classes: how many it has.
        images: how many are in each split.
        folder: that its archive unpacks to; empty where it comes with scikit-learn.
        files: in that folder.
        meaning: one line for a list.
    """

    input_shape: tuple[int, int, int]
    classes: int
    images: Mapping[str, int]
    folder: str = ""
    files: tuple[str, ...] = ()
    meaning: str

    def place(self, data_dir: Path | None) -> Path | None:
        """The folder in which it is looked for; None where nobody says."""
        if not self.folder:
            package = find_spec("sklearn")
            origin = None if package is None else package.origin
            return None if origin is None else Path(origin).parent
        named = data_dir or os.environ.get(DATA_VARIABLE)
        return Path(named) / self.folder if named else None

    def missing(self, data_dir: Path | None) -> tuple[str, ...]:
        """What is not there of it: files, or where to look. Empty if it is there."""
        place = self.place(data_dir)
        if place is None:
            return (f"--data-dir or {DATA_VARIABLE}" if self.folder else "scikit-learn",)
        if self.folder and not place.is_dir():
            return (str(place),)
        return tuple(name for name in self.files if not (place / name).is_file())


DATA: Mapping[str, KnownData] = {
    "digits": KnownData(
        input_shape=(1, 8, 8),
        classes=10,
        images={"train": 1437, "test": 360},
        meaning="scikit-learn's handwritten digits (Alpaydin and Kaynak 1998)",
    ),
    "cifar10": KnownData(
        input_shape=(3, 32, 32),
        classes=10,
        images={"train": 50_000, "test": 10_000},
        folder="cifar-10-batches-py",
        files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"),
        meaning="CIFAR-10 (Krizhevsky 2009)",
    ),
    "cifar100": KnownData(
        input_shape=(3, 32, 32),
        classes=100,
        images={"train": 50_000, "test": 10_000},
        folder="cifar-100-python",
        files=("train", "test"),
        meaning="CIFAR-100, fine labels (Krizhevsky 2009)",
    ),
}
