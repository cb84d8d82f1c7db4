"""Effects on the cells of an array, beside a device's own law: one file each.

Importing this package imports no torch.
"""

from device_models.effects.contract import Cells, Draws, Effect, EffectInfo, Moment
from device_models.effects.faults import Faults
from device_models.effects.gain_error import GainError
from device_models.effects.levels import Levels
from device_models.effects.registry import EFFECTS, parse_effect, spec_of_effect
from device_models.effects.shorthand import SHORTHANDS, Shorthand, spec_of_shorthand
from device_models.effects.stuck import Stuck
from device_models.effects.wires import Wires
from device_models.effects.write_verify import WriteVerify

__all__ = [
    "EFFECTS",
    "SHORTHANDS",
    "Cells",
    "Draws",
    "Effect",
    "EffectInfo",
    "Faults",
    "GainError",
    "Levels",
    "Moment",
    "Shorthand",
    "Stuck",
    "WriteVerify",
    "Wires",
    "parse_effect",
    "spec_of_effect",
    "spec_of_shorthand",
]
