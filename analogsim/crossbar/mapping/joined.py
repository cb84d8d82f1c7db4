"""A chip's BatchNorm that the layer before it computes with its own digital factors."""

import weakref
from typing import Any

import torch
from torch import Tensor, nn

from analogsim.batchnorm.affine import affine_of
from analogsim.errors import InputError


class Parted(Exception):  # noqa: N818 - caught within this package, never shown
    """A layer's output did not go to the BatchNorm that the layer computes, or not to it alone."""

    def __init__(self, joined: "JoinedBatchNorm") -> None:
        super().__init__(joined.name)
        self.joined = joined


class JoinedBatchNorm:
    """A chip's BatchNorm that the layer before it computes, as a factor and an offset an output.

    The BatchNorm then passes its input on, and takes nothing else than that layer's output:
    what followed it on one branch of the network need not on another.

    Attributes:
        name: of the BatchNorm.
        norm: the chip's own; its forward pass is this object's.
        affine: gain and offset (channels,) in eval mode, float32 on the CPU; None while the
            BatchNorm computes itself.
    """

    def __init__(
        self, name: str, norm: nn.Module, affine: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self.name = name
        # No cycle: the network holds it.
        self._norm = weakref.ref(norm)
        self.affine = affine
        self._awaited: Tensor | None = None
        if affine is None:
            self.join_()
        norm.forward = self.forward

    @property
    def norm(self) -> nn.Module:
        """The chip's BatchNorm."""
        norm = self._norm()
        assert norm is not None, "its network holds it"
        return norm

    def __getstate__(self) -> dict[str, Any]:
        """With the BatchNorm itself, which a copy finds again."""
        return {**self.__dict__, "_norm": self.norm}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._norm = weakref.ref(state["_norm"])

    @property
    def awaited(self) -> bool:
        """Whether the layer has computed and the BatchNorm was not called since."""
        return self._awaited is not None

    def part_(self) -> "JoinedBatchNorm":
        """Let the BatchNorm compute itself from now on; its layer must be refreshed."""
        self.affine = self._awaited = None
        return self

    def join_(self) -> "JoinedBatchNorm":
        """Leave it to the layer (again), with the present statistics; it must be refreshed."""
        self.affine = affine_in_float32(self.norm)
        return self

    def await_(self, output: Tensor) -> "JoinedBatchNorm":
        """Take `output`, the layer's, as the next input.

        Raises:
            Parted: the one before was not taken.
        """
        if self._awaited is not None:
            raise Parted(self)
        self._awaited = output
        return self

    def forget_(self) -> "JoinedBatchNorm":
        """Await nothing: a forward pass begins."""
        self._awaited = None
        return self

    def forward(self, input: Tensor) -> Tensor:
        """`input` itself while the layer computes the BatchNorm; otherwise the BatchNorm of it.

        Raises:
            Parted: it is not what the layer gave last.
        """
        if self.affine is None:
            output: Tensor = type(self.norm).forward(self.norm, input)
            return output
        awaited, self._awaited = self._awaited, None
        if input is not awaited:
            raise Parted(self)
        return input


def affine_in_float32(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Gain and offset (channels,) of a BatchNorm with its present statistics, on the CPU."""
    gain, offset = affine_of(norm)
    return gain.cpu().float(), offset.cpu().float()


class FoldedBatchNorm(JoinedBatchNorm):
    """Stands where a BatchNorm was folded into the weights of the layer before it for good.

    There it takes that layer's output and nothing else: what followed on the example may not on
    another branch, and cannot be undone then.
    """

    def __init__(self, name: str, identity: nn.Module, layer: str) -> None:
        nothing = torch.empty(0)
        super().__init__(name, identity, (nothing, nothing))
        self.layer = layer

    def part_(self) -> JoinedBatchNorm:
        """There is no way back. Raises InputError."""
        raise InputError(
            f"BatchNorm {self.name} must follow layer {self.layer}, into which it was folded, on "
            "every input, got one on which it does not; convert with bn digital"
        )

    def join_(self) -> JoinedBatchNorm:
        """It always is."""
        return self
