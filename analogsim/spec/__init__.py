"""What is asked, as a user writes it: in options, in TOML, in Python. No torch."""
