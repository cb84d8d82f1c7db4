"""What a command works on: networks and images.

The names are imported on first use, so that those that need no torch start without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analogsim.inputs.batching import batches, n_images
    from analogsim.inputs.data import Data, load_data
    from analogsim.inputs.fit import check_fit
    from analogsim.inputs.models import Model, load_model
    from analogsim.inputs.zoo import ZOO, ZooChoice, parse_zoo

__all__ = [
    "ZOO",
    "Data",
    "Model",
    "ZooChoice",
    "batches",
    "check_fit",
    "load_data",
    "load_model",
    "n_images",
    "parse_zoo",
]

_HOME = {
    "ZOO": "zoo",
    "Data": "data",
    "Model": "models",
    "ZooChoice": "zoo",
    "batches": "batching",
    "check_fit": "fit",
    "load_data": "data",
    "load_model": "models",
    "n_images": "batching",
    "parse_zoo": "zoo",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"analogsim.inputs.{_HOME[name]}"), name)
    raise AttributeError(f"module 'analogsim.inputs' has no attribute {name!r}")
