"""The page's tables of a study of chips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analogsim.experiment.axes import axes_of, shown_text
from analogsim.experiment.statistics import chance_count
from analogsim.experiment.trial import Trial, name_of
from analogsim.quantity import Quantity
from analogsim.report.attribution import Loss
from analogsim.report.bn_chart import Policy
from analogsim.report.cells import Cell, Column, Table, number
from analogsim.report.differences import Difference, Side
from analogsim.report.labels import format_duration, percent, series_label, time_labels, with_bounds
from analogsim.report.layers_view import LayerLine
from analogsim.report.summary import RowDict, Summary, digital_bounds, quantity_of, row_name

SHAPE = " \u00d7 "
_LIKE = "new images"
_EACH = (
    "with 95 % intervals on the run's images, and for new images; each by itself: of 20 on "
    "the run's images about one leaves out 0 by chance"
)


def results_table(trials: Sequence[Trial], summary: Summary) -> Table:
    """Accuracy by preset and time, the digital network first."""
    rows, digital, quantity = summary["rows"], summary["digital"], quantity_of(summary)
    show = _Shown(quantity)
    shown = _which(summary)
    nothing = number(None)
    columns, keys = _places(summary)
    first = [_text("digital network"), *(nothing for _ in columns[1:])]
    first += [show.value(summary["digital_accuracy"], "mark")]
    first += [nothing, show.range(digital_bounds(summary)), *(nothing for _ in range(4))]
    first += [number(str(digital["n_images"]), digital["n_images"])] * shown["images"]
    first += [number(str(digital["n_nan"]), digital["n_nan"])] * shown["nan"]
    body = []
    for row, place in zip(rows, keys, strict=True):
        chips = _chips(trials, row)
        std, change = row["std_chips"], row["mean"] - summary["digital_accuracy"]
        cells = [
            *place,
            show.value(row["mean"], "mark"),
            show.range(row["ci95"], none="one chip"),
            show.range(row["ci95_new_images"]),
            show.change(change),
            number("one chip") if std is None else show.value(std),
            show.range([min(chips), max(chips)] if chips else None),
            number(str(row["n_chips"]), row["n_chips"]),
        ]
        cells += [number(str(row["n_images"]), row["n_images"])] * shown["images"]
        cells += [number(str(row["n_nan"]), row["n_nan"])] * shown["nan"]
        body.append(tuple(cells))
    names = [quantity.title, "These images", "New images", "Change", "Std of chips"]
    names += ["Range of chips", "Chips"]
    names += ["Images"] * shown["images"] + ["NaN outputs"] * shown["nan"]
    return Table(
        label="Results table",
        caption=f"{quantity.title} by preset and time{_in(quantity)}, with 95 % intervals over "
        "chips: on the images that were measured, and on others like them",
        columns=(*columns, *(Column(name=name) for name in names)),
        rows=(tuple(first), *body),
    )


def beyond_table(summary: Summary) -> Table:
    """How chips differ: spread, 5th percentile chip, parts, yields."""
    columns, keys = _places(summary)
    quantity = quantity_of(summary)
    show = _Shown(quantity)
    with_yields = any(row["yields"] for row in summary["rows"])
    body = []
    for row, place in zip(summary["rows"], keys, strict=True):
        low, parts = row["percentile5"], row["components"]
        cells = [
            *place,
            show.range(row["std_ci95"], none=_too_few(row, 8)),
            number(None) if low is None else number(
                f"{quantity.text(low)} ({row['percentile5_method']})", low
            ),
            show.range(row["percentile5_ci95"], none=_too_few(row, 72)),
            number(" / ".join(quantity.text(v) for v in parts.values()) if parts else None),
        ]  # fmt: skip
        if with_yields:
            text = "; ".join(
                f"{percent(y['share'])} % at {percent(y['above'])} ({percent(y['low'])} to "
                f"{percent(y['high'])})"
                for y in row["yields"]
            )
            cells.append(number(text or None, row["yields"][0]["share"] if text else ""))
        body.append(tuple(cells))
    names = ["Std of chips", f"{bad_chip(quantity)} chip", "its interval", "Parts"]
    names += ["Yield"] * with_yields
    return Table(
        label="Spread table",
        caption=f"How chips differ{_in(quantity)}, each with its 95 % interval",
        columns=(*columns, *(Column(name=name) for name in names)),
        rows=tuple(body),
    )


def policy_table(found: Sequence[Policy], quantity: Quantity) -> Table:
    """The BatchNorm policies of each preset, compensation and time, below each other."""
    show = _Shown(quantity)
    labels = time_labels(dict.fromkeys(one.t_s for one in found))
    order = list(dict.fromkeys(one.bn for one in found))
    groups = list(dict.fromkeys(one.group for one in found))
    ranked = sorted(found, key=lambda o: (groups.index(o.group), o.t_s, order.index(o.bn)))
    body = []
    for one in ranked:
        mean, low, high = one.against or (None, None, None)
        body.append((
            _text(one.group),
            number(labels[one.t_s], one.t_s),
            Cell(text=one.bn),
            show.value(one.mean, "mark"),
            show.range(None if one.low is None or one.high is None else [one.low, one.high]),
            number(None) if mean is None else show.change(mean),
            show.changes(None if low is None or high is None else (low, high)),
            show.changes(one.new_images),
        ))  # fmt: skip
    names = (quantity.title, "95 % interval", f"Against {order[0]}", "These images", "New images")
    return Table(
        label="BatchNorm table",
        caption=f"{quantity.in_unit} of each policy, and its difference"
        f"{_in(quantity, quantity.change_unit)} on the same chips, with 95 % intervals on these "
        "images and on new ones",
        columns=(
            Column(name="Preset", number=False), Column(name="Time"),
            Column(name="BatchNorm", number=False), *(Column(name=name) for name in names),
        ),
        rows=tuple(body),
    )  # fmt: skip


def differences_table(found: Sequence[Difference], quantity: Quantity) -> Table | None:
    """Each time against the first of its curve, and curves against each other; None without any."""
    if not found:
        return None
    sides = [side for one in found for side in (one["a"], one["b"])]
    labels = time_labels(dict.fromkeys(side["t_s"] for side in sides))
    with_bn = len({side["bn"] for side in sides}) > 1

    def title(side: Side) -> str:
        name = name_of(side["preset"], side.get("point"))
        label = series_label(name, side["bn"], side["compensation"], with_bn=with_bn)
        return f"{label}, {labels[side['t_s']]}"

    told, show = sum(one["told_apart"] for one in found), _Shown(quantity)
    return Table(
        label="Differences table",
        caption=f"Differences{_in(quantity, quantity.change_unit)}, paired over chips, with 95 % "
        f"intervals. Of {len(found)}, {chance_count(len(found)):.2g} would have an interval "
        f"without 0 by chance if nothing differed; {told} are told apart for new images when all "
        "are taken together (Holm)",
        columns=(
            Column(name="This", number=False), Column(name="less that", number=False),
            *(Column(name=n) for n in ("Difference", "These images", "New images", "Pairs")),
            Column(name="Told apart", number=False),
        ),
        rows=tuple(
            (_text(title(one["a"])), _text(title(one["b"])),
             show.change(one["mean"], "mark"), show.changes(one["ci95"]),
             show.changes(one["ci95_new_images"]), number(str(one["n_chips"]), one["n_chips"]),
             _text("yes" if one["told_apart"] else "no"))
            for one in found
        ),
    )  # fmt: skip


def layers_table(lines: Sequence[LayerLine], later: str, quantity: Quantity) -> Table:
    """Every layer, where it computes and why, its tiles and its errors."""
    with_losses = any(line.alone or line.gain for line in lines)
    with_factors = any(line.factor is not None for line in lines)
    body = []
    for line in lines:
        layer, error = line.layer, line.layer["programming_error"]
        cells = [
            _text(layer["name"]),
            Cell(text=f"{layer['kind']} {SHAPE.join(map(str, layer['shape']))}"),
            Cell(text=layer["where"], style="mark"),
            number(str(layer["tiles"]), layer["tiles"]),
            number(None)
            if line.utilisation is None
            else number(f"{percent(line.utilisation)} %", line.utilisation),
            number(None) if error is None else number(f"{error:.3g}", error),
        ]
        if later:
            cells.append(
                number(None) if line.later is None else number(f"{line.later:.3g}", line.later)
            )
        if with_factors:
            cells += [_factor(line.factor), _factor(line.needed)]
        if with_losses:
            cells += [*_loss(line.alone, quantity), *_loss(line.gain, quantity)]
        cells.append(Cell(text=layer["why"], style="why"))
        body.append(tuple(cells))
    columns = [Column(name=name, number=False) for name in ("Layer", "Kind and shape", "Where")]
    columns += [Column(name=name) for name in ("Tiles", "Cells used", "Error, programmed")]
    columns += [Column(name=f"Error, {later}")] if later else []
    columns += [Column(name=name) for name in ("Factor", "Factor needed")] * with_factors
    columns += [
        Column(name=name) for name in ("Costs alone", _LIKE, "Gain if digital", _LIKE)
    ] * with_losses
    columns += [Column(name="Why", number=False)]
    return Table(
        label="Layers table",
        caption="Every layer, where it computes, and why"
        + (f". Costs and gains in {quantity.change_of}, {_EACH}" if with_losses else ""),
        columns=tuple(columns),
        rows=tuple(body),
    )


def _factor(value: float | None) -> Cell:
    return number(None) if value is None else number(f"{value:.4g}", value)


def sources_table(losses: Sequence[Loss], quantity: Quantity) -> Table | None:
    """What each source of error costs, if `analogsim attribute` left its file here."""
    found = [loss for loss in losses if loss.kind == "source"]
    if not found:
        return None
    names: dict[tuple[str, float], dict[str, Loss]] = {}
    for loss in found:
        names.setdefault((loss.title, loss.t_s), {})[loss.mode] = loss
    return Table(
        label="Sources table",
        caption=f"Cost of each source in {quantity.change_of}, {_EACH}",
        columns=(
            Column(name="Source", number=False), Column(name="Time"),
            Column(name="Alone, all else off"), Column(name=_LIKE),
            Column(name="Gain without it"), Column(name=_LIKE),
        ),
        rows=tuple(
            (_text(title), number(format_duration(t_s), t_s), *_loss(modes.get("alone"), quantity),
             *_loss(modes.get("without"), quantity))
            for (title, t_s), modes in names.items()
        ),
    )  # fmt: skip


def _loss(loss: Loss | None, quantity: Quantity) -> tuple[Cell, Cell]:
    """The loss with its interval on the run's images, and the one for new images."""
    if loss is None or loss.loss is None:
        return number(None), number(None)
    change = quantity.change
    text, new = with_bounds(change(loss.loss), (loss.low, loss.high), change), loss.new_images
    like = number(None) if new is None else number(" to ".join(map(change, new)), new[0])
    return number(text, loss.loss), like


