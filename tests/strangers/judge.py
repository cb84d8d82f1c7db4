"""Says what is wrong with the conversion of a stranger's network."""

import copy
import dataclasses
import random
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import analogsim
from analogsim import AnalogModel, AnalogsimError, Chip
from analogsim.call import Inputs
from tests.strangers.situation import Call, Situation

YEAR_S = 3.15e7

Convert = Callable[..., AnalogModel]
Program = Callable[[AnalogModel], Any]


def faults(
    case: Situation,
    forward: str,
    *,
    convert: Convert = analogsim.convert,
    program: Program = analogsim.program,
) -> list[str]:
    """Whatever is not as `case` says, one sentence each.

    Args:
        case: a network and its outcome.
        forward: the engine, as for `convert`.
        convert, program: what is judged; others than analogsim's own show that a fault is seen.
    """
    given = twin(case)
    assert not _shared(given, twin(case)), "each network must have weights of its own"
    before = fingerprint(given)
    calibrate = example_of(case)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        reseed()
        settings = _of_the_process()
        try:
            analog = convert(
                given,
                preset="ideal",
                periphery="ideal",
                calibrate=calibrate,
                forward=forward,
                **case.options,
            )
            chip = program(analog)
        except AnalogsimError as error:
            return _of_refusal(case, error)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return [f"another library's error reaches the user: {type(error).__name__}: {error}"]
    if case.refused is not None:
        return [f"it must be refused with {case.refused!r}, and is converted"]
    found = _of_words(case, analog, [str(warning.category.__name__) for warning in warned])
    if _of_the_process() != settings:
        found.append("the process's random numbers, types or gradients are others than before")
    found += _of_outputs(case, chip)
    if not case.changes and (after := fingerprint(given)) != before:
        found += [f"the network given has changed: {_difference(before, after)}"]
    if not found:
        found += _of_tiles(case, analog, forward, convert, program)
    return found


def twin(case: Situation) -> nn.Module:
    """The case's network, made anew; each has the same weights."""
    torch.manual_seed(0)
    return case.make()


def _shared(one: nn.Module, other: nn.Module) -> set[int]:
    """Parameters that two networks have in common, which no two may."""
    return {id(p) for p in one.parameters()} & {id(p) for p in other.parameters()}


def example_of(case: Situation) -> Any:
    """What to give as `calibrate`."""
    if case.calibrate is not None:
        return case.calibrate() if callable(case.calibrate) else copy.deepcopy(case.calibrate)
    first = copy.deepcopy(case.calls[0])
    return Inputs(first.args, first.kwargs)


def converted(case: Situation, **options: Any) -> AnalogModel:
    """The case's network, converted; without effects of devices or periphery unless asked for."""
    given = {"preset": "ideal", "periphery": "ideal", **case.options, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reseed()
        return analogsim.convert(twin(case), calibrate=example_of(case), **given)


def reseed() -> None:
    """The same global draws for whatever comes next: network and chip see equal ones."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)


def fingerprint(net: nn.Module) -> dict[str, Any]:
    """What must stay as it was in the network that is given."""
    modules = dict(net.named_modules())
    state = {name: value.clone() for name, value in net.state_dict().items() if _is_plain(value)}
    return {
        "weights": _Bits(state),
        "modes": {name: module.training for name, module in modules.items()},
        "classes": {name: type(module) for name, module in modules.items()},
        "hooks": {name: _hooks(module) for name, module in modules.items()},
        "gradients": {name: p.requires_grad for name, p in net.named_parameters()},
        "devices": {name: (p.dtype, p.device) for name, p in net.named_parameters()},
        "attributes": {
            f"{name}.{key}": value if isinstance(value, int | float | str) else len(value)
            for name, module in modules.items()
            for key, value in vars(module).items()
            if isinstance(value, int | float | str | list | dict) and not key.startswith("_")
        },
    }


def _of_the_process() -> tuple[Any, ...]:
    """What all of a user's program shares, and no conversion may move."""
    numpys = np.random.get_state()  # noqa: NPY002
    return (
        random.getstate(),
        (numpys[0], numpys[1].tobytes(), numpys[2:]),
        torch.get_rng_state().numpy().tobytes(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.backends.mha.get_fastpath_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, Tensor) and not nn.parameter.is_lazy(value) and not value.is_meta


@dataclasses.dataclass(frozen=True, eq=False)
class _Bits:
    values: dict[str, Tensor]

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, _Bits)
        return self.values.keys() == other.values.keys() and all(
            torch.equal(value, other.values[name]) for name, value in self.values.items()
        )

    def __repr__(self) -> str:
        return "weights"


def _hooks(module: nn.Module) -> tuple[int, int]:
    return len(module._forward_hooks), len(module._forward_pre_hooks)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {before[key]} -> {after[key]}" for key in before if before[key] != after[key]
    )


