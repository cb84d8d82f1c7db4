"""What a reader must know beside the numbers, and where they come from."""

from collections.abc import Sequence

from analogsim.experiment.records import Trial
from analogsim.report.extras import Extras
from analogsim.report.summary import UNSEEDED, Run, Summary


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
        "Intervals are over chips, not over images: Student's t at 95 %. All images of a trial "
        "see the same programmed weights, so an interval over images would be too narrow.",
        "Each chip is programmed once. Where the device has read noise, one draw of it is made "
        "at each time and kept for all images of that trial.",
    ]
    rows = summary["rows"]
    if any(row["design"] == "dealt" for row in rows):
        found.append(
            "Images were dealt out over the chips, so that all are used equally. Accuracies are "
            "adjusted to the whole test set by the digital network's answers; intervals use the "
            "crossed standard error. The spread of chips is without the noise of the few images."
        )
    if any(row["percentile5_method"] == "normal chips" for row in rows):
        found.append(
            "The interval of the standard deviation, and that of the 5th percentile chip where it "
            "says so, take the chips' accuracies as normally distributed."
        )
    if "cpp" in summary["tiles"]:
        found.append(UNSEEDED)
    if any(row["ci95"] is None for row in rows):
        found.append("Rows with one chip have no interval: one chip says nothing about spread.")
    if len({(row["preset"], row["bn"], row["compensation"]) for row in rows}) > 2:
        found.append(
            "The answer names the highest and the lowest of several curves, picked after the "
            "measurement; their intervals are not widened for that choice."
        )
    bounds = [bound for row in rows for bound in row["ci95"] or []]
    if any(not 0 <= bound <= 1 for bound in bounds):
        found.append(
            "Some intervals reach beyond 0 or 100 %. They are shown as computed: with few chips, "
            "or at the ceiling or floor, Student's t is an approximation."
        )
    return [*found, *extras.notes]


def listed(values: Sequence[object]) -> str:
    """Values with commas between them."""
    return ", ".join(map(str, values))
