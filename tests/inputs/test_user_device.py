"""Devices from a user's own file, and every wrong use of that."""

import hashlib
import re
from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.inputs.user_device import load_device
from device_models.errors import DeviceError
from device_models.pcm import Pcm
from device_models.registry import parse, spec_of
from tests.inputs.devices import CELL


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    path = tmp_path / "cell.py"
    path.write_text(CELL)
    return path


def test_an_object_a_class_and_a_factory_give_a_device(cell: Path) -> None:
    assert spec_of(load_device(f"{cell}:Cell")) == "my-cell"
    assert spec_of(load_device(f"{cell}:wide")) == "my-cell?sigma=0.2"
    assert spec_of(load_device(f"{cell}:made")) == "my-cell?sigma=0.3"
    other = load_device(f"{cell}:wide?noise_scale=0.5")
    assert spec_of(other) == "my-cell?noise_scale=0.5&sigma=0.2"
    # The file ran once: devices of one command are of one class, and comparable.
    assert load_device(f"{cell}:wide") == load_device(f"{cell}:wide?noise_scale=1")
    assert parse(spec_of(other), {"my-cell": type(other)}) == other


def test_the_class_knows_its_files_and_notices_a_change(cell: Path) -> None:
    (cell.parent / "numbers_beside.py").write_text("SIGMA = 0.4\n")
    cell.write_text("import json\nfrom numbers_beside import SIGMA\n" + CELL)

    def digests() -> dict[str, str]:
        names = ("cell.py", "numbers_beside.py")
        return {n: hashlib.sha256((cell.parent / n).read_bytes()).hexdigest() for n in names}

    first = load_device(f"{cell}:Cell")
    assert first.source_files == digests()
    (cell.parent / "numbers_beside.py").write_text("SIGMA = 0.5  # and some more\n")
    second = load_device(f"{cell}:Cell")
    assert second.source_files == digests() != first.source_files
    assert Pcm.source_files == {}


def test_a_built_in_device_with_other_numbers_is_itself(cell: Path) -> None:
    device = load_device(f"{cell}:slow")
    assert spec_of(device) == "pcm?drift_scale=0.5"
    assert device.source_files == {}


@pytest.mark.parametrize(
    ("thing", "text", "message"),
    [
        ("Cell", None, r"preset file must exist, got '.*cell\.py'; check the path"),
        ("cel", CELL, r"must define a callable 'cel', got no such name; it defines .*Cell"),
        ("number", CELL, r"must define a callable 'number', got int; "),
        ("text", CELL, r"cell\.py:text must be a device_models\.Device, .* got str; derive"),
        ("Cell", "import no_such_module_3\n", r"got ModuleNotFoundError: .*no_such_module_3.* at "),
        ("Cell", "x = (\n", r"got SyntaxError: .* at line 1; mend the file"),
        ("fails", CELL, r"must run without an error, got ZeroDivisionError: .* at line \d+"),
        ("Named", CELL, r"name must be letters, .* got 'my cell'; change"),
        ("Clash", CELL, r"name must be its own, got 'pcm', which analogsim uses itself"),
        ("Control", CELL, r"name must be its own, got 'gaussian-matched', which analogsim"),
        ("Bare", CELL, r"must say what it is in `info`, a DeviceInfo, got NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_wrong_uses_are_one_sentence(
    tmp_path: Path, thing: str, text: str | None, message: str
) -> None:
    path = tmp_path / "cell.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_device(f"{path}:{thing}")
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_missing_or_an_option_that_is_wrong(cell: Path) -> None:
    with pytest.raises(InputError, match=r"cell\.py' must name a callable of the file, got none"):
        load_device(str(cell))
    with pytest.raises(DeviceError, match=r"'my-cell' option must be one of .*, got 'sgma'"):
        load_device(f"{cell}:Cell?sgma=1")
    with pytest.raises(DeviceError, match=r"'my-cell' noise_scale must be .*, got -1"):
        load_device(f"{cell}:Cell?noise_scale=-1")
