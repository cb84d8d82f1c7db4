"""Readers of files that strangers wrote, fed with what nobody writes on purpose but a stranger."""
