"""A chip in a folder: written whole, read with every value checked."""
