"""What a run holds does not grow with its chips: nothing but a line a trial is kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The most that the process has held (MiB) after a few chips, and after thirty times as many.
MEASURE = """
import json, re, sys
from pathlib import Path
from analogsim.experiment.study import Chips
from device_models.registry import parse
from tests.experiment.small import run, study
most = []
for chips in (4, 120):
    asked = study(design=Chips(chips=chips), devices=(parse("pcm"),), compensations=("none",))
    run(Path(sys.argv[1]) / str(chips), asked)
    # Not ru_maxrss, which holds what the parent of a forked process had.
    status = Path("/proc/self/status").read_text()
    most.append(int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) / 1024)
print(json.dumps(most))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/status")
def test_memory_does_not_grow_with_the_chips(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    few, many = json.loads(done.stdout)
    # A chip's tensors take 0.5 MiB, and the activations of a batch of 50 images 0.8:
    # a run that kept either for 116 more chips would be far above this.
    assert many - few < 12, (few, many)
    assert few < 2048
