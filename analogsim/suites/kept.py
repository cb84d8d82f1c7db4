"""`results.json`: a suite's counts in one small file, from which all its tables are made.

It is what is kept of an experiment: the spec, digests, versions, and how many images each trial
got right, by its address. Accuracies are counts over `n_images`. Since version 2 it also holds
which images those were, where the runs recorded it (`bits.py`), and how much of each network tiles
compute; files of version 1 are read for ever.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from analogsim import bounded, own_files, schema, seal
from analogsim.errors import InputError, first_line
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.experiment.sealed import check_format, opened
from analogsim.scopes.of_network import OfNetwork
from analogsim.scopes.result import Cell, Counts, Nearest, NoiseResult
from analogsim.scopes.summary import NoiseSummary, noise_summary
from analogsim.suites.attributed import AttributionResult
from analogsim.suites.bits import squeezed, unsqueezed
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.kept_form import Result, form_problems, result_problems
from analogsim.suites.noised import NoisedResult
from analogsim.suites.pairs import Pair, pairs_of
from analogsim.suites.summarised import SummaryResult

RESULTS_FILE = "results.json"
FORMAT, VERSION = "analogsim-results", 2
_FIRST = 1
MOST = 1024 * bounded.MIB
"""Bytes of the file; hundreds of networks take less."""
_REMEDY = "restore the file"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A suite: its spec as it was given, and a result for each network."""

    question: str
    command: str
    spec: dict[str, Any]
    networks: tuple[tuple[Entry, Result], ...]

    @property
    def noise(self) -> list[tuple[Entry, NoiseResult]]:
        """The networks of a suite of kind noise that counts right answers."""
        return [(e, r) for e, r in self.networks if isinstance(r, NoiseResult)]

    @cached_property
    def noised(self) -> list[tuple[Entry, NoiseSummary]]:
        """Of every network of a suite of kind noise what its `noise.json` says."""
        counted = [(entry, noise_summary(result)) for entry, result in self.noise]
        return counted + [(e, r.found) for e, r in self.networks if isinstance(r, NoisedResult)]

    @cached_property
    def pairs(self) -> list[Pair]:
        """With against without BatchNorm, of its networks of kind noise that are arms of pairs."""
        return pairs_of(self.noise)

    @property
    def crossbar(self) -> list[tuple[Entry, CrossbarResult]]:
        """The networks of a suite of chips."""
        return [(e, r) for e, r in self.networks if isinstance(r, CrossbarResult)]

    @property
    def attributed(self) -> list[tuple[Entry, AttributionResult]]:
        """The networks of a suite of attributions."""
        return [(e, r) for e, r in self.networks if isinstance(r, AttributionResult)]

    @property
    def summarised(self) -> list[tuple[Entry, SummaryResult]]:
        """The networks of a suite of a sweep, or of another measure."""
        return [(e, r) for e, r in self.networks if isinstance(r, SummaryResult)]


