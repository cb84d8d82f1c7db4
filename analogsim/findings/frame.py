"""The trials of a folder as a pandas data frame, whatever kind of study made it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analogsim.errors import InputError
from analogsim.experiment.header import read_header
from analogsim.experiment.records import read_records
from analogsim.experiment.trial import Trial
from analogsim.findings.kinds import kind_of, results_of
from analogsim.report.csv_file import flat
from analogsim.report.summary import read_run
from analogsim.scopes.levels import levels_of
from analogsim.suites.kept import read_kept

if TYPE_CHECKING:
    import pandas as pd


def read(folder: Path | str) -> "pd.DataFrame":
    """The finished trials of the run in `folder`, a row each, in the order of its spec.

    Of an attribution also those of its treatments, whose names are in `preset`; of a noise study
    with `scope`, `reference` and `eta`, and the draw as `chip`; of a suite those of all networks,
    with the name of each in `network`. The mean over images is `accuracy`, or under the name of
    another measure. `attrs` holds the question, that name, the digital network's mean (of a suite
    by network), the spec and the notes.

    Raises:
        InputError: pandas is not installed, or the folder holds no run.
    """
    try:
        import pandas as pd  # an extra
    except ImportError as error:
        raise InputError(
            "analogsim.read must have the package pandas, which is not installed; "
            "pip install 'analogsim-aimc[pandas]', or read records.csv"
        ) from error
    folder = Path(folder)
    if kind_of(folder) == "suite":
        return _suite(pd, folder)
    run = read_run(folder)
    quantity = run.header.quantity
    rows = [flat(trial, quantity) for trial in _trials(folder, run.trials)]
    if run.header.spec.get("kind") == "noise":
        levels = _levels(run.header.spec)
        rows = [{**levels.get(row["preset"], _NO_LEVEL), **row} for row in rows]
    frame = pd.DataFrame(rows)
    frame.attrs = {
        "question": run.header.question,
        "digital_accuracy": run.header.digital["accuracy"],
        "measure": quantity.name,
        "spec": run.header.spec,
        "notes": list(run.notes),
    }
    return frame


def _trials(folder: Path, main: tuple[Trial, ...]) -> list[Trial]:
    """Those of the run, and of the folders in which an attribution keeps others."""
    found = list(main)
    if kind_of(folder) == "attribution":
        digest = read_header(folder).spec_digest
        for beside in sorted(path.parent for path in folder.glob("*/records.jsonl")):
            more = read_records(beside)
            other = next((one for one in more if one.spec_digest != digest), None)
            if other is not None:
                raise InputError(
                    f"run folder {beside} trials must have the digest {digest}, got "
                    f"{other.spec_digest} (chip {other.chip}); keep experiments in separate folders"
                )
            found += sorted(more, key=lambda one: (one.preset, one.t_s, one.chip))
    return found


_NO_LEVEL: dict[str, Any] = {"scope": None, "reference": None, "eta": None}


def _levels(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each preset of a noise study stands for."""
    levels = levels_of(spec["same_as"].values(), spec["references"], spec["etas"])
    return {one.preset: asdict(one) for one in levels}


def _suite(pd: Any, folder: Path) -> "pd.DataFrame":
    if folder.is_file():
        raise InputError(
            f"analogsim.read must be given a folder with records, got the file {folder}, which "
            "holds counts; give the folder that the suite was run in"
        )
    kept = read_kept(results_of(folder))
    frames = {entry.label: read(folder / entry.label) for entry, _ in kept.networks}
    for label, frame in frames.items():
        frame.insert(0, "network", label)
    whole = pd.concat([frame.assign() for frame in frames.values()], ignore_index=True)
    whole.attrs = {
        "question": kept.question,
        "digital_accuracy": {
            label: frame.attrs["digital_accuracy"] for label, frame in frames.items()
        },
        "spec": kept.spec,
        "notes": [note for frame in frames.values() for note in frame.attrs["notes"]],
    }
    return whole  # type: ignore[no-any-return]
