"""What happens to a trained network on analog in-memory hardware, and how that changes over time.

The names below are imported on first use, so that `import analogsim` and the commands that need
no network start without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

from analogsim._version import __version__

if TYPE_CHECKING:
    from analogsim.batchnorm.recalibrate import Recalibration
    from analogsim.call import Inputs
    from analogsim.centring import centre
    from analogsim.crossbar.chip.chip import Chip
    from analogsim.crossbar.chip.effect_gains import effect_gains
    from analogsim.crossbar.chip.evaluate import Evaluation, evaluate
    from analogsim.crossbar.chip.program import program
    from analogsim.crossbar.conversion.convert import convert
    from analogsim.crossbar.folder.checkpoint import load, save
    from analogsim.crossbar.mapping.analog_model import AnalogModel
    from analogsim.crossbar.mapping.periphery import Periphery
    from analogsim.errors import AnalogsimError, DeviceError, InputError, OutputError
    from analogsim.findings.frame import read
    from analogsim.hardening.chips import Injection
    from analogsim.hardening.noise import TrainingNoise, noisy
    from analogsim.hardening.statistics import estimate_statistics_
    from analogsim.inputs.measure import Measure
    from analogsim.studies.functions import attribute, compare, drift, noise, run
    from analogsim.studies.harden import Hardened, harden
    from analogsim.studies.merge import merge
    from analogsim.studies.result import Run
    from device_models.circuits import effective_conductance

__all__ = [
    "AnalogModel",
    "AnalogsimError",
    "Chip",
    "DeviceError",
    "Evaluation",
    "Hardened",
    "Injection",
    "InputError",
    "Inputs",
    "Measure",
    "OutputError",
    "Periphery",
    "Recalibration",
    "Run",
    "TrainingNoise",
    "__version__",
    "attribute",
    "centre",
    "compare",
    "convert",
    "drift",
    "effect_gains",
    "effective_conductance",
    "estimate_statistics_",
    "evaluate",
    "harden",
    "load",
    "merge",
    "noise",
    "noisy",
    "program",
    "read",
    "run",
    "save",
]

_HOME = {
    "AnalogModel": "analogsim.crossbar.mapping.analog_model",
    "AnalogsimError": "analogsim.errors",
    "Chip": "analogsim.crossbar.chip.chip",
    "DeviceError": "analogsim.errors",
    "Evaluation": "analogsim.crossbar.chip.evaluate",
    "InputError": "analogsim.errors",
    "Hardened": "analogsim.studies.harden",
    "Injection": "analogsim.hardening.chips",
    "Inputs": "analogsim.call",
    "Measure": "analogsim.inputs.measure",
    "OutputError": "analogsim.errors",
    "Periphery": "analogsim.crossbar.mapping.periphery",
    "Recalibration": "analogsim.batchnorm.recalibrate",
    "Run": "analogsim.studies.result",
    "TrainingNoise": "analogsim.hardening.noise",
    "attribute": "analogsim.studies.functions",
    "centre": "analogsim.centring",
    "compare": "analogsim.studies.functions",
    "convert": "analogsim.crossbar.conversion.convert",
    "drift": "analogsim.studies.functions",
    "effect_gains": "analogsim.crossbar.chip.effect_gains",
    "effective_conductance": "device_models.circuits",
    "estimate_statistics_": "analogsim.hardening.statistics",
    "evaluate": "analogsim.crossbar.chip.evaluate",
    "harden": "analogsim.studies.harden",
    "load": "analogsim.crossbar.folder.checkpoint",
    "merge": "analogsim.studies.merge",
    "noise": "analogsim.studies.functions",
    "noisy": "analogsim.hardening.noise",
    "program": "analogsim.crossbar.chip.program",
    "read": "analogsim.findings.frame",
    "run": "analogsim.studies.functions",
    "save": "analogsim.crossbar.folder.checkpoint",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'analogsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
