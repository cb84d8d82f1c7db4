"""From a digital network to a chip: mapping, periphery, programming, drift, forward pass."""
