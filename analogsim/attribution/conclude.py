"""From what was measured to what is said of the whole chip, and of which layers to keep digital."""

import shlex
from collections.abc import Sequence
from glob import escape

from analogsim.attribution.effects import losses, lost_from, row_of, summed
from analogsim.attribution.measured import Measured
from analogsim.attribution.networks import share
from analogsim.attribution.suggestion import Goal, choose
from analogsim.attribution.treatment import Contrast, Plan, Treatment
from analogsim.attribution.words import sentences
from analogsim.experiment.header import RunHeader
from analogsim.experiment.statistics import ANY
from analogsim.experiment.study import Study
from analogsim.report.attribution import (
    FORMAT,
    VERSION,
    Attribution,
    Estimate,
    Row,
    Suggestion,
    Verification,
    Whole,
    estimate,
)


def conclude(
    header: RunHeader,
    found: Measured,
    study: Study,
    plan: Plan,
    *,
    goal: Goal,
    none: Treatment,
    by_source: Sequence[Contrast],
    by_layer: Sequence[Contrast],
    screened: Sequence[Row],
) -> Attribution:
    """What `attribution.json` says.

    Args:
        header, study: the run's.
        found: has been asked for all of these contrasts.
        plan: makes the treatment that a suggestion is.
        goal: of the suggestion.
        none: the chip with every source off.
        by_source, by_layer: what was measured in full.
        screened: the rows of layers that were not.

    Raises Missing, and has asked for what it lacks.
    """
    times_s = study.times_s
    # First, since it has something to ask for.
    suggestion, why_not = suggest(found, plan, goal, by_layer, times_s[-1])
    rows = [
        row_of(contrast, found.at(t_s), t_s, found.quantity)
        for t_s in times_s
        for contrast in (*by_source, *by_layer)
    ]
    every = {one.name for one in by_layer} == set(plan.forms.names)
    parts = (by_source, by_layer if every else [])
    result = Attribution(
        format=FORMAT,
        version=VERSION,
        question=header.question,
        command=header.command,
        model=header.model,
        data=header.data,
        preset=plan.preset,
        compensation=study.compensations[0],
        seed=study.seed,
        chips=len(found.chips),
        n_images=found.main.n_images,
        digital_accuracy=header.digital["accuracy"],
        whole=[whole_of(found, t_s, none, *parts) for t_s in times_s],
        rows=[*rows, *screened],
        suggestion=suggestion,
        no_suggestion=why_not,
        sentences=[],
        spec=header.spec,
        versions=header.versions,
        coverage=header.coverage,
    )
    result["sentences"] = sentences(result)
    return result


def whole_of(
    found: Measured,
    t_s: float,
    none: Treatment,
    by_source: Sequence[Contrast],
    by_layer: Sequence[Contrast],
) -> Whole:
    """The full chip at a time, beside the sum of its parts.

    Args:
        found: the trials of everything named here are there.
        t_s: the time in seconds.
        none: the chip with every source off.
        by_source, by_layer: all parts of a kind, or none where not all were measured.
    """
    lost, span = found.lost(t_s, found.chips), found.quantity.span
    sums: list[Estimate | None] = []
    for contrasts in (by_source, by_layer):
        alone = [one for one in contrasts if one.mode == "alone" and not one.why]
        parts = [losses(one, found.at(t_s), found.quantity) for one in alone]
        if not parts:
            sums += [None, None]
            continue
        total = summed(parts)
        sums += [estimate(one.mean(ANY)) for one in (total, lost - total)]
    return Whole(
        t_s=t_s,
        accuracy=estimate(found.by_chip(found.full, t_s, found.chips).mean(span)),
        loss=estimate(lost.mean(found.quantity.differences)),
        same_for_every_chip=lost.fixed,
        accuracy_all_off=found.by_chip(none, t_s, found.chips).mean(span).mean,
        sum_of_sources=sums[0],
        interaction_of_sources=sums[1],
        sum_of_layers=sums[2],
        interaction_of_layers=sums[3],
    )


def suggest(
    found: Measured,
    plan: Plan,
    goal: Goal,
    by_layer: Sequence[Contrast],
    t_s: float,
) -> tuple[Suggestion | None, str]:
    """The layers to keep digital, verified on fresh chips; or None and why there are none.

    Raises Missing.
    """
    if not by_layer:
        return None, "no layers were looked at"
    forms, at = plan.forms, found.at(t_s)
    quantity = found.quantity
    gains = {one.name: losses(one, at, quantity) for one in by_layer if one.mode == "without"}
    choice = choose(goal, found.lost(t_s, found.chips), gains, quantity)
    if isinstance(choice, str):
        return None, choice
    # In the order of the network, so that one set of layers has one name in the records.
    kept = [name for name in forms.names if name in choice.names]
    patterns = [*forms.full.keep_digital, *map(escape, kept)]
    suggestion = Suggestion(
        t_s=t_s,
        asked=str(goal),
        keep_digital=list(choice.names),
        option=" ".join(f"--keep-digital {shlex.quote(one)}" for one in patterns),
        reached=choice.reached,
        predicted=estimate(choice.predicted),
        weights_share=share(forms.weights(), choice.names),
        macs_share=share(forms.macs(), choice.names),
        verification=_verified(found, plan.keeping(kept), t_s),
    )
    return suggestion, ""


def _verified(found: Measured, other: Treatment | None, t_s: float) -> Verification:
    """The full chip beside `other` (None is the digital network) on the fresh chips."""
    both = [found.full] if other is None else [found.full, other]
    found.ask(both, found.fresh, [t_s])
    before = found.by_chip(found.full, t_s, found.fresh)
    after = found.by_chip(other, t_s, found.fresh)
    quantity = found.quantity
    gained = lost_from(after, before, quantity)
    return Verification(
        first_chip=found.fresh[0],
        last_chip=found.fresh[-1],
        loss=estimate(found.lost(t_s, found.fresh).mean(quantity.differences)),
        gain=estimate(gained.mean(quantity.differences)),
        accuracy=estimate(before.mean(quantity.span)),
        accuracy_kept=estimate(after.mean(quantity.span)),
    )
