"""Tables and figure of experiments/README.md, from experiments/results alone.

python experiments/tables.py            prints the tables
python experiments/tables.py --write    puts them between the README's markers, draws the figure
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from hardening_tables import hardening
from table_parts import DEVICES, HERE, OVER, cell, network_cells, read, table

from analogsim.experiment.statistics import Interval, holm, told_apart
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.units import Units, trainings
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept

Result = TypeVar("Result", NoiseResult, CrossbarResult)
README, FIGURE = HERE / "README.md", HERE / "batchnorm.png"
START, END = "<!-- {}: python experiments/tables.py --write -->", "<!-- end of {} -->"

NOISE = (
    *("bn_noise_trainings", "bn_noise_resnet44_trainings", "bn_noise", "bn_noise_depth"),
    *("bn_noise_vgg16", "bn_noise_cifar100", "bn_noise_l1_topk", "bn_noise_layers"),
)
CHIPS = (
    *("bn_crossbar_trainings", "bn_crossbar_resnet44_trainings", "bn_crossbar_ideal"),
    *("bn_crossbar", "bn_crossbar_resnet44", "bn_crossbar_resnet44_standard"),
    *("bn_crossbar_vgg16", "bn_crossbar_cifar100", "bn_crossbar_l1_topk"),
)
COLUMNS: Mapping[Scope, str] = {
    "weights": "weights",
    "biases": "+ biases",
    "affine": "+ gamma, beta",
    "mean": "+ running mean",
    "variance": "+ running variance",
    "variance-clamped": "the same, clamped",
    "folded": "folded",
}
DAY_S = 86400.0
Panels = Mapping[str, Mapping[str, Interval]]
"""Condition -> network -> with minus without BatchNorm."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--write", action="store_true", help="renew README.md and the figure")
    panels = _panels()
    parts = {"answer": answer(panels), "tables": tables(), "hardening": hardening()}
    if not parser.parse_args().write:
        sys.stdout.write("".join(parts.values()))
        return
    text = README.read_text(encoding="utf-8")
    for name, part in parts.items():
        start, end = START.format(name), END.format(name)
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{part}{end}{after}"
    README.write_text(text, encoding="utf-8")
    draw(panels, FIGURE)


def answer(panels: Panels) -> str:
    """A line a condition: how far the networks are apart, and which are told apart."""
    lines = [f"- **{title}**: {_spread(list(panel.values()))}" for title, panel in panels.items()]
    names = next(iter(panels.values()))
    several = [name.removesuffix(" trainings") for name in names if name.endswith(" trainings")]
    said = " and ".join("{1} trainings of {0}".format(*name.rsplit(", ", 1)) for name in several)
    as_trained = {name: panels[f"{name} after 1 d, BatchNorm digital"] for name in DEVICES.values()}
    worst = {
        name: -100 * min(one.mean for one in panel.values()) for name, panel in as_trained.items()
    }
    return "\n".join([
        "",
        "In points of normalised accuracy (each network's own digital accuracy is 100 %), with "
        "minus without BatchNorm: below 0 BatchNorm costs. Noise: sigma = eta * std, average over "
        "eta of 1 to 30 %. Chips: global drift compensation, ideal periphery. Told apart: for new "
        "images where single answers were kept, else on these images alone.",
        "",
        *lines,
        "",
        f"So it depends on where the noise goes. On weights alone BatchNorm costs next to nothing. "
        "Noise on its own tensors, or folding it into the weights that are noised, costs much. On "
        f"chips its tensors are digital: statistics as trained cost at most {worst['PCM']:.1f} "
        f"points on PCM and {worst['RRAM']:.1f} on RRAM, of which few can be told apart, and "
        "recalibrated on the chip it does as well as no BatchNorm, or better. "
        f"{len(names)} pairs of networks: {said}, one of each other; how another training of "
        "those would come out is not known.",
        "",
        "",
    ])  # fmt: skip


def _spread(found: list[Interval]) -> str:
    means = [100 * one.mean for one in found]
    apart = [one.mean for one in found if _apart(one)]
    below = sum(mean < 0 for mean in apart)
    p_values = [one.p if one.new_images is None else one.p_new_images for one in found]
    return (
        f"{min(means):+.1f} to {max(means):+.1f} over {len(found)} pairs; told apart as worse in "
        f"{below}, as better in {len(apart) - below} (in {sum(holm(p_values))} of these when all "
        "are taken together)"
    )


def _apart(one: Interval) -> bool:
    return told_apart(*(one.new_images or (one.low, one.high)))


