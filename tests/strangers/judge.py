"""Says what is wrong with the conversion of a stranger's network."""

import copy
import random
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

import analogsim
from analogsim import AnalogModel, AnalogsimError, Chip
from analogsim.call import Inputs
from analogsim.crossbar.conversion.rewriting import rewrite_
from tests.strangers.compare import unlike
from tests.strangers.situation import Call, Situation
from tests.strangers.untouched import difference, fingerprint, of_the_process
from tests.strangers.weaker import weakened

YEAR_S = 3.15e7

Convert = Callable[..., AnalogModel]
Program = Callable[[AnalogModel], Any]
Weaken = Callable[[AnalogModel, str], Any]


def faults(
    case: Situation,
    forward: str,
    *,
    tiles: bool = True,
    convert: Convert = analogsim.convert,
    program: Program = analogsim.program,
    weaken: Weaken = weakened,
) -> list[str]:
    """Whatever is not as `case` says, one sentence each.

    Args:
        case: a network and its outcome.
        forward: the engine, as for `convert`.
        tiles: look also whether what each layer's tiles hold decides the outputs.
        convert, program, weaken: what is judged; others than analogsim's own show that a fault is
            seen.
    """
    given = twin(case)
    assert not _shared(given, twin(case)), "each network must have weights of its own"
    before = fingerprint(given)
    calibrate = example_of(case)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        reseed()
        settings = of_the_process()
        try:
            analog = convert(
                given,
                preset="ideal",
                periphery="ideal",
                calibrate=calibrate,
                tile="torch",
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
    if of_the_process() != settings:
        found.append("the process's random numbers, types or gradients are others than before")
    found += _of_outputs(case, chip)
    if not case.changes and (after := fingerprint(given)) != before:
        found += [f"the network given has changed: {difference(before, after)}"]
    if tiles and not found:
        found += _of_tiles(case, analog, forward, program, weaken)
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
    if not (case.share is None or case.may_refuse) and abs(coverage.share - case.share) > 1e-6:
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


def _of_tiles(
    case: Situation,
    analog: AnalogModel,
    forward: str,
    program: Program,
    weaken: Weaken,
) -> list[str]:
    """Faults of layers that are called analog: tiles must decide what their weights decide."""
    want = [called(twin(case).eval(), given) for given in case.calls]

    def moved(chip: Any) -> bool:
        least = max(1e-3, 2 * case.within)
        got = (called(chip, given) for given in case.calls)
        return any(unlike(a, b, least) for a, b in zip(got, want, strict=True))

    if forward != "native":
        # Layer by layer they are judged where that takes less time.
        try:
            made = converted(case, preset="pcm", tile="torch", forward=forward)
            chip: Chip = program(made).drift_(YEAR_S, compensation="none")
            return [] if moved(chip) else ["a year of drift of all layers moves no output"]
        except AnalogsimError as error:
            return [] if case.may_refuse else [f"an aged chip is refused: {error}"]
    found = []
    for name, why in ((line.name, line.why) for line in analog.report if line.where == "analog"):
        if name in case.silent:
            continue
        try:
            moves = moved(weaken(analog, name))
        except AnalogsimError as error:
            found += [] if case.may_refuse else [f"with weaker tiles of {name}: {error}"]
            continue
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.append(f"with weaker tiles of {name}: {type(error).__name__}: {error}")
            continue
        if moves:
            continue
        if moved(_halved(case, name)):
            found.append(f"layer {name} is called analog, and weaker tiles move no output")
        elif case.share == 1.0 and not case.may_refuse and "not called" not in why:
            found.append(f"layer {name} decides nothing, and is called analog without a word")
    return found


def _halved(case: Situation, name: str) -> nn.Module:
    """The case's network with half the weights in one layer."""
    net = twin(case).eval()
    if name not in dict(net.named_modules()):
        rewrite_(net)
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
