"""The root seed of whatever is drawn."""

MOST_SEED = 2**64 - 1
"""The key of the reproducible stream has 64 bits; where a seed is hashed the same bound holds."""
