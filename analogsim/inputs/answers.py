"""What a network answers: which tensor of its output is scored, and the class that it says."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from analogsim.call import Inputs
from analogsim.errors import InputError

_NAMES = ("logits", "out", "output")
_LABELS = ("labels", "label")
_MEND = "wrap the network so that it returns logits"
ONE_OUTPUT = "One output an image: above 0 is class 1, anything else class 0."


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The classes that a network says for n images.

    Attributes:
        logits: (n, C) with C of 2 or more; zeros for an image with a NaN among its outputs.
        classes: (n,) int64, those of the largest logits: class 0 where all are zero.
        nan: (n,) whether an image has a NaN among its outputs.
        notes: sentences on how the output was read, where that is not plain.
    """

    logits: Tensor
    classes: Tensor
    nan: Tensor
    notes: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """How many classes it tells apart: 2 where it has one output."""
        return self.logits.shape[1]


def logits_in(output: object, *, where: str = "outputs") -> tuple[Tensor, str | None]:
    """Which tensor of a network's output is scored, and words for it (None: it is the output).

    That is `.logits` of an object, the entry `logits`, `out` or `output` of a dictionary or its
    only tensor, and the first tensor of a tuple or list.

    Raises:
        InputError: it is something else, or holds no such tensor.
    """
    if isinstance(output, Tensor):
        return output, None
    named = getattr(output, "logits", None)
    if isinstance(named, Tensor):
        return named, "the output's .logits"
    got = type(output).__name__
    if isinstance(output, Mapping):
        tensors = {key: value for key, value in output.items() if isinstance(value, Tensor)}
        name = next((name for name in _NAMES if name in tensors), None)
        if name is None and len(tensors) == 1:
            name = next(iter(tensors))
        if name is not None:
            return tensors[name], f"the output's {name!r}"
        got += f" with {', '.join(map(str, output)) or 'nothing'}"
    elif isinstance(output, tuple | list):
        for place, value in enumerate(output):
            if isinstance(value, Tensor):
                return value, f"tensor {place} of the output's {len(output)}"
        got += " without a tensor"
    raise InputError(
        f"{where} must have the shape (images, classes), or hold such a tensor under "
        f"{', '.join(_NAMES)} or as the first one, got {got}; {_MEND}"
    )


def answer(output: object, count: int, *, where: str = "outputs") -> Answer:
    """The classes that an output says for `count` images: those of the largest logits.

    The first of equal ones counts; with one output an image, 0 is class 0. Arguments and errors
    are those of `class_logits`.
    """
    logits, notes = class_logits(output, count, where=where)
    nan = torch.isnan(logits).any(dim=1)
    if bool(nan.any()):
        logits = torch.where(nan[:, None], 0, logits)
    return Answer(logits=logits, classes=logits.argmax(dim=1), nan=nan, notes=notes)


def class_logits(
    output: object, count: int, *, where: str = "outputs"
) -> tuple[Tensor, tuple[str, ...]]:
    """A logit for each image and class, (n, C) with C of 2 or more, and how they were read.

    One output z an image, (n,) or (n, 1), stands for the logits (0, z) of two classes: z > 0 is
    class 1. Where there is one image, its axis may be missing.

    Args:
        output: what the network gave, as `logits_in` reads it.
        count: how many images it was given.
        where: how an error names it.

    Raises:
        InputError: no such tensor, another shape, or outputs that are no floating-point numbers.
    """
    logits, words = logits_in(output, where=where)
    shape = tuple(logits.shape)
    if not logits.is_floating_point():
        raise InputError(
            f"{where} must be floating-point logits, got {logits.dtype} {shape}; {_MEND}"
        )
    if count == 1 and logits.dim() < 2:
        logits = logits.reshape(1, -1)
    elif logits.dim() == 1:
        logits = logits[:, None]
    if logits.dim() != 2 or not logits.shape[1]:
        raise InputError(f"{where} must have the shape (images, classes), got {shape}; {_MEND}")
    if len(logits) != count:
        raise InputError(
            f"{where} must have as many rows as there are labels, got the shape {shape} and "
            f"{count}; give one label an image, and keep the output's first axis for the images"
        )
    notes = [] if words is None else [f"Scored is {words}."]
    if logits.shape[1] == 1:
        notes.append(ONE_OUTPUT)
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return logits, tuple(notes)


def split_batch(batch: object) -> tuple[Inputs, object]:
    """The inputs and the labels of one batch: a pair, or a dictionary with `labels` or `label`.

    Raises:
        InputError: it is neither, or its inputs hold no tensor.
    """
    if isinstance(batch, Mapping):
        names = [name for name in _LABELS if name in batch]
        if len(names) == 1:
            inputs = {key: value for key, value in batch.items() if key not in names}
            return Inputs.of(inputs), batch[names[0]]
        got = f"one with {', '.join(map(str, batch)) or 'nothing'}"
        raise InputError(
            f"a batch that is a dictionary must have 'labels' or 'label', and one of them, got "
            f"{got}; add the labels"
        )
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return Inputs.of(batch[0]), batch[1]
    got = type(batch).__name__
    if isinstance(batch, tuple | list):
        got += f" of {len(batch)}"
    raise InputError(
        f"a batch must be (inputs, labels), or a dictionary with 'labels', got {got}; put several "
        "inputs into a tuple: ((a, b), labels)"
    )