def tables() -> str:
    """All of them as Markdown."""
    parts = [
        *_noise("std", "standard deviation"),
        *_noise("max", "largest magnitude"),
        *(line for preset in DEVICES for line in _chips(preset)),
    ]
    return "\n".join(["", *parts, ""])


def _noise(reference: Reference, of: str) -> list[str]:
    rows = []
    seen = set()
    for name in NOISE:
        found = sorted(read(name).noise, key=lambda one: _depth(one[1]))
        for entry, results in _arms(found):
            first = results[0]
            key = tuple((one.weights, one.n_images, _draws(one)) for one in results)
            if reference in first.references and key not in seen:
                seen.add(key)
                cells = [_average(results, scope, reference) for scope in COLUMNS]
                rows.append([*network_cells(entry, results), str(_draws(first)), *cells])
    return [
        f"### Gaussian noise, sigma = eta * {of}",
        "",
        "Average normalised accuracy in %, eta of all nine levels (1 to 30 %), noise on the named "
        f"tensors. {OVER.format(of='draws')}; of any law where draws were NaN, and then wide. Of "
        "files that share a network, images and draws it stands once.",
        "",
        *table(["network", "BatchNorm", "images", "clean", "draws", *COLUMNS.values()], rows),
        "",
    ]


def _arms(found: Sequence[tuple[Entry, Result]]) -> list[tuple[Entry, list[Result]]]:
    """Trainings of one arm of a pair together, every other network by itself."""
    arms: dict[object, tuple[Entry, list[Result]]] = {}
    for entry, result in found:
        key = entry.label if entry.training_seed is None else (entry.pair, entry.arm)
        arms.setdefault(key, (entry, []))[1].append(result)
    return list(arms.values())


def _over(each: Sequence[Units]) -> Units:
    """Draws or chips of one training, or trainings where there are several."""
    return each[0] if len(each) == 1 else trainings(each)


def _average(results: Sequence[NoiseResult], scope: Scope, reference: Reference) -> str:
    first = results[0]
    if scope not in first.scopes:
        return ""
    same = first.same[scope]
    if same != scope:
        return f"as {COLUMNS[same].removeprefix('+ ')}"
    return cell(_over([one.units(scope, reference, one.etas) for one in results]).mean())


def _draws(result: NoiseResult) -> int:
    return max(len(row) for counts in result.counts.values() for row in counts.correct.values())


def _chips(preset: str) -> list[str]:
    columns = {"digital": "digital", "fold": "folded", "recalibrate": "recalibrated"}
    rows = []
    seen = set()
    for name in CHIPS:
        kept = read(name)
        for entry, results in _arms(kept.crossbar):
            pairs = [(one, _partner(kept, entry, one)) for one in results]
            key = tuple((one.weights, one.n_images, kept.spec["periphery"]) for one in results)
            if entry.arm == "without" or key in seen:
                continue
            seen.add(key)
            cells = [_treated(pairs, preset, bn) for bn in columns]
            others = [other for _, other in pairs if other is not None]
            without = [other.units(_key(preset, "none")) for other in others]
            rows.append([
                *network_cells(entry, results),
                str(kept.spec["periphery"]),
                str(len(results[0].correct[_key(preset, "digital")])),
                *cells,
                cell(_over(without).mean()) if without else "",
            ])  # fmt: skip
    return [
        f"### {DEVICES[preset]} after a day, global compensation",
        "",
        "Accuracy in % with BatchNorm digital, folded or recalibrated on the chip, and without. "
        "After the semicolon: share of its own digital accuracy, with minus without BatchNorm, in "
        f"points. {OVER.format(of='chips (pairs of chips)')}. Of files that share a network, "
        "images and periphery it stands once.",
        "",
        *table(
            ["network", "BatchNorm", "images", "digital network", "periphery", "chips",
             *(f"BatchNorm {text}" for text in columns.values()), "without"],
            rows,
        ),
        "",
    ]  # fmt: skip


def _treated(
    pairs: Sequence[tuple[CrossbarResult, CrossbarResult | None]], preset: str, bn: str
) -> str:
    key = _key(preset, bn)
    if key not in pairs[0][0].correct:
        return ""
    text = cell(_over([result.units(key) for result, _ in pairs]).mean())
    apart = _differences(pairs, preset, bn)
    return f"{text}; {cell(_over(apart).mean(), signed=True)}" if apart else text


def _differences(
    pairs: Sequence[tuple[CrossbarResult, CrossbarResult | None]], preset: str, bn: str
) -> list[Units]:
    """With minus without BatchNorm of each training, chip by chip."""
    return [
        result.normalised(_key(preset, bn)).less(other.normalised(_key(preset, "none")))
        for result, other in pairs
        if other is not None
    ]


