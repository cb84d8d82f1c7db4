"""The studies as functions: `analogsim.run`, `drift`, `compare`, `noise` and `attribute`.

Each takes a network and images by name or in memory, and gives a `Run`. The commands of the same
names do the same, with the same folders: either goes on with what the other began.
"""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Unpack

from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.errors import InputError
from analogsim.inputs.data import Data, load_data
from analogsim.inputs.measure import Measure, name_in_spec
from analogsim.inputs.memory import data_in_memory, network_in_memory
from analogsim.inputs.names import TOP1, measure_in_words
from analogsim.spec.file import AnySpec, read_spec, spec_of_content
from analogsim.spec.names import check_names
from analogsim.spec.options import DataOptions
from analogsim.spec.study import DEFAULT_CHIPS
from analogsim.spec.suite import Suite
from analogsim.studies.call_text import call_text, name_in_question
from analogsim.studies.given import Given
from analogsim.studies.options import (
    PLACE,
    ChipOptions,
    ImageOptions,
    PathText,
    Share,
    SpecOptions,
    Texts,
    Times,
    as_document,
)
from analogsim.studies.prepare import preset_of_model
from analogsim.studies.progress import watching
from analogsim.studies.result import Run
from analogsim.studies.run import run_spec
from analogsim.studies.where import Where


def run(
    spec: PathText | AnySpec | None = None,
    folder: PathText | None = None,
    *,
    model: object = None,
    data: object = None,
    train: object = None,
    **keys: Unpack[SpecOptions],
) -> Run:
    """Run the experiment that a spec describes, or go on with it.

    Args:
        spec: a TOML file, or a spec as `analogsim.spec` reads it; without one, `keys` are its keys.
        folder: new, empty, or this experiment's; without one, a temporary folder, which is deleted
            together with the `Run`.
        model: as for `drift`; in place of the spec's network.
        data: as for `drift`; in place of the spec's images.
        train: as for `drift`.
        keys: the keys of a spec (docs/reference/spec.md), and those of `PlaceOptions`.

    Raises:
        InputError, DeviceError: a key, the network, the images or a device cannot be used, or the
            folder is of another experiment, network or images.
        OutputError: the folder cannot be written, is in use, or holds something else.
        WorkerError: a worker ended again and again; what is finished is safe.
    """
    rest, place = _split(keys)
    if spec is None:
        if model is None or data is None:
            missing = "model" if model is None else "data"
            raise InputError(
                f"analogsim.run must have a spec, or the keys of one, got no {missing}; give "
                "SPEC.toml, or model=..., data=... and the rest"
            )
        call = call_text("run", (), {"model": model, "data": data, "train": train, **keys})
        return _start(call, (model, data, train), folder, place, rest)
    if rest:
        raise InputError(
            f"analogsim.run must have either a spec or the keys of one, got a spec and "
            f"{', '.join(rest)}; write them into the spec"
        )
    found = read_spec(Path(spec)) if isinstance(spec, str | os.PathLike) else spec
    named = {"model": model, "data": data}
    named = {key: value for key, value in named.items() if value is not None}
    if named and isinstance(found, Suite):
        raise InputError(
            f"analogsim.run must take what a spec with [[networks]] names, got "
            f"{' and '.join(named)} too; leave it out"
        )
    given, names = _given(model, data, train, {})
    if not isinstance(found, Suite):
        model_name, data_name = names.get("model", found.model), names.get("data", found.data)
        found = replace(found, model=model_name, data=data_name)
    shown = spec if isinstance(spec, str | os.PathLike) else type(spec).__name__
    return _compute(found, call_text("run", (shown,), named), folder, place, given)


def drift(
    model: object,
    data: object,
    folder: PathText | None = None,
    *,
    preset: str | None = None,
    times: Times = "1s,1h,1d,30d,1y",
    train: object = None,
    **options: Unpack[ChipOptions],
) -> Run:
    """Program several chips with a network, let them drift, and measure the accuracy over time.

    Args:
        model: an `nn.Module` (copied, and not changed), or what the command takes: `zoo:NAME`,
            `FILE.py:FACTORY`, a folder that `convert` wrote.
        data: the test images: `(images, labels)`, arrays or tensors with images (n, ...) as the
            network takes them and labels (n,) or one-hot; a torch Dataset or plain DataLoader of
            such pairs; what `load_data` gives; or text (`digits`, `npz:FILE`, ...).
        folder: new, empty, or this study's, which then goes on or is read; without one, a
            temporary folder, which is deleted together with the `Run`.
        preset: the device; without one `pcm`, or the folder's that `convert` wrote.
        times: since programming: seconds, or text such as `1d`; several in a list or between
            commas.
        train: images for input ranges and BatchNorm's statistics, as `data`; without them the
            training split of named data, and else `data`.
        options: keys of a spec (`chips=10`, `compensation="global"`, `bn="digital"`,
            `measure="top5"`, ...; see `ChipOptions` and docs/reference/spec.md).

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `run`.
    """
    preset = preset or _preset_of(model) or "pcm"
    what = _measured(options)
    question = f"How does the {what} of {name_in_question(model)} change over time on {preset}?"
    keys = {"question": question, "presets": [preset], "times": times, "chips": _chips(options)}
    given = {"preset": preset, "times": times}
    return _study("drift", (model, data, train), folder, keys, given, options)


