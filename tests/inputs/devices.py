"""The text of a user's own device file, and what is wrong with some of its names."""

CELL = """
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from device_models import Constant, Device, DeviceInfo, Pcm


class Law:
    def __init__(self, sigma):
        self.sigma = sigma

    def apply_programming_noise(self, weights):
        return weights + self.sigma * weights * torch.randn_like(weights), []

    def apply_drift_noise(self, weights, drift_noise_parameters, t_inference):
        return weights / (1.0 + t_inference / 1e6)


def info(name):
    return DeviceInfo(
        name=name, title="a cell", models="m", not_modelled="n", law="l", citation="c",
        valid_times="any",
    )


@dataclass(frozen=True, kw_only=True)
class Cell(Device):
    info: ClassVar[DeviceInfo] = info("my-cell")
    sigma: float = 0.1

    def constants(self):
        return (Constant(symbol="s", value=self.sigma, unit="1", meaning="spread", source="me"),)

    def noise_law(self, context):
        return Law(self.noise_scale * self.sigma)


class Named(Cell):
    info = info("my cell")


class Clash(Cell):
    info = info("pcm")


class Control(Cell):
    info = info("gaussian-matched")


class Bare(Cell):
    info = None


wide = Cell(sigma=0.2)
slow = Pcm(drift_scale=0.5)
number = 3


def made():
    return replace(wide, sigma=0.3)


def text():
    return "pcm"


def fails():
    return 1 / 0
"""
