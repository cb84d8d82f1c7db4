"""Every command that can be broken off, as small as it gets, and what it leaves as values."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.tiny import IMAGES, NET

_DATA = ("--data", IMAGES)
_SMALL = (*_DATA, "--limit", "12", "--chips", "2", "--workers", "1")
HEAD = f'model = "{NET}"\n'
_IMAGES = f'data = "{IMAGES}"\nlimit = 12\n'
_STUDY = f'{_IMAGES}presets = ["pcm"]\ntimes = ["1s"]\n'
_NOISE = f'kind = "noise"\n{_IMAGES}scopes = ["weights"]\netas = ["5%"]\ndraws = 2\n'
_NETWORKS = "".join(f'[[networks]]\nlabel = "{label}"\n{HEAD}' for label in "ab")
MEASURE = f"{Path(__file__).with_name('own_measure.py')}:LOSS"
_LOSS = ("--measure", MEASURE)
# What two runs of the same command need not have in common.
_OWN = {"created", "command", "crc32", "wall_s", "chip_s", "seconds", "date"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A command without its output folder; `spec` is what it reads, `page` what shows its end."""

    args: tuple[str, ...]
    page: str = "report.html"
    spec: str = ""

    def command(self, folder: Path, place: Path) -> list[str]:
        """Its arguments; its spec is written into `place`."""
        if self.spec:
            (place / "spec.toml").write_text(self.spec)
        given = str(place / "spec.toml")
        return [*(given if arg == "SPEC" else arg for arg in self.args), "-o", str(folder)]


KINDS = {
    "drift": Kind(args=("drift", NET, "--times", "1s,1d", *_SMALL)),
    "compare": Kind(
        args=("compare", NET, "--presets", "pcm,ideal", "--times", "1s", *_SMALL)
    ),
    "matched": Kind(
        args=("compare", NET, "--gaussian", "matched", "--presets", "ideal",
              "--times", "1d", *_SMALL),
    ),
    "sweep": Kind(
        args=("drift", NET, "--times", "1s", "--set", "adc_bits=5,7", *_SMALL)
    ),
    "noise": Kind(
        args=("noise", NET, "--scopes", "weights,folded", "--etas", "5%",
              "--draws", "2", *_DATA, "--limit", "12", "--workers", "1"),
    ),
    "noise measure": Kind(
        args=("noise", NET, "--scopes", "weights,folded", "--etas", "5%",
              "--draws", "2", *_DATA, "--limit", "12", "--workers", "1", *_LOSS),
    ),
    "attribute": Kind(args=("attribute", NET, "--only", "sources", *_SMALL)),
    "attribute measure": Kind(
        args=("attribute", NET, "--only", "sources", *_SMALL, *_LOSS)
    ),
    "matched measure": Kind(
        args=("compare", NET, "--gaussian", "matched", "--presets", "ideal",
              "--times", "1d", *_SMALL, *_LOSS),
    ),
    "run": Kind(
        args=("run", "SPEC", "--workers", "1"), spec=f"{HEAD}{_STUDY}[design]\nchips = 2\n"
    ),
    "run precision": Kind(
        args=("run", "SPEC", "--workers", "1"),
        spec=f"{HEAD}{_STUDY}[design]\nprecision = '20%'\ncost_ratio = 4\npilot_chips = 3\n"
        "pilot_images = 8\n",
    ),
    "run noise": Kind(
        args=("run", "SPEC", "--workers", "1"), spec=f"{HEAD}{_NOISE}"
    ),
    "suite": Kind(
        args=("run", "SPEC", "--workers", "1"), spec=f"{_STUDY}[design]\nchips = 2\n{_NETWORKS}"
    ),
    "suite sweep": Kind(
        args=("run", "SPEC", "--workers", "1"),
        spec=f"{_STUDY}[design]\nchips = 2\n[sweep]\nadc_bits = [5, 7]\n{_NETWORKS}",
    ),
    "suite measure": Kind(
        args=("run", "SPEC", "--workers", "1"),
        spec=f'measure = "top5"\n{_STUDY}[design]\nchips = 2\n{_NETWORKS}',
    ),
    "suite noise": Kind(
        args=("run", "SPEC", "--workers", "1"), spec=f"{_NOISE}{_NETWORKS}"
    ),
    "suite noise measure": Kind(
        args=("run", "SPEC", "--workers", "1"), spec=f'measure = "{MEASURE}"\n{_NOISE}{_NETWORKS}'
    ),
    "convert": Kind(args=("convert", "zoo:digits_cnn", "--data", "digits"), page="chip.json"),
    "train": Kind(
        args=("train", "zoo:digits_cnn", "--data", "digits", "--epochs", "2"), page="weights.json"
    ),
}  # fmt: skip


def every_kind(names: Iterable[str]) -> pytest.MarkDecorator:
    """One of each kind; what differs from it in measure, sweep or spelling alone is slow."""
    alike = {"run", "run noise", "suite sweep", *(name for name in KINDS if "measure" in name)}
    slow = [pytest.param(name, marks=pytest.mark.slow) for name in names if name in alike]
    return pytest.mark.parametrize("name", [*(one for one in names if one not in alike), *slow])


def files(folder: Path) -> dict[str, bytes]:
    """All files but hidden ones, by their path in the folder."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if path.is_file() and not name.startswith(".") and "/." not in name
    }


def values(folder: Path) -> dict[str, Any]:
    """What the files say: JSON and tensors in full, of the rest that it is there.

    Without times of the clock and the order in which trials came.
    """
    return {name: _value(name, content) for name, content in files(folder).items()}


def _value(name: str, content: bytes) -> Any:
    if name.endswith(".jsonl"):
        lines = [json.dumps(_timeless(json.loads(line))) for line in content.splitlines()]
        return sorted(lines)
    if name.endswith(".json"):
        return _timeless(json.loads(content))
    return content if name.endswith(".safetensors") else None


def _timeless(value: Any) -> Any:
    if isinstance(value, list):
        return [_timeless(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _timeless(one) for key, one in value.items() if key not in _OWN}
