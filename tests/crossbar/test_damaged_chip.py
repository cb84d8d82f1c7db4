"""A chip's folder that was damaged is refused in words, or it is the chip that was saved."""

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import analogsim
from analogsim.crossbar.folder.chip_settings import read_settings
from tests.crossbar.nets import small_inputs, small_net
from tests.damage import Damage, damages, edited, outcome

NAMES = ("chip.json", "chip.safetensors", "example.safetensors", "model.safetensors")


@functools.lru_cache(maxsize=1)
def saved() -> tuple[dict[str, bytes], Tensor, str]:
    """The files of a chip, its outputs and its settings."""
    with tempfile.TemporaryDirectory() as folder:
        analog = analogsim.convert(small_net(), "pcm", calibrate=small_inputs())
        chip = analogsim.program(analog, seed=1, chip=2).drift_(86400.0)
        analogsim.save(chip, Path(folder) / "chip")
        files = {name: (Path(folder) / "chip" / name).read_bytes() for name in NAMES}
        return files, outputs(chip), repr(read_settings(Path(folder) / "chip"))


def outputs(chip: Any) -> Tensor:
    with torch.inference_mode():
        torch.manual_seed(0)
        result: Tensor = chip(small_inputs())
    return result


def written(folder: Path, files: dict[str, bytes | None]) -> None:
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)


@settings(max_examples=30)
@given(damages(NAMES))
def test_damage_is_refused_or_does_no_harm(drawn: tuple[str, Damage]) -> None:
    files, expected, said = saved()
    _, damage = drawn
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, {**files, **damage(files)})
        chip = outcome(lambda: analogsim.load(folder, model=small_net()))
        if isinstance(chip, str):
            assert name in chip
            return
        assert repr(read_settings(folder)) == said
        assert torch.equal(outputs(chip), expected)


@settings(max_examples=50)
@given(st.data())
def test_an_edited_file_is_taken_or_refused_in_words(data: st.DataObject) -> None:
    """Whoever edits on purpose takes the seal out; that must never be a traceback."""
    files, _, _ = saved()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, {**files, "chip.json": edited(files["chip.json"], data.draw)})
        chip = outcome(lambda: analogsim.load(folder, model=small_net()))
        assert chip if isinstance(chip, str) else outputs(chip).shape == (len(small_inputs()), 10)


def test_a_folder_from_before_the_seal_is_read() -> None:
    files, expected, _ = saved()
    content = json.loads(files["chip.json"])
    del content["crc32"]
    with tempfile.TemporaryDirectory() as name:
        written(Path(name), {**files, "chip.json": json.dumps(content).encode()})
        assert torch.equal(outputs(analogsim.load(name, model=small_net())), expected)