def _of_refusal(case: Situation, error: AnalogsimError) -> list[str]:
    text = str(error)
    if "\n" in text or len(text) > 500 or "Traceback" in text:
        return [f"a refusal must be one sentence, got {text!r}"]
    if case.refused is None and not case.may_refuse:
        return [f"it must be converted, and is refused: {text}"]
    if case.refused is not None and not re.search(case.refused, text, re.IGNORECASE):
        return [f"the refusal must hold {case.refused!r}, got {text!r}"]
    return []


def _of_words(case: Situation, analog: AnalogModel, warned: list[str]) -> list[str]:
    found = []
    notes = [str(note) for note in analog.notes]
    for phrase in case.notes:
        if not any(re.search(phrase, note, re.IGNORECASE) for note in notes):
            found.append(f"a note must hold {phrase!r}, got {notes}")
    if "random" not in case.notes and any("random" in note for note in notes):
        found.append(f"nothing is random, and a note says so: {notes}")
    where = {line.name: (line.where, line.why) for line in analog.report}
    found += [
        f"layer {name} must be analog, got {where.get(name)}"
        for name in case.analog
        if where.get(name, ("",))[0] != "analog"
    ]
    found += [
        f"layer {name} must be analog, or digital with a reason, got {line}"
        for name, line in where.items()
        if line[0] != "analog" and not (line[0] == "digital" and line[1])
    ]
    if "analog" not in {place for place, _ in where.values()}:
        found.append(f"no layer is analog, and nothing is refused: {where}")
    coverage = analog.coverage
    if not 0 <= coverage.share <= 1:
        found.append(f"the share must lie in 0 to 1, got {coverage.share}")
    if case.share is not None and abs(coverage.share - case.share) > 1e-6:
        found.append(f"the share must be {case.share}, got {coverage.share}: {coverage}")
    if (coverage.share < 1) != any(entry.macs > 0 for entry in coverage.digital):
        found.append(f"what is not on tiles must be named, got {coverage.digital}")
    digital = [entry.name for entry in coverage.digital]
    found += [
        f"{name} must be among the digital products, got {digital}"
        for name in case.digital
        if not any(f"{entry}.".startswith(f"{name}.") for entry in digital)
    ]
    if (coverage.share < 0.5) != ("CoverageWarning" in warned):
        found.append(f"a warning belongs to less than half, got {coverage.share} and {warned}")
    return found


def _of_outputs(case: Situation, chip: Any) -> list[str]:
    """Faults of the outputs; each input is given twice, with and without gradients."""
    found = []
    for number, given in enumerate(case.calls):
        for gradients in (False, True):
            try:
                want = called(twin(case).eval(), given, gradients=gradients)
            except RuntimeError:
                assert gradients, "the network itself runs where no gradients are recorded"
                break
            try:
                got = called(chip, given, gradients=gradients)
            except AnalogsimError as error:
                found += [] if case.may_refuse else [f"input {number} is refused: {error}"]
                break
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                found.append(f"input {number}: {type(error).__name__}: {error}")
                break
            if fault := unlike(got, want, case.within):
                found.append(f"input {number}: {fault}")
                break
    return found


def called(net: Callable[..., Any], given: Call, *, gradients: bool = False) -> Any:
    """What `net` gives for a copy of the arguments."""
    args, kwargs = copy.deepcopy((given.args, dict(given.kwargs)))
    reseed()
    with torch.set_grad_enabled(gradients), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return net(*args, **kwargs)


def unlike(got: Any, want: Any, within: float | None) -> str | None:
    """In words, where two outputs differ: in class, keys, shape, type or, unless None, values."""
    if isinstance(want, Tensor):
        if not isinstance(got, Tensor):
            return f"{type(got).__name__} in place of a tensor"
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            return f"{tuple(got.shape)} {got.dtype} in place of {tuple(want.shape)} {want.dtype}"
        dense = want.layout == torch.strided
        if dense and want.is_contiguous() and not got.is_contiguous():
            return "not contiguous as the network's own output is: .view(n, -1) fails"
        if within is None:
            return None
        got, want = got.detach(), want.detach()
        if got.is_sparse:
            got, want = got.to_dense(), want.to_dense()
        if not (want.is_floating_point() or want.is_complex()):
            return None if torch.equal(got, want) else "whole numbers differ"
        return _unlike_numbers(got, want, within)
    if isinstance(want, np.ndarray) and isinstance(got, np.ndarray):
        return unlike(torch.from_numpy(got), torch.from_numpy(want), within)
    if type(got).__qualname__ != type(want).__qualname__:
        return f"{type(got).__qualname__} in place of {type(want).__qualname__}"
    if isinstance(want, Mapping):
        if list(got) != list(want):
            return f"keys {list(got)} in place of {list(want)}"
        pairs = [(got[key], want[key]) for key in want]
    elif isinstance(want, list | tuple):
        if len(got) != len(want):
            return f"{len(got)} parts in place of {len(want)}"
        pairs = list(zip(got, want, strict=True))
    elif hasattr(want, "__dict__") and not callable(want):
        if vars(got).keys() != vars(want).keys():
            return f"attributes {list(vars(got))} in place of {list(vars(want))}"
        pairs = [(vars(got)[key], vars(want)[key]) for key in vars(want)]
    else:
        return None if within is None or got == want else f"{got!r} in place of {want!r}"
    return next((fault for a, b in pairs if (fault := unlike(a, b, within))), None)


