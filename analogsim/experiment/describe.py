"""The header of a study: what `run.json` says of network, data, devices and settings."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import torch
from torch import nn

from analogsim._version import __version__
from analogsim.call import Inputs
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.chip.workload import IMAGES, workload_of
from analogsim.crossbar.conversion.overview import arrays_of, overview
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.effect_words import effect_notes, effects_entry
from analogsim.experiment.axes import axes_of, point_text
from analogsim.experiment.digest import DEVICE_FILES, INPUTS, POINTS, WITHIN, digest_of
from analogsim.experiment.header import (
    ADDED,
    ArraysEntry,
    CoverageEntry,
    CrossbarEntry,
    DeviceEntry,
    Digital,
    Layer,
    RunHeader,
)
from analogsim.experiment.score import Score, digital_score
from analogsim.experiment.setting import unswept
from analogsim.experiment.study import AnyStudy, Study, design_as_dict
from analogsim.experiment.workload import WorkloadEntry
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.inputs.fingerprint import image_fingerprint, tensor_digest
from analogsim.inputs.labels import class_number
from analogsim.inputs.names import TOP1
from analogsim.quantity import Quantity
from device_models.constants import cited
from device_models.contract import Device
from device_models.registry import DEVICES, spec_of

# How many images stand for a data set in `data_digest`.
_SAMPLE = 16


def installed_versions() -> dict[str, str]:
    """Versions that decide a result. With numba, output noise is drawn from another stream."""
    return dict(_versions())


@functools.cache
def _versions() -> dict[str, str]:
    versions = {
        "analogsim": __version__,
        "aihwkit": version("aihwkit"),
        "torch": version("torch"),
    }
    with suppress(PackageNotFoundError):
        versions["numba"] = version("numba")
    return versions


def run_spec(study: Study, analogs: Mapping[str, AnalogModel], data: Data) -> dict[str, Any]:
    """Everything that decides the records, as JSON."""
    analog = next(iter(analogs.values()))
    rule = recalibration_entry(analogs)
    files = {spec_of(one): dict(one.source_files) for one in study.devices if one.source_files}
    return {
        "model": study.model,
        "weights_sha256": weights_digest(analog.source),
        "data": study.data,
        "images": len(data.dataset),  # type: ignore[arg-type]  # load_data gives sized sets only
        "images_sha256": data_digest(data),
        INPUTS: inputs_entry(data, {**study.inputs, **study.measure.fingerprints()}),
        "normalisation": study.normalisation,
        "batch_size": study.batch_size,
        "seed": study.seed,
        "tile": analog.tile,
        "forward": analog.forward,
        "keep_digital": list(analog.keep_digital),
        "periphery": _unswept(analog.periphery.as_dict(), study),
        "device": study.device,
        "presets": list(study.presets),
        "times_s": list(study.times_s),
        "compensations": list(study.compensations),
        "bn": list(analogs),
        "design": design_as_dict(study.design),
        "yield_above": list(study.yield_above),
        # Left out where nothing is recalibrated, draws are aihwkit's, grouped layers stay digital,
        # nothing is rewritten, cells suffer no effects, or accuracy is measured: digests of such
        # runs stay as they were.
        **({} if rule is None else {"recalibration": rule}),
        **({} if analog.stream == "aihwkit" else {"stream": analog.stream}),
        **({} if analog.grouped == "digital" else {"grouped": analog.grouped}),
        **({"rewrites": list(analog.rewrites)} if analog.rewrites else {}),
        **effects_entry(unswept(analog.effects, axes_of(study.points))),
        **({} if study.measure.spec == TOP1 else {Quantity.KEY: study.measure.entry()}),
        **({DEVICE_FILES: files} if files else {}),
        **({POINTS: list(map(dict, study.points)), WITHIN: study.within} if study.points else {}),
    }


def _unswept(periphery: dict[str, Any], study: Study) -> dict[str, Any]:
    """Without the fields that a sweep sets: whatever they were is in no trial."""
    swept = {axis.removeprefix("periphery.") for axis in axes_of(study.points)}
    return {field: value for field, value in periphery.items() if field not in swept}


def inputs_entry(data: Data, others: Mapping[str, str]) -> dict[str, str]:
    """Fingerprints of all that a run is of; `others` are what is known of more than its images."""
    return {"images": image_fingerprint(data), **others}


def recalibration_entry(analogs: Mapping[str, AnalogModel]) -> dict[str, Any] | None:
    """How the chips of a run estimate BatchNorm statistics; None if none does."""
    for analog in analogs.values():
        images = analog.recalibration_images
        if analog.recalibration is not None and images is not None:
            return {
                "method": analog.recalibration.method,
                "images": Inputs.of(images).n,
                "batch_size": analog.recalibration.batch_size,
                "images_sha256": tensor_digest(*Inputs.of(images).tensors()),
            }
    return None


def header_of(study: AnyStudy, digital: Score, spec: dict[str, Any], notes: list[str]) -> RunHeader:
    """The header of a new run of any kind, without a crossbar."""
    return RunHeader(
        question=study.question,
        command=study.command,
        model=study.model,
        data=study.data,
        normalisation=study.normalisation,
        digital=Digital(
            accuracy=digital.accuracy,
            n_correct=digital.n_correct,
            n_images=digital.n_images,
            n_nan=digital.n_nan,
        ),
        spec=spec,
        spec_digest=digest_of(spec),
        versions=installed_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        layers=[],
        notes=notes,
        devices=[],
        periphery={"not_modelled": []},
        digital_correct=digital.correct,
    )


def make_header(
    study: Study,
    analogs: Mapping[str, AnalogModel],
    spec: dict[str, Any],
    data: Data,
) -> RunHeader:
    """The header of a new run. Measures the digital network, and programs one chip.

    Its errors stand in the table of layers.

    Its first images of `data` measure what the layers on tiles work.

    In a sweep the networks are those of its first point, with their device.
    """
    analog = next(iter(analogs.values()))
    read = batches(data, study.batch_size)
    digital = digital_score(analog.source, read, measure=study.measure)
    # At a point of a sweep it has its own options.
    first = analog if study.points else dataclasses.replace(analog, device=study.devices[0])
    chip = program(first, seed=study.seed, chip=0, recalibrate=False)
    of_networks = dict.fromkeys(note for one in analogs.values() for note in one.notes)
    images, _ = next(batches(data, IMAGES, IMAGES))
    # One that is not the first may hold no pairs of cells.
    on_devices = (effect_notes(analog.effects, device) for device in study.devices)
    of_networks |= dict.fromkeys(note for found in on_devices for note in found)
    notes = [
        *study.notes,
        *digital.notes,
        *of_networks,
        f"Products: {analog.forward} ({analog.forward_reason}).",
    ]
    notes += [
        f"Device {spec_of(device)}: {name} (sha256 {digest[:16]})."
        for device in study.devices
        for name, digest in device.source_files.items()
    ]
    if analog.stream != "aihwkit":
        notes.append(
            "Draws of programming and drift: the reproducible stream (Philox), with the law of "
            "aihwkit's model and other numbers than its own."
        )
    if len(study.devices) > 1:
        notes.append(f"Programming errors of the layers are those of {study.devices[0].info.name}.")
    if len(analogs) > 1:
        notes.append(f"The table of layers is that of BN {analog.bn}.")
    if study.points:
        at = point_text(study.points[0])
        notes.append(f"Layers, their weights and the periphery are shown at {at}.")
    if analog.tile == "cpp" and not analog.periphery.perfect:
        notes.append(
            "aihwkit's C++ tile seeds the noise of its products from the clock: accuracies "
            "repeat only within their interval."
        )
    notes += [f"{ADDED}{text}." for text in analog.periphery.added(analog.tile, study.devices)]
    return dataclasses.replace(
        header_of(study, digital, spec, notes),
        layers=[layer_entry(line) for line in chip.report],
        devices=[device_entry(device) for device in study.devices],
        periphery={
            **analog.periphery.as_dict(),
            "not_modelled": list(analog.periphery.not_modelled(analog.tile)),
        },
        coverage=coverage_entry(analog),
        crossbar=crossbar_entry(first),
        workload=cast(WorkloadEntry, workload_of(chip, images)),
    )


def coverage_entry(analog: AnalogModel) -> CoverageEntry | None:
    """Who computes the multiply-adds, as JSON; None where no pass was counted."""
    return None if analog.coverage is None else cast(CoverageEntry, analog.coverage.as_dict())


def crossbar_entry(analog: AnalogModel) -> CrossbarEntry:
    """What the network lies on, as JSON."""
    return CrossbarEntry(
        lines=[list(line) for line in overview(analog)],
        arrays=[cast(ArraysEntry, dataclasses.asdict(one)) for one in arrays_of(analog)],
    )


def layer_entry(line: Any) -> Layer:
    """A line of the conversion's table as JSON."""
    fields: Layer = {**dataclasses.asdict(line), "shape": list(line.shape)}  # type: ignore[typeddict-item]
    return fields


def device_entry(device: Device) -> DeviceEntry:
    """What the report says of a device."""
    info = device.info
    entry = DeviceEntry(
        preset=spec_of(device),
        title=info.title,
        law=info.law,
        citation=cited(device),
        valid_times=info.valid_times,
    )
    if info.bibtex and DEVICES.get(info.name) is not type(device):
        entry["bibtex"] = info.bibtex
    return entry


def weights_digest(module: nn.Module) -> str:
    """sha256 over names, shapes and values of a network's state."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(f"{name}:{tuple(value.shape)}:{value.dtype};".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def data_digest(data: Data) -> str:
    """sha256 over the number of images and a few of them.

    It is all that there is of the images of folders from before there were fingerprints.
    """
    total = len(data.dataset)  # type: ignore[arg-type]  # load_data gives sized sets only
    digest = hashlib.sha256(f"{total};".encode())
    for place in range(min(total, _SAMPLE)):
        image, label = data.dataset[place * total // min(total, _SAMPLE)]
        digest.update(f"{class_number(label)};{tuple(image.shape)};".encode())
        # numpy has no bfloat16.
        plain = image.float() if image.dtype == torch.bfloat16 else image
        digest.update(plain.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
