"""What sources and layers cost, as bars with intervals: a panel of each."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from analogsim.quantity import ACCURACY, Quantity
from analogsim.report.attribution import Loss
from analogsim.report.chart import Chart
from analogsim.report.labels import format_duration, with_bounds
from analogsim.report.look import COLOURS, GREY, INK, PAGE, Look, new_figure
from analogsim.report.series import mark, mark_bars

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = ("source", "layer")
# The hatch differs too, for a grey print.
_STYLES = {"alone": (COLOURS[0], ""), "without": (COLOURS[1], "///")}
_LABELS = {"alone": "alone: everything else off", "without": "gain without it"}
# More bars than this are unreadable: the costliest are drawn, the table has all.
MOST_ROWS = 30
_MOST_STACKED = 20
_BAR_IN, _STACKED_BAR_IN = 0.3, 0.2


def attribution_chart(
    losses: Sequence[Loss],
    model: str,
    preset: str,
    name: str = "attribution",
    quantity: Quantity = ACCURACY,
) -> Chart | None:
    """The losses of a quantity at the last time; None where there are none."""
    # A file from somebody else may name others.
    known = [
        one for one in losses if one.loss is not None and one.kind in _KINDS and one.mode in _STYLES
    ]
    if not known:
        return None
    t_s = max(loss.t_s for loss in known)
    shown = [loss for loss in known if loss.t_s == t_s]
    where = f"{model} on {preset} after {format_duration(t_s)}"
    return Chart(
        name=name,
        title="What each source and layer costs",
        caption=f"{where}: {quantity.loss}{_unit(quantity)} with one source or layer on alone, and "
        "what is gained without it; bars are 95 % intervals over chips, on these images."
        + " The costliest are drawn; the data have all."
        * any(len({one.name for one in some}) > _MOST_STACKED for some in _panels(shown).values()),
        words=f"Loss{_unit(quantity)}. {' '.join(_said(one, quantity) for one in shown)}",
        header=("kind", "name", "title", "mode", "t_s", "loss", "low", "high", "new_images_low",
                "new_images_high"),
        rows=tuple(
            (one.kind, one.name, one.title, one.mode, one.t_s, one.loss, one.low, one.high,
             *(one.new_images or (None, None)))
            for one in losses
        ),
        draw=lambda look: draw_attribution(shown, where, look, quantity),
    )  # fmt: skip


def _unit(quantity: Quantity) -> str:
    return f" in {quantity.change_unit}" if quantity.change_unit else ""


def _said(one: Loss, quantity: Quantity) -> str:
    assert one.loss is not None
    return f"{one.title}, {_LABELS[one.mode].partition(':')[0]}: {quantity.change(one.loss)}."


def _hover(one: Loss, quantity: Quantity) -> str:
    """What a bar says under the pointer."""
    lost = quantity.with_change(one.loss or 0.0)
    text = f"{one.title}, {_LABELS[one.mode].partition(':')[0]}: {lost}"
    return with_bounds(text, (one.low, one.high), quantity.change)


def _panels(losses: Sequence[Loss]) -> dict[str, list[Loss]]:
    found = {kind: [one for one in losses if one.kind == kind] for kind in _KINDS}
    return {kind: some for kind, some in found.items() if some}


def draw_attribution(
    losses: Sequence[Loss], where: str, look: Look = PAGE, quantity: Quantity = ACCURACY
) -> "Figure":
    """A panel of sources and one of layers, below each other in one column; losses in its unit."""

    panels = _panels(losses)
    beside = look.width_in > PAGE.width_in
    most, bar_in = (MOST_ROWS, _BAR_IN) if beside else (_MOST_STACKED, _STACKED_BAR_IN)
    heights = [0.8 + bar_in * len(_names(some, most)) for some in panels.values()]
    height = max(heights) if beside else sum(heights)
    shape = (1, len(panels)) if beside else (len(panels), 1)
    figure = new_figure(look, 0.8 + height)
    ratios = None if beside else heights
    grid = figure.subplots(*shape, squeeze=False, height_ratios=ratios)
    for axes, (kind, some) in zip(grid.flat, panels.items(), strict=True):
        _bars(axes, some, _names(some, most), look.fold, quantity)
        unit = f" ({quantity.change_unit})" if quantity.change_unit else ""
        axes.set_xlabel(f"{quantity.loss}{unit}")
        axes.set_title(f"by {kind}", loc="left")
    title = look.fold(where, 0.95)
    figure.suptitle(title, fontsize=look.font_pt, x=0.02, ha="left")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _names(losses: Sequence[Loss], most: int) -> list[str]:
    """The names to draw, in the order of the losses: the costliest where there are too many."""
    cost: dict[str, float] = {}
    for one in losses:
        cost[one.name] = max(cost.get(one.name, float("-inf")), one.loss or 0.0)
    kept = set(sorted(cost, key=lambda name: -cost[name])[:most])
    return [name for name in cost if name in kept]


def _bars(
    axes: "Axes",
    losses: Sequence[Loss],
    names: Sequence[str],
    fold: Callable[[str, float], str],
    quantity: Quantity,
) -> None:
    for shift, (mode, (colour, hatch)) in zip((-0.2, 0.2), _STYLES.items(), strict=True):
        some = [one for one in losses if one.mode == mode and one.name in names]
        at = [names.index(one.name) + shift for one in some]
        values = [quantity.scale * (one.loss or 0.0) for one in some]
        # An interval that ends at 100 points is longer on one side.
        bars = [
            [quantity.scale * _reach(one, one.low) for one in some],
            [quantity.scale * _reach(one, one.high) for one in some],
        ]
        drawn = axes.barh(
            at, values, height=0.38, xerr=bars, color=colour, hatch=hatch, edgecolor="white",
            error_kw={"ecolor": INK, "capsize": 2, "elinewidth": 1}, label=_LABELS[mode],
        )  # fmt: skip
        for bar, one in zip(drawn.patches, some, strict=True):
            mark(bar, _LABELS[mode], [_hover(one, quantity)])
        if drawn.errorbar is not None:
            mark_bars(drawn.errorbar, _LABELS[mode])
    axes.set_yticks(range(len(names)), [fold(name, 0.3) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.grid(axis="x", color=GREY, alpha=0.3, linewidth=0.6)


def _reach(one: Loss, bound: float | None) -> float:
    """From the loss to a bound; 0 where there is none."""
    return 0.0 if bound is None else abs(bound - (one.loss or 0.0))
