"""A network on tiles that the tests of this folder share."""

from analogsim.crossbar.conversion.convert import AnalogModel, convert
from tests.crossbar.nets import small_inputs, small_net


def small_analog(periphery: str = "ideal") -> AnalogModel:
    """Convolutions (one grouped) and a linear layer on more than one tile."""
    return convert(small_net(), preset="ideal", periphery=periphery, calibrate=small_inputs())
