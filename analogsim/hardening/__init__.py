"""Training against the noise of chips (hardware-aware training)."""
