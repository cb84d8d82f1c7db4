"""A digital network that noise is drawn into, as fast as it computes and no less exact."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from analogsim.crossbar.chip.evaluate import answers
from analogsim.experiment.score import Score, digital_score, score
from analogsim.gaussian import FlatWeights, Noise, NoiseSpec, flatten_, role_of
from analogsim.inputs.answers import logits_in
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.inputs.measure import TOP_1, Measure
from analogsim.scopes.levels import ROLES, Level

Batch = tuple[Tensor, Tensor]

# Normalised images up to this many bytes are kept between trials.
_KEEP_BYTES = 512 << 20
# Two memory formats add up in another order.
_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class NoisyNetwork:
    """A network whose tensors lie in one buffer, and its images.

    Attributes:
        flat: the tensors; `flat.module` is the network.
        batches: the images, normalised once where they are few enough.
        roots: the BatchNorm layers that take a square root of the running variance.
        measure: what is measured.
    """

    flat: FlatWeights
    batches: "Images"
    roots: tuple[_BatchNorm, ...]
    measure: Measure = TOP_1

    def score(self, level: Level, *, seed: int, draw: int) -> Score:
        """Draw the noise, measure what the network answers, put the clean values back."""
        spec = NoiseSpec(
            eta=level.eta,
            reference=level.reference,
            scope=ROLES[level.scope],
            variance="clamped" if level.scope == "variance-clamped" else "raw",
        )
        Noise(self.flat, spec, seed=seed).apply_(draw)
        try:
            return self._score()
        finally:
            self.flat.restore_()

    def clean(self) -> Score:
        """The network without noise; warns as `digital_score`."""
        device = str(self.flat.live.device)
        return digital_score(self.flat.module, self.batches, device, self.measure)

    def _score(self) -> Score:
        device = str(self.flat.live.device)
        if any(_gives_nan(layer) for layer in self.roots):
            first = answers(self.flat.module, [next(iter(self.batches))], device, self.measure)
            if bool(first.nan.all()):
                # A channel that is the root of a negative number is NaN whatever the image.
                return score(_AllNaN(first.n_classes), self.batches, device, self.measure)
        return score(self.flat.module, self.batches, device, self.measure)


class _AllNaN(nn.Module):
    """What a network says of whose outputs every one is NaN."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes

    def forward(self, images: Tensor) -> Tensor:
        return images.new_full((len(images), self.n_classes), torch.nan)


@dataclass(frozen=True)
class Images:
    """Batches of images and labels that can be gone through again and again."""

    data: Data
    batch_size: int
    kept: tuple[Batch, ...] | None

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.kept or batches(self.data, self.batch_size))


def make_noisy(
    module: nn.Module,
    data: Data,
    *,
    batch_size: int,
    device: str,
    read: dict[bool, Images] | None = None,
    measure: Measure = TOP_1,
) -> NoisyNetwork:
    """A copy of `module` (float32, in eval mode) ready for noise; `module` stays as it is.

    It computes in channels_last where that gives the same outputs. `read` holds images that were
    read already, by whether they are in channels_last, and is added to.

    Raises:
        InputError: nothing to noise, or images that cannot be loaded.
    """
    network = copy.deepcopy(module).eval().to(device)
    example, _ = next(batches(data, min(batch_size, 8)))
    fast = _channels_last(network, example.to(device))
    network = network if fast is None else fast
    read = {} if read is None else read
    last = fast is not None
    if last not in read:
        read[last] = _images(data, batch_size, device, last=last)
    return NoisyNetwork(
        flat=flatten_(network),
        batches=read[last],
        roots=tuple(m for m in network.modules() if isinstance(m, _BatchNorm) and is_root(m)),
        measure=measure,
    )


def warm_up() -> None:
    """Compile the noise stream here: forked workers have it then, and do not each compile it."""
    Noise(flatten_(nn.Linear(2, 2)), NoiseSpec(), seed=0).apply_(0)


def is_root(module: nn.Module) -> bool:
    """Whether the layer divides by the square root of a running variance, as torch's does."""
    return (
        isinstance(module, _BatchNorm)
        and type(module).forward is _BatchNorm.forward
        and module.running_var is not None
        and role_of(module, "running_var") == "bn_variance"
    )


def _gives_nan(layer: _BatchNorm) -> bool:
    assert layer.running_var is not None
    return bool((layer.running_var + layer.eps < 0).any())


def _channels_last(network: nn.Module, example: Tensor) -> nn.Module | None:
    """The network in channels_last, or None where it cannot or gives something else."""
    if example.dim() != 4:
        return None
    fast = copy.deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        # Either gets images of its own, which it may change.
        expected, _ = logits_in(network(example.clone()))
        try:
            got, _ = logits_in(fast(example.clone(memory_format=torch.channels_last)))
        except RuntimeError:
            # A `view` that needs contiguous maps.
            return None
    close = got.shape == expected.shape and torch.allclose(
        got, expected, rtol=_TOLERANCE, atol=_TOLERANCE * float(expected.abs().max())
    )
    return fast if close else None


def _images(data: Data, batch_size: int, device: str, *, last: bool) -> Images:
    kept: list[Batch] = []
    size = 0
    for images, labels in batches(data, batch_size):
        size += images.numel() * images.element_size()
        if size > _KEEP_BYTES:
            return Images(data, batch_size, None)
        shape = torch.channels_last if last else torch.contiguous_format
        kept.append((images.to(device).contiguous(memory_format=shape), labels.to(device)))
    return Images(data, batch_size, tuple(kept))