def write_kept(path: Path, kept: Kept) -> None:
    """Write the file: a line a network, so that differences between two files are read well."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "question": kept.question,
        "command": kept.command,
        "spec": kept.spec,
    }
    networks = [{"entry": _entry(entry), **_as_json(result)} for entry, result in kept.networks]
    # Of the whole, before it is laid out.
    crc32 = seal.sealed({**head, "networks": networks})[seal.KEY]
    body = schema.dumps(head, indent=1).removesuffix("\n}")
    lines = ",\n".join(map(schema.dumps, networks))
    text = f'{body},\n "networks": [\n{lines}\n],\n "{seal.KEY}": "{crc32}"}}\n'
    write_bytes_atomic(path, text.encode())


def read_kept(path: Path) -> Kept:
    """Read what `write_kept` wrote. Raises InputError if it is absent or not that."""
    try:
        content: Any = schema.loads(own_files.read_text(path, MOST))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"results {path} must be a readable JSON file, got '{reason}'; give the results.json "
            "of a suite"
        ) from error
    first = isinstance(content, dict) and content.get("version") == _FIRST
    version = _FIRST if first else VERSION
    check_format(content, name=FORMAT, version=version, where=f"results {path}")
    content = opened(content, where=f"results {path}", todo=_REMEDY)
    if first:
        _complete_(content)
    found = form_problems(content)
    if found:
        raise InputError(f"results {path} {'; '.join(found)}; {_REMEDY}")
    try:
        networks = tuple(
            (Entry(**network["entry"]), _from_json(network)) for network in content["networks"]
        )
    # Lists of other lengths, and answers that cannot be unpacked.
    except ValueError as error:
        raise InputError(
            f"results {path} must have sound rows, got {first_line(error)}; {_REMEDY}"
        ) from error
    found = result_problems(networks)
    if found:
        raise InputError(f"results {path} {'; '.join(found)}; {_REMEDY}")
    return Kept(
        question=content["question"],
        command=content["command"],
        spec=content["spec"],
        networks=networks,
    )


def _complete_(content: Any) -> None:
    """Fill in what version 1 does not hold: which images were right, and coverage."""
    with suppress(AttributeError, KeyError, TypeError):  # `form_problems` says what is wrong
        for network in content["networks"]:
            network.setdefault("digital_correct", None)
            if network["kind"] == "crossbar":
                network.setdefault("coverage", None)
            for row in network.get("rows", ()):
                row.setdefault("answers", None)


_COMMON = tuple(one.name for one in fields(OfNetwork))


def _entry(entry: Entry) -> dict[str, Any]:
    # Older files have no `against`.
    return {k: v for k, v in asdict(entry).items() if k != "against" or v is not None}


def _as_json(result: Result) -> dict[str, Any]:
    if isinstance(result, SummaryResult | NoisedResult):
        kind = "summary" if isinstance(result, SummaryResult) else "noise-summary"
        return {"kind": kind, "weights": result.weights, "found": result.found}
    common = {name: getattr(result, name) for name in _COMMON}
    common |= {"versions": dict(result.versions), "notes": list(result.notes)}
    digital = result.digital_correct
    if isinstance(result, AttributionResult):
        return {"kind": "attribution", **common, "found": result.found}
    if isinstance(result, CrossbarResult):
        rows = [
            {
                "cell": list(cell),
                "chips": list(chips),
                "correct": list(chips.values()),
                "nan": result.nan[cell],
                "answers": _answers([result.answers[cell][chip] for chip in chips], digital)
                if cell in result.answers
                else None,
            }
            for cell, chips in result.correct.items()
        ]
        return {"kind": "crossbar", **common, "coverage": result.coverage, "rows": rows}
    rows = [_row(cell, counts, result.etas, digital) for cell, counts in result.counts.items()]
    return {
        "kind": "noise",
        **common,
        "n_bn": result.n_bn,
        "n_classes": result.n_classes,
        "scopes": list(result.scopes),
        "references": list(result.references),
        "etas": list(result.etas),
        "same_as": dict(result.same),
        "nearest": {reference: asdict(one) for reference, one in result.nearest.items()},
        "predicted": [[*key, share] for key, share in result.predicted.items()],
        "rows": rows,
    }


def _from_json(content: dict[str, Any]) -> Result:
    if content["kind"] == "summary":
        return SummaryResult(found=content["found"], weights=content["weights"])
    if content["kind"] == "noise-summary":
        return NoisedResult(found=content["found"], weights=content["weights"])
    common = {name: content[name] for name in _COMMON}
    common["notes"] = tuple(content["notes"])
    digital = content["digital_correct"]
    if content["kind"] == "attribution":
        return AttributionResult(**common, found=content["found"])
    rows = content["rows"]
    if content["kind"] == "crossbar":
        cells = [tuple(row["cell"]) for row in rows]
        return CrossbarResult(
            **common,
            correct={
                cell: dict(zip(row["chips"], row["correct"], strict=True))
                for cell, row in zip(cells, rows, strict=True)
            },
            nan={cell: row["nan"] for cell, row in zip(cells, rows, strict=True)},
            answers={
                cell: dict(zip(row["chips"], known, strict=True))
                for cell, row in zip(cells, rows, strict=True)
                if (known := _known(row, digital, len(row["chips"]))) is not None
            },
            coverage=content["coverage"],
        )
    return NoiseResult(
        **common,
        n_bn=content["n_bn"],
        n_classes=content["n_classes"],
        scopes=tuple(content["scopes"]),
        references=tuple(content["references"]),
        etas=tuple(content["etas"]),
        same=content["same_as"],
        counts={
            (row["scope"], row["reference"]): _counts(row, content["etas"], digital) for row in rows
        },
        nearest={reference: Nearest(**one) for reference, one in content["nearest"].items()},
        predicted={(reference, eta): share for reference, eta, share in content["predicted"]},
    )


def _row(cell: Cell, counts: Counts, etas: Sequence[float], digital: str | None) -> dict[str, Any]:
    """Of each eta, a number a draw; None where that trial is not done."""
    draws = sorted({draw for found in counts.correct.values() for draw in found})
    correct = [[counts.correct.get(eta, {}).get(draw) for draw in draws] for eta in etas]
    nan = [[counts.nan.get(eta, {}).get(draw) for draw in draws] for eta in etas]
    done = [(eta, draw) for eta in etas for draw in draws if draw in counts.correct.get(eta, {})]
    return {
        "scope": cell[0],
        "reference": cell[1],
        "draws": draws,
        "correct": correct,
        # Mostly none: 0 stands for a row without any.
        "nan": [row if any(row) else 0 for row in nan],
        # Of the trials that are done, eta by eta.
        "answers": _answers([counts.answers[eta][draw] for eta, draw in done], digital)
        if counts.answers
        else None,
    }


def _counts(row: dict[str, Any], etas: Sequence[float], digital: str | None) -> Counts:
    correct: dict[float, dict[int, float]] = {}
    nan: dict[float, dict[int, int]] = {}
    for eta, right, none in zip(etas, row["correct"], row["nan"], strict=True):
        for at, (draw, count) in enumerate(zip(row["draws"], right, strict=True)):
            if count is not None:
                correct.setdefault(eta, {})[draw] = count
                nan.setdefault(eta, {})[draw] = none[at] if none else 0
    done = [(eta, draw) for eta, found in correct.items() for draw in found]
    answers: dict[float, dict[int, str]] = {}
    for (eta, draw), one in zip(done, _known(row, digital, len(done)) or (), strict=False):
        answers.setdefault(eta, {})[draw] = one
    return Counts(correct=correct, nan=nan, answers=answers)


def _answers(packed: Sequence[str], digital: str | None) -> str | None:
    """Without the digital network's answers there is nothing to compare with."""
    return None if digital is None else squeezed(packed, digital)


def _known(row: dict[str, Any], digital: str | None, count: int) -> list[str] | None:
    text = row["answers"]
    return None if text is None or digital is None else unsqueezed(text, digital, count)
