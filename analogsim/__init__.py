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
    from analogsim.crossbar.analog_model import AnalogModel
    from analogsim.crossbar.checkpoint import load, save
    from analogsim.crossbar.chip import Chip
    from analogsim.crossbar.convert import convert
    from analogsim.crossbar.evaluate import Evaluation, evaluate
    from analogsim.crossbar.periphery import Periphery
    from analogsim.crossbar.program import program
    from analogsim.errors import AnalogsimError, DeviceError, InputError, OutputError
    from analogsim.report.frame import read

__all__ = [
    "AnalogModel",
    "AnalogsimError",
    "Chip",
    "DeviceError",
    "Evaluation",
    "InputError",
    "Inputs",
    "OutputError",
    "Periphery",
    "Recalibration",
    "__version__",
    "convert",
    "evaluate",
    "load",
    "program",
    "read",
    "save",
]

_HOME = {
    "AnalogModel": "analogsim.crossbar.analog_model",
    "AnalogsimError": "analogsim.errors",
    "Chip": "analogsim.crossbar.chip",
    "DeviceError": "analogsim.errors",
    "Evaluation": "analogsim.crossbar.evaluate",
    "InputError": "analogsim.errors",
    "Inputs": "analogsim.call",
    "OutputError": "analogsim.errors",
    "Periphery": "analogsim.crossbar.periphery",
    "Recalibration": "analogsim.batchnorm.recalibrate",
    "convert": "analogsim.crossbar.convert",
    "evaluate": "analogsim.crossbar.evaluate",
    "load": "analogsim.crossbar.checkpoint",
    "program": "analogsim.crossbar.program",
    "read": "analogsim.report.frame",
    "save": "analogsim.crossbar.checkpoint",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'analogsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
