"""How a chip computes its products: engines, converters, and what a pass packs."""