def compare(
    model: object,
    data: object,
    folder: PathText | None = None,
    *,
    presets: Texts = "pcm,rram,gaussian",
    times: Times = "1s,1d,2d",
    gaussian: str | None = None,
    train: object = None,
    **options: Unpack[ChipOptions],
) -> Run:
    """Measure a network on several devices over the same times, images and chip numbers.

    Args:
        model, data, folder, times, train, options: as for `drift`.
        presets: the devices.
        gaussian: `matched` sets each device beside Gaussian noise of the same weight error.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `run`.
    """
    names = presets if isinstance(presets, str) else ", ".join(presets)
    more = "" if gaussian is None else " that Gaussian noise of the same weight error does not"
    question = f"What does each of {names} do to {name_in_question(model)}{more}?"
    given = {"presets": presets, "times": times, "gaussian": gaussian}
    keys = {"question": question, **given, "chips": _chips(options)}
    return _study("compare", (model, data, train), folder, keys, given, options)


def noise(
    model: object,
    data: object,
    folder: PathText | None = None,
    *,
    scopes: Texts = "all",
    references: Texts = "std,max",
    etas: Share | Sequence[Share] | None = None,
    draws: int = 10,
    first_draw: int = 0,
    **options: Unpack[ImageOptions],
) -> Run:
    """Draw Gaussian noise into a network's tensors, scope by scope, and measure what is left.

    Args:
        model, data, folder: as for `drift`; the network stays digital.
        scopes: which tensors: `all`, or of `weights`, `biases`, `affine`, `mean`, `variance`,
            `variance-clamped`, `folded-weights`, `folded`.
        references: sigma is eta times this (`std`, `max`) of a tensor.
        etas: levels of noise, as fractions or text such as `5%`; without them the usual ones.
        draws: how often noise is drawn at each level.
        first_draw: number of the first draw, for a part of a study that `merge` joins.
        options: keys of a spec; see `ImageOptions`.

    Raises:
        InputError, OutputError, WorkerError: as `run`.
    """
    question = f"Which noise costs {name_in_question(model)} its {_measured(options)}?"
    given = {"scopes": scopes, "references": references, "etas": etas, "draws": draws}
    given["first_draw"] = first_draw or None
    keys = {"kind": "noise", "question": question, **given}
    keys["scopes"] = None if scopes == "all" else scopes
    return _study("noise", (model, data, None), folder, keys, given, options)


def attribute(
    model: object,
    data: object,
    folder: PathText | None = None,
    *,
    preset: str | None = None,
    times: Times = "1d",
    only: str | None = None,
    layers: Texts = (),
    recover: Share | None = None,
    top: int | None = None,
    screen: int | None = None,
    train: object = None,
    **options: Unpack[ChipOptions],
) -> Run:
    """Switch sources of error and layers on one at a time, and off one at a time.

    Args:
        model, data, folder, preset, times, train, options: as for `drift`; one treatment of
            BatchNorm, one compensation, and chips in place of a precision.
        only: `sources` or `layers`; both without it.
        layers: patterns of the layers to look at; all analog ones without any.
        recover: suggest the fewest layers to keep digital that recover this part of the loss;
            half of it without `recover` and `top`.
        top: in place of `recover`: suggest so many of the costliest layers.
        screen: look at all layers with so many images first.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `run`.
    """
    preset = preset or _preset_of(model) or "pcm"
    what = _measured(options)
    question = f"Which source and which layer costs {name_in_question(model)} {what} on {preset}?"
    asked = {"only": only, "layers": layers or None, "recover": recover, "top": top}
    asked["screen"] = screen
    keys: dict[str, Any] = {"kind": "attribution", "question": question, **asked}
    keys |= {"presets": [preset], "times": times, "chips": _chips(options)}
    given = {"preset": preset, "times": times, **asked}
    return _study("attribute", (model, data, train), folder, keys, given, options)


