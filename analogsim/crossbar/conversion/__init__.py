"""A network is tried, counted, calibrated, converted, and compared with what it was."""
