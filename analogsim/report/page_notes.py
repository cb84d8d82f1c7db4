"""What a reader must know beside the numbers, and where they come from."""

from collections.abc import Sequence

from analogsim.experiment.trial import Trial
from analogsim.report.extras import Extras
from analogsim.report.summary import UNSEEDED, Run, Summary, row_name
from analogsim.report.verdicts import MOST

_NO_NARROWER = " Neither is narrower than flips of answers that were not seen allow."


def origins(trials: Sequence[Trial]) -> dict[str, str]:
    """Where the trials come from: seeds, chips, tiles, devices."""
    chips = sorted({trial.chip for trial in trials})
    return {
        "root seeds": listed(sorted({trial.seed for trial in trials})),
        "chips": f"{len(chips)}, numbers {chips[0]} to {chips[-1]}",
        "trials": str(len(trials)),
        "tile": listed(sorted({trial.tile for trial in trials})),
        "forward": listed(sorted({trial.forward for trial in trials})),
        "computed on": listed(sorted({trial.device for trial in trials})),
        "computing time": f"{sum(trial.wall_s for trial in trials):.0f} s in all trials",
    }


def notes(run: Run, summary: Summary, extras: Extras) -> list[str]:
    """The run's own notes, those of the statistics, and those of what could not be shown."""
    # Sentences of the comparison stand in a section of their own.
    said = [] if extras.comparison is None else extras.comparison["sentences"]
    found = [note for note in run.notes if note not in said]
    found += [f"Warning: {text}." for text in run.warnings]
    found += [
        "Intervals are at 95 %. On these images they are over chips (Student's t): what other "
        "chips would do with them. On new images they are over chips and images together."
        + _NO_NARROWER
        * all(trial.n_correct is not None for trial in run.trials),
        "Each chip is programmed once. Where the device has read noise, one draw of it is made "
        "at each time and kept for all images of that trial.",
    ]
    if extras.attribution is not None:
        found += extras.attribution["sentences"][-1:]
    rows = summary["rows"]
    if any(row["design"] == "dealt" for row in rows):
        found.append(
            "Images were dealt out over the chips, so that all are used equally. Accuracies are "
            "adjusted to the whole test set by the digital network's answers; intervals use the "
            "crossed standard error. The spread of chips is without the noise of the few images."
        )
    if any(row["percentile5_method"] == "normal chips" for row in rows):
        found.append(
            "Where it says so, the 5th percentile chip takes chips as normally distributed, and "
            "then has no interval: from 72 chips on order statistics give one for any distribution."
        )
    if "cpp" in summary["tiles"]:
        found.append(UNSEEDED)
    if any(row["ci95"] is None for row in rows):
        found.append("Rows with one chip have no interval: one chip says nothing about spread.")
    if len({(row_name(row), row["bn"], row["compensation"]) for row in rows}) > MOST:
        found.append(
            "Of many curves the answer names those that cost least and most, picked after the "
            "measurement: each of their verdicts counts as one of all that were looked at. Their "
            "intervals are not widened for that choice."
        )
    return [*found, *extras.notes]


def listed(values: Sequence[object]) -> str:
    """Values with commas between them."""
    return ", ".join(map(str, values))
