"""Tables and figure of experiments/README.md, from experiments/results alone.

python experiments/tables.py            prints the tables
python experiments/tables.py --write    puts them between the README's markers, draws the figure
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from analogsim.experiment.statistics import Interval, told_apart
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.units import Units
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, read_kept

HERE = Path(__file__).parent
README, FIGURE = HERE / "README.md", HERE / "batchnorm.png"
START, END = "<!-- tables: python experiments/tables.py --write -->", "<!-- end of tables -->"

NOISE = (
    *("bn_noise", "bn_noise_depth", "bn_noise_seed1", "bn_noise_vgg16", "bn_noise_cifar100"),
    *("bn_noise_l1_topk", "bn_noise_layers"),
)
CHIPS = (
    *("bn_crossbar_ideal", "bn_crossbar", "bn_crossbar_seeds", "bn_crossbar_resnet44"),
    *("bn_crossbar_resnet44_standard", "bn_crossbar_vgg16", "bn_crossbar_cifar100"),
    "bn_crossbar_l1_topk",
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
NORMS = {"batch": "yes", "none": "no", "l1": "L1", "topk": "TopK"}
DEVICES = {"pcm": "PCM", "rram": "RRAM"}
DAY_S = 86400.0
SAME_DRAWS = (
    "Brackets: 95 % interval over draws of one training, on these images alone; of any law where "
    "draws were NaN, and then wide. Of files that share a network, images and draws it stands once."
)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--write", action="store_true", help="renew README.md and the figure")
    if not parser.parse_args().write:
        sys.stdout.write(tables())
        return
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{START}\n{tables()}{END}{after}", encoding="utf-8")
    draw(FIGURE)


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
        for entry, result in sorted(_read(name).noise, key=lambda one: _depth(one[1])):
            key = result.weights, result.n_images, _draws(result)
            if reference in result.references and key not in seen:
                seen.add(key)
                cells = [_average(result, scope, reference) for scope in COLUMNS]
                rows.append([*_network(entry, result), str(_draws(result)), *cells])
    return [
        f"### Gaussian noise, sigma = eta * {of}",
        "",
        "Average normalised accuracy in %, eta of all nine levels (1 to 30 %), noise on the named "
        f"tensors. {SAME_DRAWS}",
        "",
        *_table(["network", "BatchNorm", "images", "clean", "draws", *COLUMNS.values()], rows),
        "",
    ]


def _average(result: NoiseResult, scope: Scope, reference: Reference) -> str:
    if scope not in result.scopes:
        return ""
    same = result.same[scope]
    if same != scope:
        return f"as {COLUMNS[same].removeprefix('+ ')}"
    return _cell(result.average(scope, reference, result.etas))


def _draws(result: NoiseResult) -> int:
    return max(len(row) for counts in result.counts.values() for row in counts.correct.values())


def _chips(preset: str) -> list[str]:
    columns = {"digital": "digital", "fold": "folded", "recalibrate": "recalibrated"}
    rows = []
    seen = set()
    for name in CHIPS:
        kept = _read(name)
        for entry, result in kept.crossbar:
            other = _partner(kept, entry)
            key = result.weights, result.n_images, kept.spec["periphery"]
            if entry.arm == "without" or key in seen:
                continue
            seen.add(key)
            cells = [_treated(result, other, preset, bn) for bn in columns]
            without = "" if other is None else _cell(other.accuracy(_key(preset, "none")))
            periphery = str(kept.spec["periphery"])
            chips = len(result.correct[_key(preset, "digital")])
            rows.append([*_network(entry, result), periphery, str(chips), *cells, without])
    return [
        f"### {DEVICES[preset]} after a day, global compensation",
        "",
        "Accuracy in % with BatchNorm digital, folded or recalibrated on the chip, and without. "
        "After the semicolon: share of its own digital accuracy, with minus without BatchNorm, in "
        "points. Brackets: 95 % interval over chips (pairs of chips) of one training, on these "
        "images alone. Of files that share a network, images and periphery it stands once.",
        "",
        *_table(
            ["network", "BatchNorm", "images", "digital network", "periphery", "chips",
             *(f"BatchNorm {text}" for text in columns.values()), "without"],
            rows,
        ),
        "",
    ]  # fmt: skip


def _treated(result: CrossbarResult, other: CrossbarResult | None, preset: str, bn: str) -> str:
    key = _key(preset, bn)
    if key not in result.correct:
        return ""
    text = _cell(result.accuracy(key))
    if other is None:
        return text
    less = result.normalised(key).less(other.normalised(_key(preset, "none")))
    return f"{text}; {_cell(less.mean(), signed=True)}"


def _key(preset: str, bn: str) -> tuple[str, str, str, float]:
    return preset, bn, "global", DAY_S


def _partner(kept: Kept, entry: Entry) -> CrossbarResult | None:
    found = [r for e, r in kept.crossbar if (e.pair, e.arm) == (entry.pair, "without")]
    return found[0] if found and entry.pair is not None else None


def _network(entry: Entry, result: NoiseResult | CrossbarResult) -> list[str]:
    """What all rows open with; the seed is in the label where there is more than one."""
    name, _, options = result.model.removeprefix("zoo:").partition("?")
    known = {key: value[0] for key, value in parse_qs(options).items()}
    name = re.sub("^resnet", "ResNet", name).replace("vgg", "VGG")
    if known.get("classes") == "100":
        name += ", CIFAR-100"
    if seed := re.search(r"-s(\d)\b", entry.label):
        name += f", seed {seed[1]}"
    bn = NORMS[known["norm"]]
    if "stages" in known:
        bn = "first stage" if known["stages"] == "1" else f"first {known['stages']} stages"
    return [name, bn, str(result.n_images), f"{100 * result.clean:.1f}"]


def _depth(result: NoiseResult) -> int:
    """The number in its name: the two of a pair stay together."""
    return int(re.findall(r"\d+", result.model)[0])


def _cell(found: Interval | None, *, signed: bool = False) -> str:
    if found is None:
        return ""
    sign = "+" if signed else ""
    if found.low is None or found.high is None:
        return f"{100 * found.mean:{sign}.1f}"
    low, high = f"{100 * found.low:{sign}.1f}", f"{100 * found.high:{sign}.1f}"
    return f"{100 * found.mean:{sign}.1f} ({low} to {high})"


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _read(name: str) -> Kept:
    return read_kept(HERE / "results" / f"{name}.json")


def draw(path: Path) -> None:
    """With minus without BatchNorm, by network and condition, with the intervals of the tables."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    panels = _panels()
    names = list(dict.fromkeys(name for panel in panels.values() for name in panel))
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 5.2), layout="constrained")
        grid = figure.subplots(2, 4, sharey=True)
        for axes, (title, panel) in zip(grid.flat, panels.items(), strict=True):
            for at, name in enumerate(names):
                one = panel.get(name)
                if one is None:
                    continue
                apart = told_apart(one.low, one.high)
                axes.plot([100 * one.low, 100 * one.high], [at, at], color="#0072b2", linewidth=1.6)
                axes.plot(100 * one.mean, at, "o", markersize=5, color="#0072b2",
                          markerfacecolor="#0072b2" if apart else "white")  # fmt: skip
            axes.axvline(0, color="#777777", linewidth=0.8)
            axes.set_title(title, loc="left", fontsize=9)
            axes.set_yticks(range(len(names)), names)
            axes.grid(axis="x", linewidth=0.4, alpha=0.5)
        grid[0, 0].invert_yaxis()
        figure.supxlabel(
            "normalised accuracy, with minus without BatchNorm (points); filled: the 95 % interval "
            "leaves 0 out. One training each, these images alone",
            fontsize=9,
        )
    figure.savefig(path, dpi=150, metadata={"Software": None})


