"""The picture of the README: PCM and RRAM over time, each beside matched Gaussian noise.

Drawn from the kept results `matched_pcm.json` and `matched_rram.json`: `python
experiments/over_time.py` writes `docs/_static/over-time.png`.
"""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analogsim.report.comparison import Comparison, Estimate, read_comparison_file
from analogsim.report.labels import format_duration
from analogsim.report.look import COLOURS, GREY, INK, PAGE, settings

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "_static" / "over-time.png"
KEPT = {"PCM": "matched_pcm.json", "RRAM": "matched_rram.json"}


def main() -> None:
    """Draw the picture and write it."""
    with mpl.rc_context(settings(PAGE)):
        figure = Figure(figsize=(7.5, 2.9), layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (title, file) in zip(panels, KEPT.items(), strict=True):
            found = read_comparison_file(HERE / "results" / file)
            _panel(axes, found)
            axes.set_title(f"{title}: {_condition(found)}", loc="left", fontsize=9)
        first = figure.axes[0]
        first.set_ylabel("accuracy (%)")
        handles, labels = first.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(PICTURE, dpi=150, metadata={"Software": None})


def _condition(found: Comparison) -> str:
    return f"{found['n_images']} images, {found['chips']} chips"


def _panel(axes: Axes, found: Comparison) -> None:
    points = sorted(found["points"], key=lambda point: point["t_s"])
    axes.axhline(100 * found["digital_accuracy"], color=INK, linestyle="--", label="digital")
    for key, label, colour, shift in (
        ("accuracy_control", "Gaussian noise of the same weight error", COLOURS[1], 0.06),
        ("accuracy", "device, drift compensated", COLOURS[0], -0.06),
    ):
        estimates: list[Estimate] = [point[key] for point in points]  # type: ignore[literal-required]
        means = [100 * one["mean"] for one in estimates]
        ends = [one["ci95"] or (one["mean"], one["mean"]) for one in estimates]
        both = list(zip(ends, means, strict=True))
        bars = [[abs(100 * end[side] - mean) for end, mean in both] for side in (0, 1)]
        places = [place + shift for place in range(len(points))]
        axes.errorbar(places, means, yerr=bars, color=colour, marker="o", capsize=3, label=label)
    axes.set_xticks(range(len(points)), [format_duration(point["t_s"]) for point in points])
    axes.grid(axis="y", color=GREY, alpha=0.3, linewidth=0.6)


if __name__ == "__main__":
    main()
