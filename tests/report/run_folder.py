"""Synthetic run folders, written with the library's own writer."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from analogsim.experiment.digest import digest_of
from analogsim.experiment.header import write_header
from analogsim.experiment.records import RecordWriter, RunHeader, Trial

VERSIONS = {"analogsim": "0.1", "aihwkit": "1.1.0", "torch": "2.12.0"}
N_IMAGES = 360
HOUR, DAY, YEAR = 3600.0, 86400.0, 365 * 86400.0
SPEC: dict[str, Any] = {"presets": ["pcm"], "times_s": [1.0, YEAR], "chips": 5, "seed": 0}
DIGEST = digest_of(SPEC)


COVERAGE = {
    "share": 0.75,
    "analog_macs": 300,
    "digital": [{"name": "<b>", "macs": 100, "dynamic": False, "why": "depthwise"}],
    "uncounted": [],
    "text": "75.0 % of the multiply-adds on tiles; digital: 25.0 % <b> (depthwise: a tile for "
    "each channel would use a small part of it)",
}


def make_trial(**changes: Any) -> Trial:
    fields: dict[str, Any] = {
        "preset": "pcm",
        "t_s": 1.0,
        "chip": 0,
        "bn": "digital",
        "compensation": "global",
        "n_images": N_IMAGES,
        "n_correct": 342,
        "n_nan": 0,
        "seed": 0,
        "periphery": "standard",
        "tile": "torch",
        "forward": "native",
        "spec_digest": DIGEST,
        "wall_s": 0.5,
        "device": "cpu",
        "versions": VERSIONS,
    }
    fields |= changes
    if "accuracy" not in fields:
        fields["accuracy"] = fields["n_correct"] / fields["n_images"]
    return Trial(**fields)


def make_header(**changes: Any) -> RunHeader:
    fields: dict[str, Any] = {
        "question": "How long does digits_cnn keep its accuracy on PCM?",
        "command": "analogsim drift zoo:digits_cnn --preset pcm --chips 5 -o out/d1",
        "model": "zoo:digits_cnn",
        "data": "digits",
        "normalisation": "mean 0.306, std 0.377",
        "digital": {"accuracy": 351 / 360, "n_correct": 351, "n_images": 360, "n_nan": 0},
        "spec": SPEC,
        "versions": VERSIONS,
        "created": "2026-01-02T03:04:05+00:00",
        "layers": [
            {
                "name": "conv1",
                "kind": "Conv2d",
                "shape": [16, 1, 3, 3],
                "tiles": 1,
                "where": "analog",
                "why": "a convolution",
                "programming_error": 0.0612,
            },
            {
                "name": "bn1",
                "kind": "BatchNorm2d",
                "shape": [],
                "tiles": 0,
                "where": "digital",
                "why": "normalisation has no matrix product",
                "programming_error": None,
            },
        ],
        "notes": ["Input ranges were calibrated on 256 training images."],
        "devices": [
            {
                "preset": "pcm",
                "title": "Phase-change memory, 25 uS",
                "law": "g(t) = g_prog ((t + t_0) / t_0)^-nu",
                "citation": "Nandakumar et al., ICECS 2019",
                "valid_times": "0 s and later",
            }
        ],
        "periphery": {
            "name": "standard",
            "dac_bits": 8,
            "out_noise": 0.04,
            "max_input_size": 512,
            "max_output_size": 0,
            "not_modelled": ["IR drop", "read noise per product"],
        },
    }
    fields |= changes
    fields.setdefault("spec_digest", digest_of(fields["spec"]))
    return RunHeader(**fields)


def write_run(folder: Path, trials: list[Trial], **header: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = make_header(**header)
    write_header(folder, made)
    with RecordWriter(folder) as writer:
        for trial in trials:
            is_usual = trial.spec_digest == DIGEST
            writer.write(replace(trial, spec_digest=made.spec_digest) if is_usual else trial)
    return folder


def drifting(
    presets: tuple[str, ...] = ("pcm",),
    compensations: tuple[str, ...] = ("none", "global"),
    bns: tuple[str, ...] = ("digital",),
    times: tuple[float, ...] = (1.0, HOUR, DAY, 30 * DAY, YEAR),
    chips: int = 5,
) -> list[Trial]:
    """Trials with a plausible loss: more without compensation, more with time."""
    draw = random.Random(7)
    trials = []
    for p, preset in enumerate(presets):
        for bn in bns:
            for compensation in compensations:
                for step, t_s in enumerate(times):
                    rate = 40 if compensation == "none" else 4
                    for chip in range(chips):
                        lost = 5 + 8 * p + rate * step + draw.gauss(0, 3 + step)
                        right = max(36, min(N_IMAGES, round(351 - lost)))
                        trials.append(
                            make_trial(
                                preset=preset,
                                bn=bn,
                                compensation=compensation,
                                t_s=t_s,
                                chip=chip,
                                n_correct=right,
                            )
                        )
    return trials
