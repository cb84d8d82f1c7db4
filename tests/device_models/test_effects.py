"""The effects by name, their text form, and what they refuse."""

import dataclasses
import inspect
import subprocess
import sys

import pytest
import torch

from device_models.effects import (
    EFFECTS,
    Cells,
    Effect,
    GainError,
    Stuck,
    Wires,
    parse_effect,
    spec_of_effect,
)
from device_models.errors import DeviceError
from tests.device_models.drawn import Drawn


def test_listing_them_needs_no_torch() -> None:
    code = "import sys, device_models.effects as e\ne.EFFECTS\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own interpreter


@pytest.mark.parametrize("name", EFFECTS)
def test_each_says_what_it_is(name: str) -> None:
    kind = EFFECTS[name]
    assert kind.info.name == name
    assert all(dataclasses.asdict(kind.info).values())
    documented = inspect.getdoc(kind) or ""
    assert "NOT modelled:" in documented
    assert "Holds for" in documented
    cells = Cells.of(torch.tensor([[0.5, -0.25, 0.0], [1.0, -1.0, 1e-3]]))
    shown = kind().apply(cells, Drawn())
    assert torch.equal(shown.g_plus, cells.g_plus)
    assert torch.equal(shown.g_minus, cells.g_minus)


@pytest.mark.parametrize(
    ("spec", "effect"),
    [
        ("stuck", Stuck()),
        ("stuck?rate_off=0.01", Stuck(rate_off=0.01)),
        ("stuck?rate_on=0.0175&rate_off=0.0904", Stuck(rate_on=0.0175, rate_off=0.0904)),
        ("gain_error?std=0.05", GainError(std=0.05)),
        ("wires?r_row=0.5&rows=128&pairs=rows", Wires(r_row=0.5, rows=128, pairs="rows")),
    ],
)
def test_text_form_goes_there_and_back(spec: str, effect: Effect) -> None:
    assert parse_effect(spec) == effect
    assert spec_of_effect(effect) == spec


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("stick", r"effect must be one of .*, got 'stick'; did you mean 'stuck'\?"),
        ("zoom?r=1", r"effect must be one of .*, got 'zoom'; 'analogsim presets' lists them"),
        ("stuck?rate=1", r"effect 'stuck' option must be one of rate_on, rate_off, got 'rate'"),
        ("stuck?rate_on=much", r"effect 'stuck' rate_on must be a number, got 'much'"),
        ("stuck?rate_on=0&rate_on=1", r"effect 'stuck' option 'rate_on' must be given once"),
        ("stuck?rate_on=-0.1", r"effect 'stuck' rate_on must be in \[0, 1\], got -0.1"),
        ("stuck?rate_off=nan", r"effect 'stuck' rate_off must be in \[0, 1\], got nan"),
        (
            "stuck?rate_on=0.6&rate_off=0.7",
            r"effect 'stuck' rate_on \+ rate_off must be at most 1, got 1.29",
        ),
        ("gain_error?std=-1", r"effect 'gain_error' std must be finite and >= 0, got -1"),
        ("gain_error?std=inf", r"effect 'gain_error' std must be finite and >= 0, got inf"),
    ],
)
def test_what_is_refused(spec: str, said: str) -> None:
    with pytest.raises(DeviceError, match=said):
        parse_effect(spec)


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(DeviceError) as caught:
        parse_effect("stuck?rate_on=2&rate=1")
    assert str(caught.value).count("effect 'stuck'") == 3
    assert "rate_on + rate_off must be at most 1" in str(caught.value)
