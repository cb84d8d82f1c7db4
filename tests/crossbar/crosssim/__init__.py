"""CrossSim (BSD-3) as an outsider: what it gave for settings that we have, and how to run it.

`vectors.json` holds what CrossSim 3.2.0 (commit 0a2eb1e) gave; `python -m tests.crossbar.crosssim`,
with CrossSim on the path, writes it anew.
"""
