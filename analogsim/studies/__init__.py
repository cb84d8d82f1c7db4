"""Each study from what is asked to its folder: what the command line and Python both call."""
