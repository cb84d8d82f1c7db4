"""Accuracy of a network or chip over images, or another measure of its answers."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from analogsim.crossbar.chip.chip import Chip
from analogsim.draws.addresses import seeded
from analogsim.errors import InputError
from analogsim.inputs.answers import ONE_OUTPUT, answer, split_batch
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data, load_data
from analogsim.inputs.doubt import doubt
from analogsim.inputs.labels import as_tensor, class_numbers
from analogsim.inputs.measure import TOP_1, Measure, as_measure
from analogsim.inputs.memory import data_in_memory

# Images a batch, as in a study.
_BATCH = 250


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a network or chip says of n images; all tensors are (n,) and on the CPU.

    Attributes:
        predicted: the classes that it says.
        labels: the right ones.
        values: of the measure; truth values, or float32 where it gives others than 0 and 1.
        nan: whether an image has a NaN among its outputs; it counts as class 0.
        n_classes: how many classes it tells apart.
        notes: how its outputs are read, where that is not plain.
    """

    predicted: Tensor
    labels: Tensor
    values: Tensor
    nan: Tensor
    n_classes: int
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        of = (self.predicted, self.labels, self.values, self.nan)
        assert {tuple(one.shape) for one in of} == {(len(self.labels),)}

    @property
    def n_correct(self) -> int | None:
        """How many images are right; None where answers are not right or wrong."""
        return int(self.values.sum()) if self.values.dtype == torch.bool else None

    def doubt(self) -> str | None:
        """What to think of a digital network that answers so; see `inputs.doubt`."""
        one = ONE_OUTPUT in self.notes
        return doubt(self.predicted, self.labels, self.n_classes, one_output=one)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What one evaluation found.

    Attributes:
        n_images: how many images.
        n_correct: how many are right; None for a measure that is not right or wrong.
        n_nan: images with a NaN among their outputs, which are scored as if these were zeros: as
            class 0.
        notes: how the outputs are read where that is not plain, and doubts about a digital network.
        measure: what was measured.
        values: (n_images,) of it.
    """

    n_images: int
    n_correct: int | None
    n_nan: int
    notes: tuple[str, ...] = ()
    measure: Measure = field(default=TOP_1, repr=False)
    values: Tensor = field(repr=False, compare=False)

    @property
    def mean(self) -> float:
        """Mean of the measure over the images; of a share, in [0, 1]."""
        return mean_of(self.values)

    @property
    def accuracy(self) -> float:
        """Share of correct images, in [0, 1]. Raises InputError where nothing is right or wrong."""
        if self.n_correct is None:
            raise InputError(
                f"accuracy must be of answers that are right or wrong, got {self.measure.name}; "
                "take .mean"
            )
        return self.n_correct / self.n_images


def mean_of(values: Tensor) -> float:
    """Of truth values the share, else the mean in double precision."""
    if values.dtype == torch.bool:
        return int(values.sum()) / len(values)
    return float(values.double().mean())


def evaluate(module: nn.Module, data: object, measure: str | Measure = TOP_1) -> Evaluation:
    """Top-1 accuracy, or another measure, over images or over batches of anything.

    `measure` is a `Measure`, or text: `top1`, `top5`, `FILE.py:NAME`.

    Images are what the studies take: `(images, labels)`, a torch Dataset, what `load_data` gave, or
    text such as `digits` (its test images). They are dealt in batches of 250, as in a study.

    Batches are an iterable, such as a DataLoader. A batch is (inputs, labels), or a dictionary with
    `labels`; inputs are a tensor, or a tuple or dictionary of the network's arguments. Labels are
    class numbers (n,) or (n, 1), or one-hot (n, classes). The network gets inputs of its own, so
    that `data` stays as it is.

    On a chip the noise of the products is drawn from the address (seed, chip, time): the same
    chip, time and batches give the same outputs. aihwkit's C++ tile seeds its own product noise
    from the clock, which Python cannot reach; its evaluations do not repeat.

    Raises:
        InputError: data that are none, no image, inputs that are NaN, labels that are no class
            numbers, outputs that are not (images, classes), or a measure that is none or fails.
    """
    measure = as_measure(measure)
    found = answers(module, _batches(data), measure=measure)
    said = None if isinstance(module, Chip) else found.doubt()
    return Evaluation(
        n_images=len(found.labels),
        n_correct=found.n_correct,
        n_nan=int(found.nan.sum()),
        notes=found.notes if said is None else (*found.notes, f"{said[0].upper()}{said[1:]}."),
        measure=measure,
        values=found.values,
    )


def _batches(data: object) -> Iterable[object]:
    first = data[0] if isinstance(data, tuple | list) and len(data) == 2 else None
    if isinstance(data, str):
        data = load_data(data)
    elif isinstance(first, Tensor | np.ndarray) or (
        isinstance(data, Dataset) and not isinstance(data, IterableDataset)
    ):
        data = data_in_memory(data)
    if isinstance(data, Data):
        return batches(data, _BATCH)
    if isinstance(data, Iterable):
        return data
    raise InputError(
        f"data must be images or batches, got {type(data).__name__}; give (images, labels), a "
        "torch Dataset or a DataLoader"
    )


def answers(
    module: nn.Module,
    data: Iterable[object],
    device: torch.device | str | None = None,
    measure: Measure = TOP_1,
) -> Answers:
    """What a network or chip says, image by image; `evaluate` explains `data` and the draws.

    Args:
        module: the network; it computes in eval mode.
        data: batches.
        device: where to take the inputs; None leaves them where they are.
        measure: what to score answers by, batch by batch.

    Raises:
        InputError: as `evaluate`.
    """
    address: AbstractContextManager[None] = nullcontext()
    if isinstance(module, Chip):
        t_s = -1.0 if module.t_s is None else module.t_s
        address = seeded(module.seed, "forward", module.chip, t_s)
    found: list[tuple[Tensor, Tensor]] = []
    right: list[Tensor] = []
    values: list[Tensor] = []
    seen = 0
    # A DataLoader draws when it begins: not from the chip's address.
    batches_of = iter(data)
    with address, _evaluating(module), torch.inference_mode():
        for batch in batches_of:
            inputs, given = split_batch(batch)
            labels = as_tensor(given, where="labels")
            count = len(labels) if labels.dim() else 1
            # A network may change its inputs: they are not the caller's.
            own = (inputs if device is None else inputs.to(device)).refuse_nan(seen).clone()
            seen += count
            one = answer(own.call(module), count)
            target = class_numbers(labels, count=count, n_classes=one.n_classes)
            if count:
                values.append(measure.values(one.logits, target.to(one.logits.device)))
            # The outputs themselves are let go with their batch.
            found.append((one.classes.cpu(), one.nan.cpu()))
            right.append(target.cpu())
    if not sum(map(len, right)):
        raise InputError("data must hold at least one image, got none; give another set or limit")
    return Answers(
        predicted=torch.cat([classes for classes, _ in found]),
        labels=torch.cat(right),
        values=_plain(torch.cat(values)),
        nan=torch.cat([nan for _, nan in found]),
        n_classes=one.n_classes,
        notes=one.notes,
    )


def _plain(values: Tensor) -> Tensor:
    """As truth values where all are 0 or 1."""
    if values.dtype != torch.bool and bool(((values == 0) | (values == 1)).all()):
        return values.bool()
    return values


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """In eval mode; afterwards each part has the mode that it had."""
    modes = {part: part.training for part in module.modules()}
    if not any(modes.values()):
        yield
        return
    module.eval()
    try:
        yield
    finally:
        module.train(modes[module])
        for part, mode in modes.items():
            part.training = mode
