"""A spec with `[[networks]]`: the same study of several networks, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analogsim.errors import shown
from analogsim.inputs.names import TOP1
from analogsim.spec.check import Problem
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.study import ATTRIBUTION, Spec, kind_from_toml
from analogsim.spec.table import KINDS, NETWORKS, OF_A_NETWORK
from analogsim.suites.entry import Entry
from analogsim.toml_text import toml_text

_LONGEST_LABEL = 100
# Names of a suite's own files, whatever their ending, and those that Windows keeps for devices.
_TAKEN = {
    *("records", "report", "results", "suite", "charts", "figures", "con", "prn", "aux", "nul"),
    *(f"{device}{number}" for device in ("com", "lpt") for number in range(10)),
}
# Comparisons of two networks, which are of accuracies at one setting.
_COMPARED = ("pair", "arm", "against", "growth", "published")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Several networks under one question; a spec each, with what it is in the tables.

    `content` is the TOML document.
    """

    question: str
    members: tuple[tuple[Entry, Spec | NoiseSpec], ...]
    content: dict[str, Any]


def suite_from_toml(content: dict[str, Any], folder: Path) -> Suite:
    """A suite of a TOML document that has no problems; `folder` is that of the file."""
    shared = {key: value for key, value in content.items() if key != NETWORKS}
    members = []
    for entry in content[NETWORKS]:
        own = {key: entry[key] for key in OF_A_NETWORK if key in entry}
        if "weights" in own:
            own["weights"] = str(folder / own["weights"])
        rest = {key: value for key, value in entry.items() if key not in OF_A_NETWORK}
        members.append((Entry(**rest), one_from_toml(shared | own, folder)))
    return Suite(question=content.get("question", ""), members=tuple(members), content=content)


def one_from_toml(content: dict[str, Any], folder: Path = Path()) -> Spec | NoiseSpec:
    """The spec of one network, of any kind."""
    return kind_from_toml(KINDS.get(content.get("kind", ""), Spec), content, folder)


def suite_problems(content: dict[str, Any], folder: Path) -> Iterator[Problem]:
    """What the schema cannot say of the networks, which it has found good."""
    entries = content[NETWORKS]
    labels = [entry["label"].casefold() for entry in entries]
    measured = content.get("measure", TOP1) != TOP1
    alone = [
        name
        for name, is_there in (("measure", measured), ("sweep", "sweep" in content))
        if is_there
    ]
    arms: dict[tuple[Any, ...], int] = {}
    for at, entry in enumerate(entries):
        key = f"{NETWORKS}[{at}]"
        if labels.index(labels[at]) < at:
            text = f"must be one of its own, got {entry['label']!r} twice"
            yield Problem(key=f"{key}.label", text=text)
        if (rule := _label_rule(entry["label"])) is not None:
            yield Problem(key=f"{key}.label", text=f"must be {rule}, got {shown(entry['label'])}")
        if "weights" in entry and not (folder / entry["weights"]).is_file():
            text = f"must be a file beside the spec, got {entry['weights']!r}, which is not in "
            yield Problem(key=f"{key}.weights", text=f"{text}{folder}")
        if ("pair" in entry) != ("arm" in entry):
            there = "pair" if "pair" in entry else "arm"
            text = f"must come with pair and arm both, got {there} alone"
            yield Problem(key=f"{key}.{there}", text=text)
        elif "pair" in entry:
            arm = entry["pair"], entry["arm"], entry.get("training_seed")
            if arm in arms:
                text = f"must be one arm of a pair and training seed, got {entry['arm']!r} of "
                text += f"{entry['pair']!r} again (first in networks[{arms[arm]}])"
                yield Problem(key=f"{key}.arm", text=text)
            arms.setdefault(arm, at)
        if (other := entry.get("against")) is not None:
            if other == entry["label"] or other not in (one["label"] for one in entries):
                text = f"must be the label of another network of the spec, got {shown(other)}"
                yield Problem(key=f"{key}.against", text=text)
            elif "kind" in content:
                text = f"must be left out of a spec of kind {content['kind']}, got {shown(other)}"
                yield Problem(key=f"{key}.against", text=text)
        for name in _COMPARED if alone else ():
            if name in entry:
                text = f"must be left out of a spec with [[networks]] and {' and '.join(alone)}, "
                text += f"whose networks stand side by side, got {shown(entry[name])}"
                yield Problem(key=f"{key}.{name}", text=text)
        if "bn" in entry and content.get("kind") == "noise":
            text = f"must be left out of a spec of kind noise, got {entry['bn']!r}"
            yield Problem(key=f"{key}.bn", text=text)
        one = content.get("kind") == ATTRIBUTION or "gaussian" in content
        if one and len(entry.get("bn", [])) > 1:
            text = f"must be one in an attribution, and with gaussian, got {entry['bn']}"
            yield Problem(key=f"{key}.bn", text=text)
    if "precision" in content.get("design", {}):
        yield Problem(
            key="design.precision",
            text="must be chips in a spec with [[networks]], whose tables compare chip by chip, "
            f"got precision {content['design']['precision']!r}",
        )


def _label_rule(label: str) -> str | None:
    """What a label breaks that the schema lets through; it is the name of a folder."""
    if len(label) > _LONGEST_LABEL:
        return f"at most {_LONGEST_LABEL} characters"
    # A pattern's $ lets a line end through.
    if label.endswith((".", "\n")):
        return "a name that ends in a letter, digit, - or _"
    if label.split(".")[0].casefold() in _TAKEN:
        return "a name that is free in every folder"
    return None


def suite_as_toml(suite: Suite) -> str:
    """The document as TOML: plain keys, then tables, then networks."""
    shared = {key: value for key, value in suite.content.items() if key != NETWORKS}
    entries = [f"\n[[{NETWORKS}]]\n{toml_text(entry)}" for entry in suite.content[NETWORKS]]
    return "".join([toml_text(shared), *entries])
