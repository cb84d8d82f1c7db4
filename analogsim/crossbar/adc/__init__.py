"""Analog-to-digital converters with errors of their own, as tables of codes."""
