"""The circuit around the cells of an array: one file an idea. Importing it imports no torch."""

from device_models.circuits.conductance import effective_conductance

__all__ = ["effective_conductance"]
