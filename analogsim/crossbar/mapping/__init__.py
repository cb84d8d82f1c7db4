"""Which layer lies on which tiles, how they are cut, and what stands around them."""
