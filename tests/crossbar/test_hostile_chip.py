"""A chip's folder with tensors and settings that no chip has is refused in one sentence.

The digests and the seal are right, as whoever writes such a folder makes them.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

import analogsim
from analogsim.errors import InputError
from tests.crossbar.nets import small_inputs, small_net
from tests.crossbar.test_damaged_chip import outputs, saved, written

CHIP, MODEL = "chip.safetensors", "model.safetensors"
Edit = Callable[[dict[str, Tensor]], None]


def tampered(
    folder: Path,
    *,
    name: str = CHIP,
    edit: Edit | None = None,
    settings: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """A saved chip with one file or its settings changed, and the digests put right."""
    files, _, _ = saved()
    written(folder, files)  # type: ignore[arg-type]
    content = json.loads(files["chip.json"])
    del content["crc32"]
    if edit is not None:
        tensors = load(files[name])
        edit(tensors)
        changed = save(tensors)
        (folder / name).write_bytes(changed)
        content["sha256"][name] = hashlib.sha256(changed).hexdigest()
    if settings is not None:
        settings(content)
    (folder / "chip.json").write_text(json.dumps(content))
    return folder


def put(key: str, value: float, at: int = 0) -> Edit:
    def edit(tensors: dict[str, Tensor]) -> None:
        tensors[key].reshape(-1)[at] = value

    return edit


def replace(key: str, make: Callable[[Tensor], Tensor]) -> Edit:
    def edit(tensors: dict[str, Tensor]) -> None:
        tensors[key] = make(tensors[key]).contiguous()

    return edit


def without(key: str) -> Edit:
    def edit(tensors: dict[str, Tensor]) -> None:
        del tensors[key]

    return edit


def test_the_folder_itself_is_read(tmp_path: Path) -> None:
    """Negative control: what is put right is taken."""
    _, expected, _ = saved()
    chip = analogsim.load(tampered(tmp_path, edit=lambda _: None), model=small_net())
    assert torch.equal(outputs(chip), expected)


TENSORS = (
    "0/std_and_max", "3/bias", "0/0.target", "0/0.scale", "0/0.input_range", "0/0.programmed",
    "0/0.weights", "0/0.alpha", "0/0.drift.0", "8/1.drift.1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [*((key, math.nan) for key in TENSORS), ("3/bias", math.inf), ("0/0.weights", -math.inf)],
)
def test_values_are_finite(tmp_path: Path, key: str, value: float) -> None:
    message = (
        rf"tensor {key} values must be finite, got NaN or infinity in 1 of \d+; convert again$"
    )
    with pytest.raises(InputError, match=message):
        analogsim.load(tampered(tmp_path, edit=put(key, value)), model=small_net())


@pytest.mark.parametrize(
    "key", [k for k in TENSORS if k.endswith(("max", "scale", "range", "alpha"))]
)
def test_factors_and_sizes_have_no_sign(tmp_path: Path, key: str) -> None:
    message = rf"tensor {key} values must be at least .*, got -0\.5; convert again$"
    with pytest.raises(InputError, match=message):
        analogsim.load(tampered(tmp_path, edit=put(key, -0.5)), model=small_net())


OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "a side more": lambda t: t[None],
    "type": lambda t: t.double() if t.dtype != torch.float64 else t.float(),
    "longer": lambda t: torch.cat([t.reshape(-1), t.reshape(-1)[:1]]),
    "empty": lambda t: t.reshape(-1)[:0],
    "integers": lambda t: t.to(torch.int64),
    "float8": lambda t: t.to(torch.float8_e4m3fn),
    "complex": lambda t: t.to(torch.complex64),
}


@pytest.mark.parametrize(
    ("key", "other"),
    [
        *((key, other) for key in TENSORS for other in ("a side more", "type")),
        *(("0/0.weights", other) for other in list(OTHERS)[2:]),
    ],
)
def test_shapes_and_types_are_those_of_the_network(tmp_path: Path, key: str, other: str) -> None:
    message = rf"tensor {key} must be torch\.\w+ of shape .*, got .*; the files do not belong tog"
    with pytest.raises(InputError, match=message):
        analogsim.load(tampered(tmp_path, edit=replace(key, OTHERS[other])), model=small_net())


@pytest.mark.parametrize("key", [*TENSORS, "0/0.drift"])
def test_none_is_missing(tmp_path: Path, key: str) -> None:
    with pytest.raises(InputError, match=rf"tensor {key} is missing; convert again$"):
        analogsim.load(tampered(tmp_path, edit=without(key)), model=small_net())


@pytest.mark.parametrize(
    "present",
    [
        torch.tensor(1, dtype=torch.uint8),
        torch.ones(1, dtype=torch.uint8),
        torch.ones(3, dtype=torch.uint8),
        torch.ones(2, 2, dtype=torch.uint8),
        torch.ones(1 << 20, dtype=torch.uint8),
    ],
    ids=["number", "one", "three", "square", "million"],
)
def test_a_law_remembers_two_exponents(tmp_path: Path, present: Tensor) -> None:
    message = r"tensor 0/0\.drift must be 2 numbers, got the shape \(.*\); the files do not bel"
    with pytest.raises(InputError, match=message):
        analogsim.load(
            tampered(tmp_path, edit=replace("0/0.drift", lambda _: present)), model=small_net()
        )


def test_both_exponents_are_needed(tmp_path: Path) -> None:
    """None of a pair was an assertion's traceback at the first drift."""

    def edit(tensors: dict[str, Tensor]) -> None:
        tensors["0/0.drift"][1] = 0
        del tensors["0/0.drift.1"]

    with pytest.raises(InputError, match=r"tensor 0/0\.drift\.1 is missing; convert again"):
        analogsim.load(tampered(tmp_path, edit=edit), model=small_net())


