"""A run's folder that was damaged is refused in words, or holds nothing but what was measured."""

import functools
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from analogsim.experiment.header import RunHeader, read_header
from analogsim.experiment.plan_file import read_plan, write_plan
from analogsim.experiment.records import Trial, read_records
from analogsim.experiment.schedule import Allocation
from analogsim.report.summary import summary
from tests.damage import Damage, damages, edited, outcome
from tests.report.run_folder import drifting, write_run

NAMES = ("run.json", "records.jsonl")


@functools.lru_cache(maxsize=1)
def run() -> tuple[dict[str, bytes], RunHeader, tuple[Trial, ...]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_run(folder, drifting(times=(1.0, 3600.0), chips=3))
        files = {name: (folder / name).read_bytes() for name in NAMES}
        return files, read_header(folder), read_records(folder).trials


def written(folder: Path, files: dict[str, bytes | None]) -> None:
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)


@settings(max_examples=50)
@given(damages(NAMES))
def test_damage_is_refused_or_leaves_only_what_was_measured(drawn: tuple[str, Damage]) -> None:
    files, header, trials = run()
    _, damage = drawn
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, {**files, **damage(files)})
        result = outcome(lambda: summary(folder))
        if isinstance(result, str):
            assert name in result or result.startswith("records")
            return
        # A file that was cut may end after any trial; the run then goes on from there.
        records = read_records(folder)
        assert read_header(folder) == header
        assert records.trials == trials[: len(records)]
        assert sum(row["n_chips"] for row in result["rows"]) == len(records)


@settings(max_examples=40)
@given(st.data())
def test_an_edited_run_is_taken_or_refused_in_words(data: st.DataObject) -> None:
    files, _, _ = run()
    lines = files["records.jsonl"].splitlines()
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = edited(lines[at], data.draw)
        changed = {"records.jsonl": b"\n".join(lines) + b"\n"}
    else:
        changed = {"run.json": edited(files["run.json"], data.draw)}
    with tempfile.TemporaryDirectory() as name:
        written(Path(name), {**files, **changed})
        result = outcome(lambda: summary(Path(name)))
        assert result if isinstance(result, str) else result["rows"]


@settings(max_examples=40)
@given(damages(("plan.json",)))
def test_a_damaged_plan_is_refused_or_the_same(drawn: tuple[str, Damage]) -> None:
    plan = Allocation(hands=7, cost_ratio=12.25)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_plan(folder, plan)
        whole = {"plan.json": (folder / "plan.json").read_bytes()}
        (folder / "plan.json").unlink()
        damaged = drawn[1](whole)
        written(folder, damaged)
        found = outcome(lambda: read_plan(folder))
        if isinstance(found, str):
            assert "plan.json" in found
            return
        assert found == (None if damaged["plan.json"] is None else plan)


def test_records_from_before_the_seal_are_read() -> None:
    files, header, trials = run()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in files.items():
            lines = [json.loads(line) for line in content.splitlines()] if "l" in file[-1] else []
            for line in lines:
                del line["crc32"]
            plain = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / file).write_text(plain or content.decode())
        assert read_records(folder).trials == trials
        assert read_header(folder) == header
