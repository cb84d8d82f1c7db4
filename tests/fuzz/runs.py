"""What runs leave: their folders, those of noise studies, and a suite's results.json."""

import json
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from analogsim.experiment.deal import all_images, pack_values
from analogsim.experiment.digest import digest_of
from analogsim.experiment.plan_file import read_plan, write_plan
from analogsim.experiment.schedule import Allocation
from analogsim.quantity import Quantity
from analogsim.report.build import build_report
from analogsim.report.csv_file import csv_text
from analogsim.report.extras import read_extras
from analogsim.report.summary import read_run, summarise_run
from analogsim.report.table import format_table
from analogsim.schema import dumps
from analogsim.scopes.build import build_noise
from analogsim.scopes.chart import noise_charts
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.summary import noise_summary
from analogsim.scopes.table import format_noise
from analogsim.suites.build import build_suite, format_suite
from analogsim.suites.kept import read_kept, write_kept
from tests.fuzz.guard import Target
from tests.fuzz.mutate import edited, mutated, written
from tests.pages import foreign
from tests.report.full_folder import write_full
from tests.report.run_folder import SPEC, make_trial, write_run
from tests.scopes.small import run as run_noise
from tests.scopes.small import study
from tests.scopes.toy import answered, toy
from tests.suites.test_kept import chips, kept, known

_TOKENS = (
    b"NaN", b"Infinity", b"-1", b"1e400", b"null", b"{}", b"[]", b'"\\ud800"', b"\xff", b"\n",
    b'"crc32": "', b"[" * 3000, b"9" * 5000, b'"\\u001b[2J"', b"true", b",", b'"', b"\x00",
)  # fmt: skip


def kept_of(make: Callable[[Path], object]) -> Callable[[], dict[str, bytes]]:
    """The files that a function writes, made once."""

    @lru_cache(maxsize=1)
    def files() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as name:
            make(Path(name))
            paths = [p for p in sorted(Path(name).iterdir()) if p.is_file() and p.name[0] != "."]
            return {path.name: path.read_bytes() for path in paths}

    return files


def in_folder(files: Callable[[], dict[str, bytes]]) -> Callable[[Path, Random | None], None]:
    """Writes these files, one or two of them mutated: their documents mostly, without seals."""

    def make(folder: Path, draw: Random | None) -> None:
        found = dict(files())
        for _ in range(0 if draw is None else draw.choice((1, 1, 1, 2))):
            assert draw is not None
            name = draw.choice(sorted(found))
            found[name] = _other(name, found[name], draw)
            if draw.random() < 0.02:
                del found[name]
                break
        for name, content in found.items():
            (folder / name).write_bytes(content)

    return make


def _other(name: str, content: bytes, draw: Random) -> bytes:
    if draw.random() < 0.25 or not name.endswith((".json", ".jsonl")):
        return mutated(content, draw, _TOKENS)
    try:
        if name.endswith(".json"):
            return written(unsealed(edited(json.loads(content), draw)))
        lines = content.splitlines()
        for _ in range(draw.choice((1, 1, 3))):
            at = draw.randrange(len(lines))
            lines[at] = written(unsealed(edited(json.loads(lines[at]), draw)))
    except (ValueError, RecursionError):  # it was mutated before
        return content
    return b"\n".join(lines) + b"\n"


def unsealed(content: Any) -> Any:
    """Without the checksum, which whoever edits takes out."""
    if isinstance(content, dict):
        content.pop("crc32", None)
    return content


def _run(folder: Path) -> None:
    write_full(folder)
    write_plan(folder, Allocation(hands=7, cost_ratio=12.25))


def _measured(folder: Path) -> None:
    """A run of another measure: its records hold values."""
    spec = {**SPEC, "measure": Quantity(name="loss", unit="nats", better="lower", least=0).entry()}
    values = np.random.default_rng(0).gamma(1.0, 1.0, (7, 40)).astype(np.float32)
    means = [float(one.astype(np.float64).mean()) for one in values]
    trials = [
        make_trial(
            t_s=t_s, chip=at, n_images=40, n_correct=None, accuracy=means[at],
            images=all_images(40), correct=pack_values(values[at]), spec_digest=digest_of(spec),
        )
        for t_s in (1.0, 9.0)
        for at in range(3)
    ]  # fmt: skip
    digital = {"accuracy": means[-1], "n_correct": None, "n_images": 40, "n_nan": 0}
    write_run(folder, trials, spec=spec, digital=digital, digital_correct=pack_values(values[-1]))


def _read_run(folder: Path) -> None:
    run = read_run(folder)
    summary = summarise_run(run)
    dumps(summary)
    format_table(summary)
    csv_text(run.trials)
    read_extras(folder)
    read_plan(folder)


def _noise(folder: Path) -> None:
    run_noise(folder, study(etas=(0.05, 0.2), scopes=("weights", "variance")))
    for derived in ("report.html", "noise.json", "noise.csv", "noise.png"):
        (folder / derived).unlink(missing_ok=True)


def _read_noise(folder: Path) -> None:
    result = read_noise(folder)
    dumps(noise_summary(result))
    format_noise(result)
    noise_charts(result)[0].csv()


@lru_cache(maxsize=1)
def suites() -> tuple[bytes, ...]:
    """Of noise and of chips, with answers and without."""
    of = (
        *(kept(toy(), toy(n_bn=0)), kept(answered(toy()), answered(toy(n_bn=0)))),
        *(kept(chips(), chips(90)), kept(known(chips()), known(chips(90)))),
    )
    found = []
    for one in of:
        with tempfile.TemporaryDirectory() as name:
            write_kept(Path(name) / "results.json", one)
            found.append((Path(name) / "results.json").read_bytes())
    return tuple(found)


def _results(folder: Path, draw: Random | None) -> None:
    content = suites()[0] if draw is None else draw.choice(suites())
    if draw is not None:
        content = _other("results.json", content, draw)
    (folder / "results.json").write_bytes(content)


def _read_results(folder: Path) -> None:
    format_suite(read_kept(folder / "results.json"))


def _results_page(folder: Path) -> None:
    _ours(build_suite(read_kept(folder / "results.json"), folder))


def _ours(page: Path) -> None:
    found = foreign(page.read_text())
    assert not found, found


RUN, NOISE = in_folder(kept_of(_run)), in_folder(kept_of(_noise))
MEASURED = in_folder(kept_of(_measured))
TARGETS = {
    "run: folder": Target(make=RUN, read=_read_run),
    "run: page": Target(
        make=RUN, read=lambda folder: _ours(build_report(folder)), writes=True, every=25
    ),
    "run: folder of a measure": Target(make=MEASURED, read=_read_run),
    "run: page of a measure": Target(
        make=MEASURED, read=lambda folder: _ours(build_report(folder)), writes=True, every=8
    ),
    "run: folder of noise": Target(make=NOISE, read=_read_noise),
    "run: page of noise": Target(
        make=NOISE, read=lambda folder: _ours(build_noise(folder)[1]), writes=True, every=10
    ),
    "run: results.json": Target(make=_results, read=_read_results),
    "run: page of results.json": Target(make=_results, read=_results_page, writes=True, every=10),
}