def _study(
    name: str,
    what: tuple[object, object, object],
    folder: PathText | None,
    keys: Mapping[str, Any],
    given: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Run:
    """Run what the function `name` was asked; `given` are its own arguments, for the record."""
    model, data, train = what
    rest, place = _split(options)
    call = call_text(name, (model, data), {**given, "train": train, **options})
    return _start(call, what, folder, place, {**keys, **rest})


def _start(
    call: str,
    what: tuple[object, object, object],
    folder: PathText | None,
    place: Mapping[str, Any],
    keys: Mapping[str, Any],
) -> Run:
    """Run what keys ask; `what` is model, data and train."""
    name = call.partition("(")[0]
    document, given = _document(what, keys, name)
    spec = spec_of_content(document, name)
    return _compute(spec, call, folder, place, given)


def _compute(
    spec: AnySpec, call: str, folder: PathText | None, place: Mapping[str, Any], given: Given
) -> Run:
    check_names(spec)
    return _in_folder(lambda where: run_spec(spec, where, given), call, folder, place)


def _document(
    what: tuple[object, object, object], keys: Mapping[str, Any], where: str
) -> tuple[dict[str, Any], Given]:
    """A spec's document, and what is in memory of what it names."""
    given, names = _given(*what, keys)
    if given.periphery is not None:
        keys = {**keys, "periphery": given.periphery.name}
    if given.measure is not None:
        keys = {**keys, "measure": name_in_spec(given.measure)}
    return as_document({**keys, **names}, where), given


def _given(
    model: object, data: object, train: object, keys: Mapping[str, Any]
) -> tuple[Given, dict[str, str]]:
    """What is in memory, and the names of model and data for the spec."""
    names: dict[str, str] = {}
    network = None
    if isinstance(model, str | os.PathLike):
        names["model"] = os.fspath(model)
    elif model is not None:
        network = network_in_memory(model)
        names["model"] = network.spec
    options = DataOptions(data=None, mean=_numbers(keys.get("mean")), std=_numbers(keys.get("std")))
    images = None
    if isinstance(data, str | os.PathLike):
        names["data"] = os.fspath(data)
    elif data is not None:
        images = data_in_memory(data, options.normalise)
        names["data"] = images.name
    others: Data | None = None
    if isinstance(train, str | os.PathLike):
        others = load_data(os.fspath(train), split="train", normalise=options.normalise)
    elif train is not None:
        others = data_in_memory(train, options.normalise)
    periphery, measure = keys.get("periphery"), keys.get("measure")
    return Given(
        model=network,
        data=images,
        train=others,
        periphery=periphery if isinstance(periphery, Periphery) else None,
        measure=measure if isinstance(measure, Measure) else None,
    ), names


def _numbers(value: float | Sequence[float] | None) -> tuple[float, ...] | None:
    if value is None:
        return None
    return (float(value),) if isinstance(value, int | float) else tuple(map(float, value))


def _split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keys of a spec, and those of a place."""
    place = {key: options[key] for key in PLACE if key in options}
    return {key: value for key, value in options.items() if key not in place}, place


def _in_folder(
    work: Callable[[Where], Run], call: str, folder: PathText | None, place: Mapping[str, Any]
) -> Run:
    """What `work` gives, in the folder or in one that is deleted with it."""
    others = {key: value for key, value in place.items() if key != "progress"}
    watch = watching(place.get("progress"))

    def at(output: Path) -> Run:
        return work(Where(output=output, command=call, watch=watch, warn=_warn, **others))

    if folder is not None:
        return at(Path(folder))
    output = Path(mkdtemp(prefix="analogsim-"))
    try:
        return at(output).deleted_at_end()
    except BaseException:
        rmtree(output, ignore_errors=True)
        raise


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=2)


def _chips(options: Mapping[str, Any]) -> int | None:
    """The default of `chips`; none beside a precision."""
    return None if options.get("precision") is not None else DEFAULT_CHIPS


def _measured(options: Mapping[str, Any]) -> str:
    """What a question calls the measure."""
    given = options.get("measure", TOP1)
    return given.name if isinstance(given, Measure) else measure_in_words(str(given))


def _preset_of(model: object) -> str | None:
    return preset_of_model(os.fspath(model)) if isinstance(model, str | os.PathLike) else None
