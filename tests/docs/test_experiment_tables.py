"""The tables of experiments/README.md are those that its script prints."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_has_what_the_script_prints() -> None:
    readme = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
    printed = subprocess.run(
        [sys.executable, "experiments/tables.py"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    parts = []
    for name in ("answer", "tables", "hardening"):
        _, _, rest = readme.partition(f"<!-- {name}: python experiments/tables.py --write -->\n")
        parts.append(rest.partition(f"<!-- end of {name} -->")[0])
    assert "".join(parts) == printed
    # A row as the study printed it.
    assert "| ResNet44 | yes | 500 | 93.8 | 10 | 98.3 (97.3 to 99.2) |" in parts[1]
    assert parts[1].count("### ") == 4
    assert parts[0].count("- **") == 8
    assert (ROOT / "experiments" / "batchnorm.png").read_bytes()[:4] == b"\x89PNG"
