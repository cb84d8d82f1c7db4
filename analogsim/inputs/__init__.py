"""What a command works on: networks and images."""

from analogsim.inputs.batches import batches, n_images
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
