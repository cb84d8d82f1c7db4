"""A results.json whose numbers no study measures is refused in one sentence; its seal is out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.suites.build import format_suite
from analogsim.suites.kept import Kept, read_kept, write_kept
from tests.scopes.toy import answered, toy
from tests.suites.test_kept import chips, kept, known

Edit = Callable[[dict[str, Any]], object]


def written(path: Path, one: Kept, edit: Edit) -> Path:
    write_kept(path, one)
    content = json.loads(path.read_text())
    del content["crc32"]
    edit(content)
    path.write_text(json.dumps(content))
    return path


def first(**changes: Any) -> Edit:
    return lambda c: c["networks"][0].update(changes)


def row(**changes: Any) -> Edit:
    return lambda c: c["networks"][0]["rows"][0].update(changes)


def entry(**changes: Any) -> Edit:
    return lambda c: c["networks"][0]["entry"].update(changes)


BOTH: dict[str, tuple[Edit, str]] = {
    "no networks": (lambda c: c.update(networks=None), "networks must be a list, got None"),
    "a number": (lambda c: c.update(networks=[3]), r"networks\[0\] must be an object, got 3"),
    "another key": (lambda c: c.update(x=1), "must have no other fields, got 'x'"),
    "question": (lambda c: c.update(question=[]), r"question must be text, got \[\]"),
    "no entry": (lambda c: c["networks"][0].pop("entry"), r"networks\[0\] entry must be an object"),
    "label": (entry(label=["a"]), r"entry label must be text, got \['a'\]"),
    "arm": (entry(arm="x"), "entry arm must be"),
    "an arm alone": (entry(pair=None), "entry must have pair and arm both, got one alone"),
    "kind": (
        first(kind=[1]),
        r"kind must be one of crossbar, noise, attribution, summary, noise-s.*, got \[1\]",
    ),
    "images": (first(n_images="100"), "n_images must be a whole number, got '100'"),
    "no images": (first(n_images=0), "clean_correct must be from 1 to n_images = 0, got 80"),
    "none right": (first(clean_correct=0), "clean_correct must be from 1 to n_images = 100, got 0"),
    "more right": (first(clean_correct=101), "must be from 1 to n_images = 100, got"),
    "another size": (
        first(n_images=99),
        r"(must hold 99 answers|n_images = 99, got 100|networks must be of one study)",
    ),
    "versions": (first(versions={"torch": 1}), r"versions\['torch'\] must be text, got 1"),
    "rows": (first(rows={}), r"networks\[0\] rows must be a list, got \{\}"),
    "a row": (first(rows=[0]), r"rows\[0\] must be an object, got 0"),
    "long": (first(rows=[0] * 1000), r"rows\[19\] must be an object, got 0"),
    "answers": (row(answers="AA=="), r"must have sound rows, got answers "),
    "escape": (
        first(kind="\x1b[2J"),
        r"kind must be one of crossbar, noise, attribution, summary, noise-s.*, got '\\x1b\[2J'",
    ),
}
NOISE: dict[str, tuple[Edit, str]] = {
    "layers": (first(n_bn=-1), "n_bn and n_classes must be at least 0 and 1, got -1 and 10"),
    "classes": (first(n_classes=0), "n_bn and n_classes must be at least 0 and 1, got 3 and 0"),
    "scopes": (first(scopes=["weights", "weights"]), "scopes must be different ones of weights, "),
    "no scope": (first(scopes=["x"]), r"scopes\[0\] must be one of weights, .*, got 'x'"),
    "a list": (first(scopes=[["weights"]]), r"scopes\[0\] must be one of .*, got \['weights'\]"),
    "references": (first(references=[]), r"references must be different ones of std, max, got "),
    "no eta": (first(etas=[]), r"(etas must be different ones above 0|sound rows)"),
    "eta 0": (first(etas=[0, 0.2]), "etas must be different ones above 0, got"),
    "same": (first(same_as={}), "same_as must give a scope for each, got none for weights"),
    "nearest": (first(nearest={"x": {}}), r"nearest\['x'\] must have the fields layer, "),
    "predicted": (first(predicted=[]), "predicted must be a share for each reference and eta"),
    "a share of 2": (first(predicted=[["std", 0.05, 2.0]]), "predicted must be a share for each"),
    "half a share": (first(predicted=[["std"]]), "predicted must be reference, eta and share"),
    "a cell less": (lambda c: c["networks"][0]["rows"].pop(), "rows must hold variance of std"),
    "twice": (row(draws=[0, 0]), r"rows\[0\] must name each chip or draw once, got \[0, 0\]"),
    "counts": (row(correct=[[101, 1], [1, 1]]), "correct must be from 0 to n_images = 100, got"),
    "below 0": (row(correct=[[-1, 1], [1, 1]]), "correct must be from 0 to n_images = 100, got -1"),
    "short": (row(correct=[[1], [1, 1]]), "must have sound rows, got "),
    "nan": (row(nan=[5, 0]), r"rows\[0\] nan\[0\] must be .*, got 5"),
    "nan short": (row(nan=[[5], 0]), "nan must be 0 or a number for each of 2 draws, got"),
    "nan none": (row(nan=[[None, 1], 0]), "nan must be from 0 to n_images = 100, got None"),
}  # fmt: skip
CHIPS: dict[str, tuple[Edit, str]] = {
    "other counts": (row(correct=[79, 76]), "answers must hold 100 answers, 79 of them right, got"),
    "coverage": (first(coverage=1.5), r"coverage must be in \[0, 1\], got 1\.5"),
    "cell": (row(cell=["pcm"]), r"cell must be a preset, a treatment of .*, got \['pcm'\]"),
    "cell of text": (row(cell=["pcm", "digital", "none", "1"]), "cell must be a preset, a treat"),
    "before": (row(cell=["pcm", "digital", "none", -1.0]), "cell must be a preset, a treatment of"),
    "twice": (row(chips=[0, 0]), r"rows\[0\] must name each chip or draw once, got \[0, 0\]"),
    "counts": (row(correct=[101, 1]), "correct must be from 0 to n_images = 100, got"),
    "nan": (row(nan=201), "nan must be from 0 to n_images = 200, got 201"),
    "longer": (row(chips=[0, 1, 2]), r"sound rows, got (zip|answers)"),
}


@pytest.mark.parametrize(("edit", "message"), (BOTH | NOISE).values(), ids=BOTH | NOISE)
def test_noise_that_no_study_measures_is_refused(tmp_path: Path, edit: Edit, message: str) -> None:
    one = kept(answered(toy()), answered(toy()))
    with pytest.raises(InputError, match=rf"^results .*r\.json .*{message}.*; restore the file$"):
        read_kept(written(tmp_path / "r.json", one, edit))


@pytest.mark.parametrize(("edit", "message"), (BOTH | CHIPS).values(), ids=BOTH | CHIPS)
def test_chips_that_no_study_measures_are_refused(tmp_path: Path, edit: Edit, message: str) -> None:
    one = kept(known(chips()), known(chips()))
    with pytest.raises(InputError, match=rf"^results .*r\.json .*{message}.*; restore the file$"):
        read_kept(written(tmp_path / "r.json", one, edit))


def test_answers_are_those_that_were_counted(tmp_path: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["networks"][0]["clean_correct"] = 79

    one = kept(answered(toy()))
    message = "digital_correct must hold 100 answers, 79 of them right, got 104 bits, 80 of them "
    with pytest.raises(InputError, match=message):
        read_kept(written(tmp_path / "r.json", one, edit))


@pytest.mark.parametrize("one", [kept(toy(), toy()), kept(known(chips()))], ids=["noise", "chips"])
def test_what_was_not_edited_is_read(tmp_path: Path, one: Kept) -> None:
    """Negative control."""
    path = written(tmp_path / "r.json", one, lambda content: None)
    assert read_kept(path) == one
    assert format_suite(read_kept(path)) == format_suite(one)