def _text(text: str) -> Cell:
    return Cell(text=text)


def _which(summary: Summary) -> dict[str, bool]:
    """A column that says the same in every row goes into the words before the table."""
    rows, digital = summary["rows"], summary["digital"]
    return {
        "images": len({digital["n_images"], *(row["n_images"] for row in rows)}) > 1,
        "nan": digital["n_nan"] > 0 or any(row["n_nan"] for row in rows),
    }


def _places(summary: Summary) -> tuple[list[Column], list[list[Cell]]]:
    """The columns that say which row it is, and their cells."""
    rows = summary["rows"]
    labels = time_labels(dict.fromkeys(row["t_s"] for row in rows))
    with_bn = len({row["bn"] for row in rows}) > 1
    axes = axes_of(row.get("point") or {} for row in rows)
    columns = [Column(name="Preset", number=False), *(Column(name=axis) for axis in axes)]
    columns.append(Column(name="Time"))
    columns += [Column(name="BatchNorm", number=False)] * with_bn
    columns.append(Column(name="Compensation", number=False))
    cells = [
        [
            _text(row["preset"]),
            *(_on_axis(row, axis) for axis in axes),
            number(labels[row["t_s"]], row["t_s"]),
            *([Cell(text=row["bn"])] * with_bn),
            Cell(text=row["compensation"]),
        ]
        for row in rows
    ]
    return columns, cells


