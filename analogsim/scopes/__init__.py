"""Which tensors noise goes into decides what BatchNorm costs: one network, every noise scope."""