def _key(preset: str, bn: str) -> tuple[str, str, str, float]:
    return preset, bn, "global", DAY_S


def _partner(kept: Kept, entry: Entry, result: CrossbarResult) -> CrossbarResult | None:
    """The network without BatchNorm of the same pair and training."""
    seed = next(one.training_seed for one, its in kept.crossbar if its is result)
    found = [
        its
        for one, its in kept.crossbar
        if (one.pair, one.training_seed, one.arm) == (entry.pair, seed, "without")
    ]
    return found[0] if found and entry.pair is not None else None


def _depth(result: NoiseResult) -> int:
    """The number in its name: the two of a pair stay together."""
    return int(re.findall(r"\d+", result.model)[0])


def draw(panels: Panels, path: Path) -> None:
    """With minus without BatchNorm, by network and condition, with the intervals of the tables."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for panel in panels.values() for name in panel))
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 5.2), layout="constrained")
        grid = figure.subplots(2, 4, sharey=True)
        for axes, (title, panel) in zip(grid.flat, panels.items(), strict=True):
            for at, name in enumerate(names):
                one = panel.get(name)
                if one is None:
                    continue
                apart = _apart(one)
                if one.new_images is not None:
                    wide = [100 * bound for bound in one.new_images]
                    axes.plot(wide, [at, at], color="#56b4e9", linewidth=0.9)
                axes.plot([100 * one.low, 100 * one.high], [at, at], color="#0072b2", linewidth=1.6)
                axes.plot(100 * one.mean, at, "o", markersize=5, color="#0072b2",
                          markerfacecolor="#0072b2" if apart else "white")  # fmt: skip
            axes.axvline(0, color="#777777", linewidth=0.8)
            axes.set_title(title.replace(", ", ",\n", 1), loc="left", fontsize=9)
            axes.set_yticks(range(len(names)), names)
            axes.grid(axis="x", linewidth=0.4, alpha=0.5)
        grid[0, 0].invert_yaxis()
        figure.supxlabel(
            "normalised accuracy, with minus without BatchNorm (points); 95 % intervals over "
            "trainings where there are several.\nThick: on these images, thin: for new images; "
            "filled: told apart from 0",
            fontsize=9,
        )
    figure.savefig(path, dpi=150, metadata={"Software": None})


def _panels() -> Panels:
    scopes: dict[str, Scope] = {
        "Noise on weights": "weights",
        "Noise on weights, gamma and beta": "affine",
        "Noise on all, variance clamped": "variance-clamped",
        "Noise, BatchNorm folded first": "folded",
    }
    found: dict[str, dict[str, Interval]] = {}
    for title, scope in scopes.items():
        panel = found.setdefault(title, {})
        for name in ("bn_noise_trainings", "bn_noise_resnet44_trainings", "bn_noise_depth",
                     "bn_noise_vgg16", "bn_noise_cifar100"):  # fmt: skip
            found_here = sorted(read(name).noise, key=lambda one: _depth(one[1]))
            arms = _arms(found_here)
            for entry, results in arms:
                if entry.arm == "with":
                    others = next(
                        its for one, its in arms if (one.pair, one.arm) == (entry.pair, "without")
                    )
                    a, b = (
                        [one.units(scope, "std", one.etas) for one in side]
                        for side in (results, others)
                    )
                    less = [x.less(y) for x, y in zip(a, b, strict=True)]
                    _add(panel, network_cells(entry, results)[0], _over(less))
    for preset, bn in (("pcm", "digital"), ("pcm", "recalibrate"), ("rram", "digital"),
                       ("rram", "recalibrate")):  # fmt: skip
        panel = found.setdefault(
            f"{DEVICES[preset]} after 1 d, BatchNorm {bn.replace('ate', 'ated')}", {}
        )
        for name in ("bn_crossbar_trainings", "bn_crossbar_resnet44_trainings",
                     "bn_crossbar_resnet44", "bn_crossbar_vgg16",
                     "bn_crossbar_cifar100"):  # fmt: skip
            kept = read(name)
            for entry, results in _arms(kept.crossbar):
                pairs = [(one, _partner(kept, entry, one)) for one in results]
                if entry.arm == "with" and (less := _differences(pairs, preset, bn)):
                    _add(panel, network_cells(entry, results)[0], _over(less))
    return found


def _add(panel: dict[str, Interval], name: str, units: Units) -> None:
    one = units.mean()
    several = any(re.fullmatch(rf"{re.escape(name)}, \d+ trainings", other) for other in panel)
    if one is not None and one.low is not None and not several:
        panel[name] = one


if __name__ == "__main__":
    main()
