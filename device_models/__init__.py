"""Device models: what a memory cell does to a weight when it is written, and afterwards.

Importing this package imports no torch; a device imports it when asked for its `noise_law`.
"""

from device_models.constants import Constant
from device_models.contract import (
    DRIFT,
    PROGRAMMING,
    READ_NOISE,
    Device,
    DeviceInfo,
    NoiseLaw,
    Switch,
    TileContext,
)
from device_models.errors import AnalogsimError, DeviceError
from device_models.gaussian import Gaussian
from device_models.ideal import Ideal
from device_models.pcm import Pcm
from device_models.pcm_hermes import PcmHermes
from device_models.registry import DEVICES, parse, spec_of
from device_models.rram import Rram
from device_models.rram_cmo import RramCmo

__all__ = [
    "DEVICES",
    "DRIFT",
    "PROGRAMMING",
    "READ_NOISE",
    "AnalogsimError",
    "Constant",
    "Device",
    "DeviceError",
    "DeviceInfo",
    "Gaussian",
    "Ideal",
    "NoiseLaw",
    "Pcm",
    "PcmHermes",
    "Rram",
    "RramCmo",
    "Switch",
    "TileContext",
    "parse",
    "spec_of",
]
