"""Which source of error and which layer costs how much accuracy, and which to keep digital.

`attribute` switches sources and layers on one at a time, on the same draws, and verifies the
layers that it suggests to keep digital on chips that had no part in choosing them.
"""

from analogsim.attribution.ask import Ask, Screening
from analogsim.attribution.attribute import attribute
from analogsim.attribution.suggestion import Goal
from analogsim.report.attribution import Attribution

__all__ = ["Ask", "Attribution", "Goal", "Screening", "attribute"]
