"""The tables of experiments/README.md are those that its script prints."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
START, END = "<!-- tables: python experiments/tables.py --write -->", "<!-- end of tables -->"


def test_the_readme_has_what_the_script_prints() -> None:
    readme = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    shown = readme.partition(START)[2].partition(END)[0]
    printed = subprocess.run(
        [sys.executable, "experiments/tables.py"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown == f"\n{printed}"
    # A row as the study printed it.
    assert "| ResNet44 | yes | 500 | 93.8 | 10 | 98.3 (97.3 to 99.2) |" in shown
    assert shown.count("### ") == 4
    assert (ROOT / "experiments" / "batchnorm.png").read_bytes()[:4] == b"\x89PNG"
