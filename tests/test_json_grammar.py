"""JSON documents that nearly fit: each reader takes them or refuses them in a sentence."""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict, get_type_hints

import matplotlib.font_manager  # noqa: F401 - it makes a folder when it is imported
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from analogsim import schema
from analogsim.crossbar.folder.chip_settings import ChipSettings, read_settings
from analogsim.experiment.digest import digest_of
from analogsim.experiment.header import RunHeader
from analogsim.experiment.layers_file import LayersFile
from analogsim.experiment.trial import Trial
from analogsim.report.attribution import _HINTS
from analogsim.report.chart_list import charts_of
from analogsim.report.comparison import Comparison
from analogsim.report.extras import read_extras
from analogsim.report.look import PAGE
from analogsim.report.summary import read_run, summarise_run
from analogsim.suites.kept_form import _Chips, _Head, _Noise
from tests.crossbar.test_damaged_chip import saved
from tests.fuzz.guard import faults_here
from tests.fuzz.runs import RUN, TARGETS, suites
from tests.json_grammar import documents, of_hint


def hints_of(kind: Any) -> dict[str, Any]:
    """Of a dataclass its fields alone."""
    every = get_type_hints(kind)
    if not dataclasses.is_dataclass(kind):
        return every
    return {field.name: every[field.name] for field in dataclasses.fields(kind)}


@lru_cache(maxsize=1)
def run_files() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        RUN(Path(name), None)
        return {path.name: path.read_bytes() for path in Path(name).iterdir()}


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file's sound content, the hints of its fields, where it lies and what reads it."""

    hints: Mapping[str, Any]
    sound: Callable[[], Any]
    file: str
    read: Callable[[Path], object]
    beside: Callable[[], dict[str, bytes]] = dict
    finish: Callable[[Any], Any] = lambda content: content


def header(content: Any) -> Any:
    """With the digest of its spec, as whoever edits one puts it right."""
    if isinstance(content.get("spec"), dict):
        content["spec_digest"] = digest_of(content["spec"])
    return content


def line_of(name: str, at: int = 0) -> Callable[[], Any]:
    return lambda: json.loads(run_files()[name].splitlines()[at])


def beside(name: str) -> Callable[[], Any]:
    return lambda: {"coverage": None, **json.loads(run_files()[name])}


class _Losses(TypedDict):
    rows: list[TypedDict("_Loss", _HINTS)]  # type: ignore[misc]


def network(at: int) -> Callable[[], Any]:
    return lambda: json.loads(suites()[at])["networks"][0]


def results(at: int) -> Callable[[Any], Any]:
    return lambda one: {**json.loads(suites()[at]), "networks": [one]}


def drawn(*names: str) -> Callable[[Path], None]:
    """Draws the charts of a file beside the records, by their names; not yet their images."""

    def draw(folder: Path) -> None:
        run, extras = read_run(folder), read_extras(folder)
        for chart in charts_of(run, summarise_run(run), extras):
            if chart.name.startswith(names):
                chart.figure(PAGE)
                chart.csv()

    return draw


READ_RUN, READ_RESULTS = TARGETS["run: folder"].read, TARGETS["run: results.json"].read
DOCUMENTS = {
    "run.json": Document(
        hints=hints_of(RunHeader), sound=lambda: json.loads(run_files()["run.json"]),
        file="run.json", read=READ_RUN, beside=run_files, finish=header,
    ),
    "records.jsonl": Document(
        hints=hints_of(Trial), sound=line_of("records.jsonl"), file="records.jsonl",
        read=READ_RUN, beside=run_files,
    ),
    "layers.json": Document(
        hints=hints_of(LayersFile), sound=beside("layers.json"), file="layers.json",
        read=drawn("layers", "weight", "conductances"), beside=run_files,
    ),
    "matched.json": Document(
        hints=hints_of(Comparison), sound=beside("matched.json"), file="matched.json",
        read=drawn("matched"), beside=run_files,
    ),
    "attribution.json": Document(
        hints=hints_of(_Losses), sound=beside("attribution.json"), file="attribution.json",
        read=drawn("attribution", "layers"), beside=run_files,
    ),
    "results.json": Document(
        hints=hints_of(_Head), sound=lambda: json.loads(suites()[0]), file="results.json",
        read=READ_RESULTS,
    ),
    "results.json, noise": Document(
        hints=hints_of(_Noise), sound=network(1), file="results.json", read=READ_RESULTS,
        finish=results(1),
    ),
    "results.json, chips": Document(
        hints=hints_of(_Chips), sound=network(3), file="results.json", read=READ_RESULTS,
        finish=results(3),
    ),
    "chip.json": Document(
        hints=hints_of(ChipSettings), sound=lambda: json.loads(saved()[0]["chip.json"]),
        file="chip.json", read=read_settings,
    ),
}  # fmt: skip


def looked_at(document: Document, content: Any) -> tuple[list[str], bool]:
    content.pop("crc32", None)
    content = document.finish(content)
    content.pop("crc32", None)
    with tempfile.TemporaryDirectory() as name:
        for file, whole in document.beside().items():
            (Path(name) / file).write_bytes(whole)
        (Path(name) / document.file).write_text(json.dumps(content))
        return faults_here(document.read, Path(name))


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_sound_document_is_read(document: Document) -> None:
    # What is imported late is imported, and kept compiled, before the reader is watched.
    looked_at(document, document.sound())
    assert looked_at(document, document.sound()) == ([], False)


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_document_is_taken_or_refused_in_a_sentence(
    document: Document, data: st.DataObject
) -> None:
    content = data.draw(documents(document.hints, document.sound()))
    faults, refused = looked_at(document, content)
    assert not faults
    event("refused" if refused else "taken")


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@settings(max_examples=20)
@given(data=st.data())
def test_what_is_of_the_hints_has_no_problem(document: Document, data: st.DataObject) -> None:
    """And an odd field is the one that is named."""
    fields = {name: data.draw(of_hint(hint)) for name, hint in document.hints.items()}
    fields = schema.loads(schema.dumps(fields))
    assert list(schema.field_problems(fields, document.hints)) == []
    name = data.draw(st.sampled_from(sorted(document.hints)))
    (problem,) = schema.field_problems({**fields, name: object()}, document.hints)
    assert problem.startswith(f"{name} must be ")
