"""Training a network for the chip that it will run on: its noise, its drift, its converters."""
