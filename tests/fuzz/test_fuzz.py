"""Every reader of a stranger's file, given mutants of sound ones.

ANALOGSIM_FUZZ=10000 gives each reader so many in place of COUNT.
"""

import os
from pathlib import Path

import pytest

from tests.fuzz import folders, images, runs, specs, weights
from tests.fuzz.guard import Target, fuzz

COUNT = int(os.environ.get("ANALOGSIM_FUZZ", "75"))
TARGETS = weights.TARGETS | images.TARGETS | runs.TARGETS | folders.TARGETS | specs.TARGETS


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_strangers_file_is_read_or_refused_in_a_sentence(target: Target, tmp_path: Path) -> None:
    # Sound files are read; and what is imported late is imported before the reader is watched.
    (tmp_path / "sound").mkdir()
    target.make(tmp_path / "sound", None)
    target.read(tmp_path / "sound")
    count = -(-COUNT // target.every)
    found = fuzz(target, range(count))
    assert not found.faults, "\n".join(f"seed {seed}: {what}" for seed, what in found.faults[:50])
    assert found.taken + found.refused == count
    # Mutants that all fail at the first byte would show nothing.
    assert min(found.taken, found.refused) > count // 100
