"""The sentences that answer a run, whatever else its chips were measured for."""

import textwrap
from collections.abc import Iterable

from analogsim.experiment.axes import place_of
from analogsim.report.answer import answer, cost_sentences, digital_sentence, nan_sentences
from analogsim.report.attribution_table import last_sentences
from analogsim.report.extras import Extras
from analogsim.report.matched_words import remarks
from analogsim.report.summary import Run, Summary
from analogsim.report.sweep import Sweep


def opening(run: Run, summary: Summary, extras: Extras) -> list[str]:
    """The sentences at the top. An attribution answers for its last time."""
    header, sweep = run.header, summary.get("sweep")
    if sweep is not None and sweep["sentences"]:
        return [
            digital_sentence(header.digital, header.quantity),
            *sweep["sentences"],
            *_at_the_reference(run, sweep),
            *nan_sentences(run.trials, header.quantity),
        ]
    if extras.attribution is not None and extras.attribution["sentences"]:
        return last_sentences(extras.attribution)
    more = {} if extras.comparison is None else remarks(extras.comparison)
    return answer(run.trials, header.digital, header.digital_correct, header.quantity, more)


def opening_text(sentences: Iterable[str]) -> str:
    """The sentences for a screen of 80 columns, below the tables."""
    return "\n".join(textwrap.fill(one, 80, subsequent_indent="  ") for one in sentences)


def _at_the_reference(run: Run, sweep: Sweep) -> list[str]:
    """What each preset costs at the values that a sweep holds the others against."""
    header, kept = run.header, set()
    for one in sweep["choices"]:
        point = {**one["others"], one["axis"]: one["reference"]}
        kept.add((one["preset"], one["bn"], one["compensation"], one["t_s"], place_of(point)))
    trials = [t for t in run.trials if (*t.key[:4], t.key[5]) in kept]
    if not trials:
        return []
    counted = (header.digital, header.digital_correct, header.quantity)
    return cost_sentences(trials, *counted, pairs=False)
