"""The fields of `results.json`, and what they must be together."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal, TypedDict, get_type_hints

from analogsim import schema
from analogsim.errors import shown
from analogsim.experiment.deal import answer_problems
from analogsim.report.attribution import Attribution
from analogsim.report.summary import Summary
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.of_network import OfNetwork
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sound import count_problems, first_problem, noise_problems
from analogsim.scopes.summary import NoiseSummary
from analogsim.suites.attributed import AttributionResult, attribution_problems
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.noised import NoisedResult, noised_problems, quantity_of
from analogsim.suites.summarised import SummaryResult, summary_problems

_MOST = 20

Result = NoiseResult | CrossbarResult | AttributionResult | SummaryResult | NoisedResult


class _Head(TypedDict):
    question: str
    command: str
    spec: dict[str, Any]
    networks: list[dict[str, Any]]


_COMMON: dict[str, Any] = {
    **get_type_hints(OfNetwork),
    **{"versions": dict[str, str], "notes": list[str], "clean_correct": int},
}


class _ChipsRow(TypedDict):
    cell: list[Any]
    chips: list[int]
    correct: list[int]
    nan: int
    answers: str | None


class _Chips(TypedDict):
    kind: Literal["crossbar"]
    coverage: float | None
    rows: list[_ChipsRow]


class _NoiseRow(TypedDict):
    scope: Scope
    reference: Reference
    draws: list[int]
    correct: list[list[int | None]]
    nan: list[Literal[0] | list[int | None]]
    answers: str | None


class _Nearest(TypedDict):
    layer: str
    variance: float
    sigmas: float


class _Noise(TypedDict):
    kind: Literal["noise"]
    n_bn: int
    n_classes: int
    scopes: list[Scope]
    references: list[Reference]
    etas: list[float]
    same_as: dict[str, Scope]
    nearest: dict[str, _Nearest]
    predicted: list[list[Any]]
    rows: list[_NoiseRow]


class _Attribution(TypedDict):
    kind: Literal["attribution"]
    found: Attribution


class _Summary(TypedDict):
    kind: Literal["summary"]
    found: Summary
    weights: str


class _Noised(TypedDict):
    kind: Literal["noise-summary"]
    found: NoiseSummary
    weights: str


_FORMS = {
    "crossbar": _Chips,
    "noise": _Noise,
    "attribution": _Attribution,
    "summary": _Summary,
    "noise-summary": _Noised,
}


def form_problems(content: dict[str, Any]) -> list[str]:
    """Missing, unknown and wrong fields; `content` is completed with what version 1 lacks."""
    plain = {k: v for k, v in content.items() if k not in {"format", "version"}}
    found = [*islice(schema.field_problems(plain, get_type_hints(_Head)), _MOST)]
    for at, network in enumerate([] if found else content["networks"]):
        found += islice(_of_network(network, f"networks[{at}] "), _MOST - len(found))
    return found


def _of_network(network: dict[str, Any], where: str) -> Iterator[str]:
    fields = dict(network)
    entry = fields.pop("entry", None)
    if not isinstance(entry, dict):
        yield f"{where}entry must be an object, got {shown(entry)}"
        return
    yield from schema.field_problems(
        entry, get_type_hints(Entry), f"{where}entry ", optional={"against"}
    )
    if (entry.get("pair") is None) != (entry.get("arm") is None):
        yield f"{where}entry must have pair and arm both, got one alone"
    form = _FORMS.get(str(fields.get("kind")))
    if form is None:
        yield f"{where}kind must be one of {', '.join(_FORMS)}, got {shown(fields.get('kind'))}"
        return
    hints = get_type_hints(form) | ({} if form in (_Summary, _Noised) else _COMMON)
    if form is _Attribution:
        hints["clean_correct"] = float  # of another measure than the accuracy
    if "rows" in hints and hints.keys() <= fields.keys():
        yield from _of_rows(fields, where)
    yield from schema.field_problems(fields, hints, where)


def _of_rows(fields: dict[str, Any], where: str) -> Iterator[str]:
    """What no hint says: lists of so many values, each once."""
    for at, row in enumerate(fields["rows"] if isinstance(fields["rows"], list) else ()):
        if not isinstance(row, dict):
            continue
        cell, units = row.get("cell"), row.get("chips", row.get("draws"))
        if fields["kind"] == "crossbar" and not _is_cell(cell):
            yield (
                f"{where}rows[{at}] cell must be a preset, a treatment of BatchNorm, a "
                f"compensation and seconds, got {shown(cell)}"
            )
        if isinstance(units, list) and any(units.count(one) > 1 for one in units):
            yield f"{where}rows[{at}] must name each chip or draw once, got {shown(units)}"
        nan = row.get("nan")
        if isinstance(units, list) and isinstance(nan, list):
            other = [one for one in nan if isinstance(one, list) and len(one) != len(units)]
            if other:
                got = f"{len(units)} draws, got {shown(other[0])}"
                yield f"{where}rows[{at}] nan must be 0 or a number for each of {got}"
    for row in fields["predicted"] if isinstance(fields.get("predicted"), list) else ():
        if not (schema.fits(row, list[Any]) and len(row) == 3 and _is_predicted(row)):
            yield f"{where}predicted must be reference, eta and share, got {shown(row)}"


def _is_cell(cell: object) -> bool:
    return (
        isinstance(cell, list)
        and len(cell) == 4
        and schema.fits(cell[:3], list[str])
        and schema.fits(cell[3], float)
        and cell[3] >= 0
    )


def _is_predicted(row: Sequence[Any]) -> bool:
    return isinstance(row[0], str) and schema.fits(list(row[1:]), list[float])


def result_problems(networks: Sequence[tuple[Entry, Result]]) -> list[str]:
    """Numbers that no study measures, and networks that are not of one study."""
    found: list[str] = []
    for at, (_, result) in enumerate(networks):
        if isinstance(result, NoiseResult):
            of = noise_problems(result)
        elif isinstance(result, AttributionResult):
            of = list(attribution_problems(result))
        elif isinstance(result, SummaryResult):
            of = list(summary_problems(result))
        elif isinstance(result, NoisedResult):
            of = noised_problems(result)
        else:
            of = list(_of_chips(result))
        found += [f"networks[{at}] {text}" for text in of]
    labels = [entry.label for entry, _ in networks]
    found += [
        f"networks[{at}] against must be the label of another network, got {shown(entry.against)}"
        for at, (entry, _) in enumerate(networks)
        if entry.against is not None and entry.against not in labels[:at] + labels[at + 1 :]
    ]
    if not found and len({_shared(result) for _, result in networks}) > 1:
        found.append("networks must be of one study, got different ones")
    return found[:_MOST]


def _shared(result: Result) -> tuple[Any, ...]:
    """What one spec says for all its networks."""
    if isinstance(result, CrossbarResult):
        return ("crossbar", result.n_images)
    if isinstance(result, AttributionResult):
        return ("attribution", result.n_images, result.quantity)
    if isinstance(result, SummaryResult):
        return ("summary", result.n_images, result.quantity)
    if isinstance(result, NoisedResult):
        return (
            "noise-summary",
            result.n_images,
            quantity_of(result.found),
            *result.found["scopes"],
        )
    return ("noise", result.n_images, result.scopes, result.references, result.etas)


def _of_chips(result: CrossbarResult) -> Iterator[str]:
    total = result.n_images
    if not 1 <= result.clean_correct <= total:
        yield f"clean_correct must be from 1 to n_images = {total}, got {result.clean_correct}"
        return
    if result.coverage is not None and not 0 <= result.coverage <= 1:
        yield f"coverage must be in [0, 1], got {result.coverage}"
    if result.digital_correct is not None:
        known = result.digital_correct
        yield from answer_problems(known, total, result.clean_correct, "digital_correct")
    for cell, right in result.correct.items():
        where = f"row {shown(list(cell))}"
        yield from count_problems(list(right.values()), total, f"{where} correct")
        yield from count_problems([result.nan[cell]], total * len(right), f"{where} nan")
        yield from first_problem(result.answers.get(cell, {}), total, right, f"{where} answers")
