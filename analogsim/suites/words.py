"""What tables of pairs, under noise and on chips, say in words: by rule, never chosen."""

from collections.abc import Iterable, Sequence

from analogsim.experiment.statistics import Interval
from analogsim.report.labels import format_duration
from analogsim.suites.bounds import (
    by_chance,
    cases_said,
    images_said,
    remaining,
    sign,
)
from analogsim.suites.chips import Compared, Networks, compared
from analogsim.suites.held import NARROW, held_share, holds, is_narrow
from analogsim.suites.pairs import Case, Pair
from analogsim.suites.published import Published

_ONE_TRAINING = " It is of one training: how another would come out, it does not say."


def sentences(pair: Pair) -> list[str]:
    """The answer, and how the published values compare."""
    said = [_verdict(pair)]
    if pair.published is not None:
        said += [_against(pair, pair.published), _both(pair, pair.published)]
        if pair.published.clean_if_chance is not None:
            said.append(_at_chance(pair, pair.published, pair.published.clean_if_chance))
    return said


def _verdict(pair: Pair) -> str:
    differences = [case.difference for case in pair.cases]
    where: dict[int, list[Case]] = {-1: [], 0: [], 1: []}
    for case in pair.cases:
        where[sign(case.difference)].append(case)
    kept = [c for c, known in zip(pair.cases, remaining(differences), strict=True) if known]
    text = (
        f"{pair.name}: the network with BatchNorm keeps less of its accuracy than the one without "
        f"in {_list(where[-1])}; more in {_list(where[1])}; not told apart in {_list(where[0])}. "
        f"({_rule(pair)}: the interval of the difference"
    )
    return text + _rest(differences, _list(kept), pair.n_trainings)


def _rest(found: Sequence[Interval], kept: str, n_trainings: int) -> str:
    """How the verdicts on differences allow for each other, and what they say nothing of."""
    text = (
        f" leaves 0 out; {by_chance(found)}. With Holm's correction for all of them these remain: "
        f"{kept}.)"
    )
    return text + _ONE_TRAINING * (n_trainings == 1)


def _rule(pair: Pair) -> str:
    images = images_said([case.difference for case in pair.cases], pair.n_images)
    return f"Rule, at 95 % over {pair.over} and {images}"


def _against(pair: Pair, published: Published) -> str:
    value = published.with_bn
    intervals = [(case, case.with_bn.best_bounds) for case in pair.cases]
    stays = [case for case, known in intervals if known is not None and known[0] > value]
    falls = [case for case, known in intervals if known is not None and known[1] < value]
    wide = [
        c for c, known in intervals if c not in stays and c not in falls and not is_narrow(known)
    ]
    rest = [case for case in pair.cases if case not in stays + falls + wide]
    return (
        f"{pair.name} against the published {100 * value:.2f} % of {published.name} with "
        f"BatchNorm: stays above it, so that the published collapse is ruled out, in "
        f"{_list(stays)}; is lower in {_list(falls)}; is compatible with it in {_list(rest)}; the "
        f"interval is too wide to say in {_list(wide)}. ({_rule(pair)}: where the interval lies; "
        f"too wide is more than +- {100 * NARROW:g} points. An average depends on its grid, and "
        "the published grid is not known.)"
    )


def _both(pair: Pair, published: Published) -> str:
    """A collapse alone is easily had: the published pair also has an arm that does not collapse."""
    holding = [
        case for case in pair.cases if holds(case.region, published.with_bn, published.without_bn)
    ]
    compatible = [case for case in holding if case.narrow]
    wide = [case for case in holding if not case.narrow]
    each = "" if pair.n_trainings == 1 else ", and so do those of each training"
    return (
        f"{pair.name} against both published values of {published.name} "
        f"({100 * published.with_bn:.2f} % with, {100 * published.without_bn:.2f} % without "
        f"BatchNorm): {len(compatible)} of {len(pair.cases)} cases "
        f"{'is' if len(compatible) == 1 else 'are'} compatible with them: {_list(compatible)}. An "
        f"arbitrary pair of values would find one as often as {_share(pair, narrow=True)}. Too "
        f"wide to say are {_list(wide)}; with such cases counted an arbitrary pair would find one "
        f"as often as {_share(pair, narrow=False)}. ({_rule(pair)}: the intervals hold both "
        f"values{each}, and are no wider than +- {100 * NARROW:g} points. Arbitrary pairs are "
        f"uniform over {100 * pair.chance:.2f} % (chance) <= with <= without <= 100 %.)"
    )


