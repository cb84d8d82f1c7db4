"""What is measured of each image: top-1, top-5, and measures of the user's own."""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch
from torch import Tensor

from analogsim.errors import InputError, first_line
from analogsim.inputs.fingerprint import code_fingerprints
from analogsim.inputs.labels import as_tensor
from analogsim.inputs.names import MEMORY, TOP1, check_measure
from analogsim.inputs.user_file import load_object
from analogsim.quantity import ACCURACY, PER_CENT, Quantity

_TOP = 5


@dataclass(frozen=True, kw_only=True)
class Measure(Quantity):
    """A quantity, and how outputs are scored: its mean over images is what a study says.

    Attributes:
        score: called with outputs (n, classes), floating point, and right classes (n,) int64, both
            on one device; gives one value an image, (n,) or (n, 1). Where an image has a NaN among
            its outputs they come as zeros.
        spec: the text that names it; empty for one made in Python.
        files: the code that made it, name and sha256.

    Raises InputError as `Quantity`.
    """

    score: Callable[[Tensor, Tensor], Tensor]
    spec: str = ""
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def values(self, outputs: Tensor, target: Tensor) -> Tensor:
        """(n,) on the CPU: float32, or truth values where `score` gives such.

        Raises:
            InputError: the user's code fails, or gives something else than one finite number an
                image.
        """
        if outputs.element_size() < 4:
            outputs = outputs.float()  # logarithms in bfloat16 have two digits
        try:
            found = self.score(outputs, target)
        except InputError:
            raise
        # It is the user's code, and may raise anything, and exit.
        except (Exception, SystemExit) as err:
            raise InputError(
                f"measure {self.spec or self.name} must run without an error, got "
                f"{type(err).__name__}: {first_line(err)}; mend its score"
            ) from err
        return self._checked(found, len(target))

    def _checked(self, found: object, count: int) -> Tensor:
        rule = f"measure {self.spec or self.name} must give one finite number an image"
        if not isinstance(found, Tensor):
            raise InputError(f"{rule}, got {type(found).__name__}; return a tensor ({count},)")
        shape = tuple(found.shape)
        if shape not in {(count,), (count, 1)}:
            raise InputError(
                f"{rule}, got the shape {shape} for {count} images; take no mean over them (in "
                "torch's losses reduction='none'), and one over all other axes"
            )
        values = as_tensor(found, where=f"{rule}: they").reshape(count).cpu()
        if values.dtype == torch.bool:
            return values
        values = values.to(torch.float32)
        wrong = ~values.isfinite()
        if bool(wrong.any()):
            at = int(wrong.int().argmax())
            raise InputError(
                f"{rule}, got {float(values[at])} (image {at} of a batch); bound its score"
            )
        low, high = self.span
        outside = (values < low) | (values > high)
        if bool(outside.any()):
            raise InputError(
                f"{rule} from {low:g} to {high:g}, the bounds of its mean, got "
                f"{float(values[outside][0]):g}; mend its least and most"
            )
        return values

    def fingerprints(self) -> dict[str, str]:
        """Of its code: files, or the source of what Python holds. None for top-1 and top-5."""
        if self in MEASURES.values():
            return {}
        if self.files:
            return code_fingerprints("measure", self.files)
        try:
            source = inspect.getsource(self.score)
        except (OSError, TypeError):  # typed where Python keeps no source
            return {}
        return {f"code of measure {self.name}": hashlib.sha256(source.encode()).hexdigest()}


def measure_named(spec: str) -> Measure:
    """The measure of `top1`, `top5` or `FILE.py:NAME`.

    `NAME` is a `Measure`, or gives one when it is called without arguments. The file runs with the
    rights of the user who names it.

    Raises:
        InputError: there is none, the user's code fails, or what it gives is no measure.
    """
    check_measure(spec)
    if spec in MEASURES:
        return MEASURES[spec]
    made = load_object(spec, what="measure", ready=Measure)
    if not isinstance(made.value, Measure):
        raise InputError(
            f"measure {spec} must be an analogsim.Measure, or a callable that gives one, got "
            f"{type(made.value).__name__}; write NAME = Measure(name=..., score=...)"
        )
    return replace(made.value, spec=spec, files=made.files)


def as_measure(given: str | Measure) -> Measure:
    """What a caller in Python gives: a measure, or text as of the command line.

    Raises:
        InputError: as `measure_named`; it is something else.
    """
    if isinstance(given, Measure):
        return given
    if isinstance(given, str):
        return measure_named(given)
    raise InputError(
        f"measure must be 'top1', 'top5', FILE.py:NAME or an analogsim.Measure, got "
        f"{type(given).__name__}; give one of these"
    )


def name_in_spec(measure: Measure) -> str:
    """The text of a measure in a spec."""
    return measure.spec or f"{MEMORY}{measure.name}"


def _top1(outputs: Tensor, target: Tensor) -> Tensor:
    return outputs.argmax(dim=1) == target


def _top5(outputs: Tensor, target: Tensor) -> Tensor:
    """Whether fewer than five classes come before the right one: larger, or equal and earlier."""
    classes = outputs.shape[1]
    if classes <= _TOP:
        raise InputError(
            f"measure top5 must be of more than {_TOP} classes, got {classes}; every answer would "
            "be right: take top1"
        )
    right = outputs.gather(1, target[:, None])
    earlier = torch.arange(classes, device=outputs.device) < target[:, None]
    before = (outputs > right) | ((outputs == right) & earlier)
    return before.sum(dim=1) < _TOP


TOP_1 = Measure(**vars(ACCURACY), score=_top1, spec=TOP1)
TOP_5 = Measure(name="top-5 accuracy", unit=PER_CENT, least=0.0, most=1.0, score=_top5, spec="top5")
MEASURES: Mapping[str, Measure] = {one.spec: one for one in (TOP_1, TOP_5)}
