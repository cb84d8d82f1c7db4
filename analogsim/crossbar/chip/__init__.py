"""A chip: programmed, drifted, compensated, called."""