def _share(pair: Pair, *, narrow: bool) -> str:
    found = [(case.region, case.narrow) for case in pair.cases]
    regions = [one for one, is_one in found if one is not None and (is_one or not narrow)]
    return f"{100 * held_share(regions, pair.chance):.0f} %"


def _at_chance(pair: Pair, published: Published, clean: float) -> str:
    """A published value that is chance is compared as such: chance moves with clean accuracy."""
    low, high = pair.chance - pair.chance_error, pair.chance + pair.chance_error
    guessing = []
    for case in pair.cases:
        known = case.with_bn.best_bounds
        if known is not None and known[0] <= high and low <= known[1]:
            guessing.append(case)
    narrow = [case for case in guessing if is_narrow(case.with_bn.best_bounds)]
    wide = [case for case in guessing if case not in narrow]
    both = [case for case in guessing if _without(case, published.without_bn)]
    return (
        f"{pair.name} and chance: {100 * published.with_bn:.2f} % is what chance is at a clean "
        f"accuracy of {100 * clean:.1f} %, here it is {100 * pair.chance:.2f} %. The network with "
        f"BatchNorm is compatible with chance in {_list(narrow)}; the interval is too wide to say "
        f"in {_list(wide)}. Of all these the network without is compatible with "
        f"{100 * published.without_bn:.2f} % in {_list(both)}. ({_rule(pair)}: the interval meets "
        f"{100 * low:.2f} to {100 * high:.2f} %, what guessing gives on these images.)"
    )


def _without(case: Case, value: float) -> bool:
    known = case.without_bn.best_bounds
    return known is not None and is_narrow(known) and known[0] <= value <= known[1]


def _list(cases: Iterable[Case]) -> str:
    return cases_said(((f"{one.scope}/{one.reference}", one.grid) for one in cases), " ")


def chip_sentences(networks: Networks) -> list[str]:
    """Whether BatchNorm costs accuracy there, pair by pair, and over trainings."""
    groups: dict[tuple[str, int], list[Compared]] = {}
    for one in compared(networks):
        groups.setdefault((one.name, one.n_trainings), []).append(one)
    # What holds over trainings is said first.
    order = sorted(groups, key=lambda group: -group[1])
    return [_of_chips(groups[group]) for group in order]


def _of_chips(rows: Sequence[Compared]) -> str:
    places = [
        (row, t_s, one)
        for row in rows
        for t_s, one in zip(row.times, row.cells, strict=True)
        if one is not None
    ]
    means = [one for _, _, one in places]
    signs = [sign(one) for one in means]
    over = max((row.over for row in rows), key=len)
    said = {
        way: _places([place for place, found in zip(places, signs, strict=True) if found == way])
        for way in (-1, 0, 1)
    }
    kept = [place for place, known in zip(places, remaining(means), strict=True) if known]
    text = (
        f"{rows[0].name}: BatchNorm costs a share of the digital accuracy in {said[-1]}; gains "
        f"one in {said[1]}; not told apart in {said[0]}. (Rule, at 95 % over {over} and "
        f"{images_said(means, rows[0].n_images)}: the interval of with minus without"
    )
    return text + _rest(means, _places(kept), rows[0].n_trainings)


def _places(places: Sequence[tuple[Compared, float, Interval]]) -> str:
    named = ((f"{'/'.join(row.panel)}/{row.bn}", format_duration(t_s)) for row, t_s, _ in places)
    return cases_said(named, ", ")
