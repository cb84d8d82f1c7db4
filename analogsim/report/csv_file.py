"""The trials as a table for other programs: `records.csv`, and columns for a data frame."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from analogsim.experiment.trial import Trial

# Settings that every trial repeats, and answers to single images, stay in records.jsonl.
_LEFT_OUT = ("versions", "correct", "images")


def flat(trial: Trial) -> dict[str, Any]:
    """A trial as one line of a table: its numbers and names, and which images it saw."""
    fields = {key: value for key, value in asdict(trial).items() if key not in _LEFT_OUT}
    images = trial.images
    fields["images_order"] = None if images is None else images["order"]
    fields["images_round"] = None if images is None else images["round"]
    fields["images_start"] = None if images is None else images["start"]
    fields["images_total"] = None if images is None else images["total"]
    return fields


def csv_text(trials: Sequence[Trial]) -> str:
    """The trials as CSV (RFC 4180) with a line of names."""
    target = io.StringIO()
    writer = csv.DictWriter(target, list(flat(trials[0])))
    writer.writeheader()
    writer.writerows(flat(trial) for trial in trials)
    return target.getvalue()
