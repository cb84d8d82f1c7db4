"""Presets as TOML files."""

from pathlib import Path

import pytest

from analogsim.errors import DeviceError, InputError
from analogsim.spec.device import beside, device_of, seen_from
from analogsim.spec.device_toml import is_device_toml, plain_preset
from device_models import Pcm
from tests.inputs.devices import CELL


def written(folder: Path, text: str) -> str:
    path = folder / "my_pcm.toml"
    path.write_text(text)
    return str(path)


def test_what_is_one() -> None:
    names = ["a.toml", "d/a.toml?x=1", "pcm", "a.py:b", "pcm?x=a.toml"]
    assert [is_device_toml(name) for name in names] == [True, True, False, False, False]
    assert plain_preset("pcm?x=1") == "pcm?x=1"


def test_a_file_is_another_spelling_of_its_device(tmp_path: Path) -> None:
    path = written(tmp_path, 'device = "pcm"\ng_max_us = 40\nnu_mean = 0.03\n')
    assert device_of(path) == Pcm(g_max_us=40.0, nu_mean=0.03)
    # Options behind the question mark go before those in the file.
    assert device_of(f"{path}?nu_mean=0.05&read_scale=0") == Pcm(
        g_max_us=40.0, nu_mean=0.05, read_scale=0.0
    )
    assert plain_preset(written(tmp_path, 'device = "pcm"\n')) == "pcm"
    more = written(tmp_path, 'device = "rram?gain=aihwkit"\ninterpolate = true\n')
    assert plain_preset(more) == "rram?gain=aihwkit&interpolate=true"


def test_nothing_that_is_written_names_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'device = "pcm"\ng_max_us = 40.0\n')
    assert seen_from((path, "rram"), tmp_path / "out") == ("pcm?g_max_us=40.0", "rram")
    assert beside(("my_pcm.toml?read_scale=0",), tmp_path) == (f"{path}?read_scale=0",)


def test_a_device_of_one_s_own_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text(CELL)
    path = written(tmp_path, 'device = "cell.py:Cell"\nsigma = 0.2\n')
    assert plain_preset(path) == f"{tmp_path}/cell.py:Cell?sigma=0.2"
    assert device_of(path).sigma == 0.2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g_max_us = 40\n", r"my_pcm\.toml device must be the name of one, got None; write for"),
        ('device = "b.toml"\n', r"device must be the name of one, got 'b\.toml'"),
        ('device = "pcm"\ng_max_us = [4]\n', r"g_max_us must be a number, .*, got \[4\]; mend"),
        ('device = "pcm"\ng_max_us = "4&t_0_s=1"\n', r"g_max_us must be .*, got '4&t_0_s=1'"),
        ('device = "pcm"\n"a&b" = 4\n', r"keys must be device and options, got 'a&b'"),
        ("device\n", r"preset file .*my_pcm\.toml must be TOML, got '.*line 1"),
    ],
)
def test_what_is_no_preset_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        device_of(written(tmp_path, text))


def test_the_device_s_own_refusals_come_through(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="'pcm' option must be one of .*, got 'g_max'; did you"):
        device_of(written(tmp_path, 'device = "pcm"\ng_max = 40\n'))
    with pytest.raises(DeviceError, match="g_max_us must be finite and > 0, got -4"):
        device_of(written(tmp_path, 'device = "pcm"\ng_max_us = -4\n'))
    with pytest.raises(InputError, match=r"none\.toml must be readable, got 'No such file"):
        device_of(str(tmp_path / "none.toml"))
