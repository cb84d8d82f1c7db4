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

from analogsim.experiment.statistics import Sampled, holm, told_apart
from analogsim.scopes.levels import Reference, Scope
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.units import Units
from analogsim.suites.crossbar import CrossbarResult
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, read_kept

HERE = Path(__file__).parent
README, FIGURE = HERE / "README.md", HERE / "batchnorm.png"
START, END = "<!-- {}: python experiments/tables.py --write -->", "<!-- end of {} -->"

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
Panels = Mapping[str, Mapping[str, Sampled]]
"""Condition -> network -> with minus without BatchNorm."""
SAME_DRAWS = (
    "95 % intervals over draws of one training: (on these images) and, where answers were kept, "
    "[for new images]; of any law where draws were NaN, and then wide. Of files that share a "
    "network, images and draws it stands once."
)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--write", action="store_true", help="renew README.md and the figure")
    panels = _panels()
    parts = {"answer": answer(panels), "tables": tables()}
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
    n = len(next(iter(panels.values())))
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
        "chips its tensors are digital: statistics as trained cost a few points at most, and "
        "recalibrated on the chip it does as well as no BatchNorm, or better. "
        f"{n} pairs of networks, one training each but for ResNet20 with BatchNorm (two): how "
        "another training would come out is not known yet.",
        "",
        "",
    ])  # fmt: skip


def _spread(found: list[Sampled]) -> str:
    means = [100 * one.mean for one in found]
    apart = [one.mean for one in found if _apart(one)]
    below = sum(mean < 0 for mean in apart)
    p_values = [one.p if one.new_images is None else one.p_new_images for one in found]
    return (
        f"{min(means):+.1f} to {max(means):+.1f} over {len(found)} pairs; told apart as worse in "
        f"{below}, as better in {len(apart) - below} (in {sum(holm(p_values))} of these when all "
        "are taken together)"
    )


def _apart(one: Sampled) -> bool:
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
        "points. 95 % intervals over chips (pairs of chips) of one training: (on these images) "
        "and, where answers were kept, [for new images]. Of files that share a network, images and "
        "periphery it stands once.",
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


def _cell(found: Sampled | None, *, signed: bool = False) -> str:
    if found is None:
        return ""
    sign = "+" if signed else ""
    text = f"{100 * found.mean:{sign}.1f}"
    if found.low is not None and found.high is not None:
        text += f" ({100 * found.low:{sign}.1f} to {100 * found.high:{sign}.1f})"
    if found.new_images is not None:
        low, high = found.new_images
        text += f" [{100 * low:{sign}.1f} to {100 * high:{sign}.1f}]"
    return text


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _read(name: str) -> Kept:
    return read_kept(HERE / "results" / f"{name}.json")


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
            axes.set_title(title, loc="left", fontsize=9)
            axes.set_yticks(range(len(names)), names)
            axes.grid(axis="x", linewidth=0.4, alpha=0.5)
        grid[0, 0].invert_yaxis()
        figure.supxlabel(
            "normalised accuracy, with minus without BatchNorm (points), one training each. Thick: "
            "95 % interval on these images, thin: for new images; filled: told apart from 0",
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
    found: dict[str, dict[str, Sampled]] = {}
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
            f"{DEVICES[preset]} after 1 d, BatchNorm {bn.replace('ate', 'ated')}", {}
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


def _add(panel: dict[str, Sampled], name: str, units: Units) -> None:
    one = units.mean()
    if one is not None and one.low is not None:
        panel[name] = one


if __name__ == "__main__":
    main()
