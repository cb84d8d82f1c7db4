"""What a command imports, and what Python's search for garbage leaves out from then on."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from analogsim.cli.first import import_torch

ROOT = Path(__file__).parents[2]

SPARED = (
    "aihwkit.simulator.configs",  # for aihwkit's own tiles
    "rich.progress",  # for a terminal
    "scipy.optimize",
    "torch._dynamo",
    "torch.utils.flop_counter",  # for products beside the tiles; imports triton
    "triton",
)
STUDY = """
import gc, json, os, sys
from analogsim.cli.main import run
code = run(sys.argv[1:])
from matplotlib import artist, lines
texts = (lines.Line2D.set.__doc__, artist.kwdoc(lines.Line2D))
listed = ["zorder: float" in text for text in texts]
print(json.dumps([code, gc.isenabled(), gc.get_freeze_count(), list(sys.modules), listed]))
"""


@pytest.mark.slow
def test_a_study_imports_no_more_than_it_uses(tmp_path: Path) -> None:
    words = ["drift", "zoo:digits_cnn", "--data", "digits", "--limit", "20", "--chips", "1"]
    words += ["--times", "1s", "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", STUDY, *words], capture_output=True, text=True, cwd=ROOT, check=True
    )

    code, searches, left_out, imported, listed = json.loads(done.stdout.splitlines()[-1])
    assert (code, searches) == (0, True)
    assert left_out > 100_000
    assert {"torch", "matplotlib"} < set(imported)
    assert set(SPARED).isdisjoint(imported)
    # No list of properties was written into a docstring; who asks for one gets it.
    assert listed == [False, True]


def test_where_torch_is_imported_already_nothing_is_kept() -> None:
    import torch  # noqa: F401

    before = gc.get_freeze_count()
    import_torch()
    assert gc.get_freeze_count() == before