def _on_axis(row: RowDict, axis: str) -> Cell:
    value = (row.get("point") or {}).get(axis)
    if value is None or isinstance(value, bool | str):
        return number(None if value is None else shown_text(value), "")
    return number(shown_text(value), value)


def _chips(trials: Sequence[Trial], row: RowDict) -> list[float]:
    """Accuracies of the chips of a row; none where images were dealt out."""
    key = (row_name(row), row["t_s"], row["bn"], row["compensation"])
    full = row["design"] == "full"
    return [t.accuracy for t in trials if full and (t.name, t.t_s, t.bn, t.compensation) == key]


def _in(quantity: Quantity, unit: str | None = None) -> str:
    """`, in %` after a quantity, ` in points` after differences; nothing without a unit."""
    if unit is not None:
        return f" in {unit}" if unit else ""
    return f", in {quantity.unit}" if quantity.unit else ""


def bad_chip(quantity: Quantity) -> str:
    """The percentile of a bad chip."""
    return "5th percentile" if quantity.sign > 0 else "95th percentile"


@dataclass(frozen=True)
class _Shown:
    """Cells of one quantity."""

    quantity: Quantity

    def value(self, value: float, style: str = "") -> Cell:
        return number(self.quantity.text(value), value, style)

    def change(self, value: float, style: str = "") -> Cell:
        return number(self.quantity.change(value), value, style)

    def range(self, bounds: Sequence[float] | None, *, none: str | None = None) -> Cell:
        return self._between(bounds, self.quantity.text, none)

    def changes(self, bounds: Sequence[float] | None) -> Cell:
        return self._between(bounds, self.quantity.change, None)

    def _between(
        self, bounds: Sequence[float] | None, text: Callable[[float], str], none: str | None
    ) -> Cell:
        if bounds is None:
            return number(none)
        return number(" to ".join(map(text, bounds)), bounds[0])


def _too_few(row: RowDict, wanted: int) -> str | None:
    """What stands in place of an interval that so many chips would give."""
    return f"{wanted} chips give one" if 1 < row["n_chips"] < wanted else None
