"""The networks that analogsim knows by name: `zoo:NAME?norm=NORM&stages=K&classes=N`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from torch import nn

from analogsim.errors import InputError
from analogsim.inputs.digits_cnn import DigitsCnn
from analogsim.inputs.known import NETWORKS, KnownNetwork, shipped_weights
from analogsim.inputs.names import ZOO_PREFIX, split_zoo
from analogsim.inputs.norms import NormFactory, first_stages, parse_norm
from analogsim.inputs.resnet import CifarResNet
from analogsim.inputs.spec import whole_number
from analogsim.inputs.vgg import CifarVgg16


class Builder(Protocol):
    """Makes an untrained network."""

    def __call__(self, *, norm: NormFactory, classes: int) -> nn.Module: ...


@dataclass(frozen=True, kw_only=True)
class ZooNetwork(KnownNetwork):
    """One network of the zoo, and `build`, which makes it, untrained."""

    build: Builder


_BUILDERS: Mapping[str, Builder] = {
    "digits_cnn": DigitsCnn,
    **{f"resnet{6 * n + 2}": partial(CifarResNet, blocks=n) for n in (3, 5, 7, 9)},
    "vgg16": CifarVgg16,
}
ZOO: Mapping[str, ZooNetwork] = {
    name: ZooNetwork(build=_BUILDERS[name], **vars(known)) for name, known in NETWORKS.items()
}


@dataclass(frozen=True, kw_only=True)
class ZooChoice:
    """A zoo network with its options decided.

    Attributes:
        name: its name in the zoo.
        norm: the text of its `norm` option.
        classes: how many outputs it has.
        stages: so many first stages have that normalisation, the others none; None is all.
    """

    name: str
    norm: str
    classes: int
    stages: int | None = None

    @property
    def network(self) -> ZooNetwork:
        """Its entry in the zoo."""
        return ZOO[self.name]

    @property
    def spec(self) -> str:
        """The text that names exactly this choice."""
        stages = "" if self.stages is None else f"&stages={self.stages}"
        return f"{ZOO_PREFIX}{self.name}?norm={self.norm}{stages}&classes={self.classes}"

    @property
    def normalised(self) -> bool:
        """Whether every stage has normalisation."""
        return self.norm != "none" and self.stages is None

    @property
    def shipped_weights(self) -> Path | None:
        """The weight file inside the package, or None where there is none for this choice."""
        if self.classes != self.network.classes or self.stages is not None:
            return None
        return shipped_weights(self.name, self.norm)

    def build(self) -> nn.Module:
        """The untrained network; its start is drawn from torch's global generator."""
        norm = parse_norm(self.norm, where=f"model {self.spec!r}")
        if self.stages is not None:
            norm = first_stages(norm, self.stages)
        return self.network.build(norm=norm, classes=self.classes)


def parse_zoo(spec: str) -> ZooChoice:
    """Read `zoo:NAME?norm=batch|none|l1|topk|group&stages=K&classes=N`.

    Two texts that name the same network give equal choices: `stages=0` is `norm=none`, and
    all stages are the same as no such option.

    Raises:
        InputError: the name or an option is unknown, or an option's value is refused.
    """
    where = f"model {spec!r}"
    name, options = split_zoo(spec)
    norm = options.get("norm", "batch")
    parse_norm(norm, where=where)
    stages = _stages(options, norm, ZOO[name].stages, where)
    if stages == 0:
        norm, stages = "none", None
    classes = whole_number(
        options.get("classes", str(ZOO[name].classes)),
        where=f"{where} option classes",
        minimum=2,
        maximum=100_000,
    )
    return ZooChoice(name=name, norm=norm, classes=classes, stages=stages)


def _stages(options: Mapping[str, str], norm: str, n_stages: int, where: str) -> int | None:
    """The option `stages`, or None where it is all of them."""
    if "stages" not in options:
        return None
    stages = whole_number(
        options["stages"], where=f"{where} option stages", minimum=0, maximum=n_stages
    )
    if stages and norm == "none":
        raise InputError(
            f"{where} option stages must be 0 with norm=none, got {stages}; leave it out, or say "
            "which normalisation these stages have (norm=batch)"
        )
    return None if stages == n_stages else stages