def _unlike_numbers(got: Tensor, want: Tensor, within: float) -> str | None:
    """The relative error of the norm; where one is NaN or infinite, the other must be it too."""
    finite = want.isfinite()
    same = torch.equal(got.isfinite(), finite) and torch.equal(got.isnan(), want.isnan())
    if not same or not torch.equal(got[~finite].nan_to_num(), want[~finite].nan_to_num()):
        return "other numbers are NaN or infinite"
    error, size = float((got - want)[finite].norm()), float(want[finite].norm())
    bad = not error <= within * size
    return f"differs by {error / size if size else error:.2g}" if bad else None


def _of_tiles(
    case: Situation, analog: AnalogModel, forward: str, convert: Convert, program: Program
) -> list[str]:
    """Faults of layers that are called analog: their drift must move what their weights decide."""
    lines = {line.name: line.why for line in analog.report if line.where == "analog"}
    want = [called(twin(case).eval(), given) for given in case.calls]

    def aged(*digital: str) -> list[Any]:
        keep = [*case.options.get("keep_digital", ()), *digital]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reseed()
            made = convert(
                twin(case),
                preset="pcm",
                periphery="ideal",
                calibrate=example_of(case),
                forward=forward,
                **{**case.options, "keep_digital": keep},
            )
        chip: Chip = program(made).drift_(YEAR_S, compensation="none")
        return [called(chip, given) for given in case.calls]

    def differ(some: list[Any], others: list[Any]) -> bool:
        least = max(1e-3, 2 * case.within)
        return any(unlike(a, b, least) for a, b in zip(some, others, strict=True))

    found = []
    if forward != "native":
        # Layer by layer they are judged where that takes less time.
        return [] if differ(aged(), want) else ["a year of drift of all layers moves no output"]
    for name, why in lines.items():
        if name in case.silent:
            continue
        try:
            try:
                moves = differ(aged(*(other for other in lines if other != name)), want)
            except AnalogsimError:
                # Alone it computes nothing for the example: with all others, then.
                moves = differ(aged(), aged(name))
        except AnalogsimError as error:
            found += [] if case.may_refuse else [f"with {name} alone on tiles: {error}"]
            continue
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.append(f"with {name} alone on tiles: {type(error).__name__}: {error}")
            continue
        if moves:
            continue
        if differ([called(_halved(case, name), given) for given in case.calls], want):
            found.append(f"layer {name} is called analog, and a year of drift moves no output")
        elif case.share == 1.0 and "not called" not in why:
            found.append(f"layer {name} decides nothing, and is called analog without a word")
    return found


def _halved(case: Situation, name: str) -> nn.Module:
    """The case's network with half the weights in one layer."""
    net = twin(case).eval()
    with torch.no_grad():
        for parameter in net.get_submodule(name if name != "(model)" else "").parameters():
            parameter.data = parameter.data * 0.5
    return net


def crashes(case: Situation) -> list[str]:
    """What goes wrong with DAC ranges, converters and noise: classes and shapes must stay."""
    if case.refused is not None:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reseed()
        try:
            analog = analogsim.convert(
                twin(case),
                preset="pcm",
                periphery="standard",
                calibrate=example_of(case),
                **case.options,
            )
            chip = analogsim.program(analog).drift_(86400.0)
            got = [called(chip, given) for given in case.calls]
        except AnalogsimError as error:
            return [] if case.may_refuse else [f"it is refused: {error}"]
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return [f"another library's error reaches the user: {type(error).__name__}: {error}"]
    want = [called(twin(case).eval(), given) for given in case.calls]
    # The outputs are noisy: only their classes, keys, shapes and types are compared.
    return [fault for a, b in zip(got, want, strict=True) if (fault := unlike(a, b, None))]
