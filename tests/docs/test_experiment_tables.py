"""The tables of experiments/README.md, and the README's picture, are those of their scripts."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.axes import Axes

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
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


def test_the_picture_of_the_readme_is_drawn_from_kept_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    over_time = importlib.import_module("over_time")
    monkeypatch.setattr(over_time, "PICTURE", tmp_path / "drawn.png")
    drawn: list[float] = []
    bars = Axes.errorbar
    monkeypatch.setattr(
        Axes,
        "errorbar",
        lambda self, xs, ys, **look: drawn.extend(ys) or bars(self, xs, ys, **look),
    )

    over_time.main()

    pcm = json.loads((ROOT / "experiments" / "results" / "matched_pcm.json").read_text())
    expected = [100 * point["accuracy_control"]["mean"] for point in pcm["points"]]
    assert drawn[: len(expected)] == expected
    committed = ROOT / "docs" / "_static" / "over-time.png"
    assert committed.read_bytes()[:4] == (tmp_path / "drawn.png").read_bytes()[:4] == b"\x89PNG"
