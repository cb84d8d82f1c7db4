"""The checks of a device: each purposely broken device is caught by its own check."""

import math
import random
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest
import torch

from device_models import Constant, Device, DeviceInfo, Pcm
from device_models.checking import CHECKS, check, check_device

INFO = DeviceInfo(
    name="sound", title="t", models="m", not_modelled="n", law="l", citation="c", valid_times="v"
)


class Law:
    def __init__(self, device):
        self.device, self.scale = device, device.noise_scale

    def apply_programming_noise(self, weights):
        if self.scale == 0 and self.device.how != "never ideal":
            return weights.clone(), []
        return getattr(self, self.device.how.replace(" ", "_"), self.sound)(weights), []

    def apply_drift_noise(self, weights, memory, t_s):
        how = self.device.how
        if how == "drifts in place":
            return weights.mul_(0.99)
        if how == "jumps at once":
            return 0.8 * weights if self.scale else weights.clone()
        if how == "jumps later":
            return weights * (1 - 0.1 * self.scale * (t_s > 3600))
        if how == "no t_0":
            return weights * (torch.tensor(t_s) ** (-self.scale * 0.05))
        return weights * (t_s + 1) ** (-self.scale * 0.05)

    def sound(self, weights):
        return weights + self.scale * 0.03 * weights * torch.randn_like(weights)

    def own_generator(self, weights):
        z = torch.randn(weights.shape, generator=torch.Generator().manual_seed(1))
        return weights + 0.03 * weights * z

    def seeds(self, weights):
        torch.manual_seed(3)
        return self.sound(weights)

    def draws_elsewhere(self, weights):
        random.gauss(0, 1)
        return self.sound(weights)

    def forgets_the_seed(self, weights):
        z = torch.randn(weights.shape, generator=torch.Generator().manual_seed(next(COUNT)))
        return weights + 0.03 * weights * z

    def programs_in_place(self, weights):
        return weights.mul_(1 + 0.03 * torch.randn_like(weights))

    def double(self, weights):
        return self.sound(weights).double()

    def transposed(self, weights):
        return self.sound(weights).T

    def relative_to_the_largest(self, weights):
        return self.sound(weights / weights.abs().max())

    def too_wide(self, weights):
        return weights + 0.06 * weights * torch.randn_like(weights)

    never_ideal = too_wide


COUNT = iter(range(10**9))


@dataclass(frozen=True, kw_only=True)
class Cell(Device):
    info: ClassVar[DeviceInfo] = INFO
    how: str = "sound"

    def constants(self):
        source = "" if self.how == "no source" else "s"
        return (Constant(symbol="sigma", value=0.03, unit="1", meaning="m", source=source),)

    def check_time(self, t_s):
        if self.how != "any time":
            super().check_time(t_s)

    def noise_law(self, context):
        if self.how == "draws early":
            torch.rand(1)
        if self.how == "crashes":
            raise RuntimeError("no such\nlaw")
        return Law(self)

    def programming_spread(self, x, context):
        return 0.03 * x


@dataclass(frozen=True, kw_only=True)
class Single(Cell):
    knows_cells: ClassVar[bool] = True
    spread: float = field(default=0.03)

    @property
    def largest_us(self):
        return 20.0

    def cell_law(self, context):
        return Law(self) if self.how == "sound" else Wide()


class Wide:
    def apply_programming_noise(self, weights):
        return weights - 0.1, []

    def apply_drift_noise(self, weights, memory, t_s):
        return weights.clone()


@dataclass(frozen=True, kw_only=True)
class Nameless(Cell):
    info: ClassVar[DeviceInfo] = replace(INFO, citation=" ")


def test_a_sound_device_passes():
    results = check_device(Cell())
    assert [one.name for one in results] == list(CHECKS)
    assert {one.name: one.ok for one in results} == dict.fromkeys(CHECKS, True) | {
        "conductances": None
    }
    assert check(Single(), "conductances").ok is True


@pytest.mark.parametrize(
    ("device", "name", "text"),
    [
        (Nameless(), "words", "info.citation must say something, got nothing"),
        (Cell(how="no source"), "words", "constant 'sigma' source must be given, got nothing"),
        (Cell(how="any time"), "times", "time -1 s must be refused with a DeviceError, got no"),
        (Cell(how="never ideal"), "ideal", "noise_scale=0 must leave each weight as it is, got"),
        (Cell(how="jumps later"), "continuous", "must not jump at 3600 s, got a step of 0."),
        (Cell(how="forgets the seed"), "repeats", "one seed must give one chip, got two"),
        (Cell(how="own generator"), "independent", "must not be correlated, got 1.000 over 40000"),
        (Cell(how="seeds"), "independent", "must not be correlated, got 1.000"),
        (Cell(how="seeds"), "manners", "must not seed torch's generator, got one state"),
        (Cell(how="double"), "shapes", "must be float32, got torch.float64 on a tile of all zero"),
        (Cell(how="transposed"), "shapes", "must keep their shape (3, 4), got (4, 3)"),
        (Cell(how="relative to the largest"), "shapes", "must be finite, got nan on a tile of all"),
        (Cell(how="no t_0"), "shapes", "must be finite, got "),
        (Single(how="negative"), "conductances", "must be >= 0 uS, got -2 uS as programmed"),
        (Cell(how="too wide"), "spread", "of 0.3 after programming must be 0.009, as"),
        (Cell(how="jumps at once"), "continuous", "at 0 s, the first valid time, must be those"),
        (Cell(how="programs in place"), "manners", "programming must leave its argument"),
        (Cell(how="drifts in place"), "manners", "drift must return a copy, got its argument"),
        (Cell(how="draws elsewhere"), "manners", "generators of numpy and Python must stay"),
        (Cell(how="draws early"), "manners", "making the law must not draw or seed"),
        (Cell(how="crashes"), "repeats", "it raises RuntimeError: no such law; mend the law"),
    ],
    ids=lambda value: getattr(value, "how", None) or str(value)[:12],
)
def test_a_broken_device_is_caught_by_its_own_check(device, name, text):
    result = check(device, name)
    assert result.ok is False
    assert text in result.text


def test_the_statistical_checks_see_what_they_must():
    """Twelve in a thousand more than stated passes or not by chance; 3 % more is always seen."""
    wide = replace(Pcm(), programming_scale=1.0)
    assert check(wide, "spread").ok is True

    class Wider(Pcm):
        def programming_spread(self, x, context):
            return 1.03 * super().programming_spread(x, context)

    assert check(Wider(), "spread").ok is False


def test_generators_are_left_as_they_were():
    torch.manual_seed(5)
    random.seed(5)
    before = torch.get_rng_state(), random.getstate()
    check_device(Cell(how="draws elsewhere"))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert math.isfinite(random.random())
