"""Random numbers: every draw has an address, and nothing else decides its value."""