@pytest.mark.parametrize("kind", ["rram", "reram_es", "pcm"])
def test_chips_of_every_kind_are_read(tmp_path: Path, kind: str) -> None:
    presets = {"rram": "rram", "reram_es": "rram", "pcm": "pcm"}
    analog = analogsim.convert(small_net(), presets[kind], calibrate=small_inputs(), bn="fold")
    chip = analogsim.program(analog, seed=1)
    analogsim.save(chip, tmp_path / "chip")
    assert torch.equal(outputs(analogsim.load(tmp_path / "chip", model=small_net())), outputs(chip))


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("0.weight", math.nan, "finite, got NaN or infinity in 1 of 432"),
        ("3.bias", math.inf, "finite, got NaN or infinity in 1 of 32"),
        ("1.running_mean", math.nan, "finite, got NaN or infinity in 1 of 16"),
        ("1.running_var", math.nan, "finite, got NaN or infinity in 1 of 16"),
        ("1.running_var", -1.0, "at least 0, got -1"),
    ],
)
def test_the_digital_network_is_a_trained_one(
    tmp_path: Path, key: str, value: float, rule: str
) -> None:
    message = rf"tensor {key} of model\.safetensors values must be {rule}; convert again"
    with pytest.raises(InputError, match=message):
        analogsim.load(tampered(tmp_path, name=MODEL, edit=put(key, value)), model=small_net())


SETTINGS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "seed": (lambda c: c.update(seed=-1), "seed must be at least 0, got -1"),
    "chip": (lambda c: c.update(chip=-2), "chip must be at least 0, got -2"),
    "time": (lambda c: c.update(t_s=-1.0), "t_s must be at least 0, got -1.0"),
    "no sides": (lambda c: c["model"].update(input_shape=[]), r"input_shape must be 1 to 8 sides"),
    "sides": (lambda c: c["model"].update(input_shape=[1] * 9), "input_shape must be 1 to 8 sides"),
    "side": (lambda c: c["model"].update(input_shape=[3, -1]), "input_shape must be 1 to 8 sides"),
    "classes": (lambda c: c["model"].update(n_classes=0), "n_classes must be at least 1, got 0"),
    "shape": (
        lambda c: c["layers"][0].update(shape=[-1]),
        r"layers\[0\] shape must be sides of at",
    ),
    "tiles": (
        lambda c: c["layers"][1].update(tiles=-1),
        r"layers\[1\] tiles must be at least 0, go",
    ),
    "error": (
        lambda c: c["layers"][0].update(programming_error=-0.1),
        r"layers\[0\] programming_error must be at least 0, got -0\.1",
    ),
    "many layers": (
        lambda c: c.update(layers=[{**c["layers"][0], "tiles": -1}] * 1000),
        r"layers\[19\] tiles must be at least 0, got -1; and 980 more; convert again",
    ),
    "tiles of a cell": (
        lambda c: c["periphery"].update(max_input_size=1, max_output_size=1),
        r"the periphery must cut the network into the \d+ tiles that chip\.safetensors holds, got ",
    ),
    "converter": (
        lambda c: c["periphery"].update(adc_bits=1 << 70),
        "adc_bits must be 0 or 2 to 16",
    ),
    "bound": (lambda c: c["periphery"].update(output_bound=-1.0), "output_bound must be above 0"),
    "digest": (lambda c: c["sha256"].update({CHIP: "0"}), "got another digest"),
    "no digest": (lambda c: c["sha256"].clear(), "got another digest"),
    "pairs": (lambda c: c.update(folded=[["0"] * 1000]), "pairs of names, got .*'0', '0'.*"),
    "folded nothing": (
        lambda c: c.update(folded=[["0", "nothing"]]),
        "must have the layers nothing",
    ),
    "a layer that is no product": (
        lambda c: c["layers"][0].update(name="1"),
        "the network given must have the layers 0, 1; give",
    ),
    "a layer of two lines": (
        lambda c: c["layers"][0].update(name="0\n\x1b[2J"),
        r"must have the layers 0, '0\\n\\x1b\[2J'; give",
    ),
    "deep": (lambda c: c.update(notes=[[[[["x"]]]]]), "notes.0. must be text, got "),
    "a device's file": (lambda c: c.update(preset="/etc/passwd.py:x"), "preset"),
    "rule": (lambda c: c.update(recalibration={"method": "average", "images": 1}), "recalibration"),
}


@pytest.mark.parametrize(("edit", "message"), SETTINGS.values(), ids=SETTINGS)
def test_settings_that_no_chip_has_are_refused(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], message: str
) -> None:
    with pytest.raises(analogsim.AnalogsimError, match=message) as caught:
        analogsim.load(tampered(tmp_path, settings=edit), model=small_net())
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("name", ["chip.json", CHIP, MODEL, "example.safetensors"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    folder = tampered(tmp_path)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(InputError, match=rf"{name} must be a file, got a pipe, device or folder"):
        analogsim.load(folder, model=small_net())


def test_an_example_of_other_answers_is_refused(tmp_path: Path) -> None:
    def edit(tensors: dict[str, Tensor]) -> None:
        tensors["1"].fill_(math.nan)

    with pytest.raises(InputError, match="the network given must compute what the converted one d"):
        analogsim.load(tampered(tmp_path, name="example.safetensors", edit=edit), model=small_net())