def _panels() -> dict[str, dict[str, Interval]]:
    scopes: dict[str, Scope] = {
        "noise of eta * std on weights": "weights",
        "+ gamma and beta": "affine",
        "+ running variance, clamped": "variance-clamped",
        "BatchNorm folded": "folded",
    }
    found: dict[str, dict[str, Interval]] = {}
    for title, scope in scopes.items():
        panel = found.setdefault(title, {})
        for name in ("bn_noise_depth", "bn_noise_seed1", "bn_noise_vgg16", "bn_noise_cifar100"):
            kept = _read(name)
            for entry, result in sorted(kept.noise, key=lambda one: _depth(one[1])):
                if entry.arm == "with":
                    other = next(
                        r for e, r in kept.noise if (e.pair, e.arm) == (entry.pair, "without")
                    )
                    a, b = (one.units(scope, "std", one.etas) for one in (result, other))
                    _add(panel, _network(entry, result)[0], a.less(b))
    for preset, bn in (("pcm", "digital"), ("pcm", "recalibrate"), ("rram", "digital"),
                       ("rram", "recalibrate")):  # fmt: skip
        panel = found.setdefault(
            f"{DEVICES[preset]}, 1 d, BatchNorm {bn.replace('ate', 'ated')}", {}
        )
        for name in ("bn_crossbar_ideal", "bn_crossbar_seeds", "bn_crossbar_resnet44",
                     "bn_crossbar_vgg16", "bn_crossbar_cifar100"):  # fmt: skip
            kept = _read(name)
            for entry, result in kept.crossbar:
                partner = _partner(kept, entry)
                # Seed 0 stands in `bn_crossbar_ideal` with more images.
                if entry.arm == "with" and partner is not None and "-s0" not in entry.label:
                    less = result.normalised(_key(preset, bn)).less(
                        partner.normalised(_key(preset, "none"))
                    )
                    _add(panel, _network(entry, result)[0], less)
    return found


def _add(panel: dict[str, Interval], name: str, units: Units) -> None:
    one = units.mean()
    if one is not None and one.low is not None:
        panel[name] = one


if __name__ == "__main__":
    main()
