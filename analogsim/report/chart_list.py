"""Every chart of a run, in the order in which the page shows them."""

from analogsim.experiment.layers_file import behaviours
from analogsim.report.accuracy_chart import accuracy_chart
from analogsim.report.arrays_view import arrays_chart
from analogsim.report.attribution_chart import attribution_chart
from analogsim.report.bn_chart import bn_chart
from analogsim.report.chart import Chart
from analogsim.report.device_chart import devices_chart
from analogsim.report.error_chart import error_chart
from analogsim.report.extras import Extras
from analogsim.report.layers_view import later_label, layer_chart, layer_lines
from analogsim.report.map_chart import map_charts
from analogsim.report.matched_chart import matched_chart
from analogsim.report.spread_chart import spread_chart, yield_chart
from analogsim.report.summary import Run, Summary
from analogsim.report.sweep_chart import is_wide, sweep_chart


def charts_of(run: Run, summary: Summary, extras: Extras) -> list[Chart]:
    """The charts that this run has something for."""
    header = run.header
    lines = layer_lines(
        header.layers, header.periphery, extras.layers, extras.losses, header.crossbar
    )
    found: list[Chart | None] = [
        sweep_chart(summary),
        accuracy_chart(run, summary),
        matched_chart(extras.comparison) if extras.comparison is not None else None,
        attribution_chart(
            extras.losses,
            header.model,
            ", ".join(header.spec.get("presets", ())),
            quantity=header.quantity,
        ),
        bn_chart(run),
        spread_chart(run),
        yield_chart(run),
    ]
    if is_wide(summary):
        found = found[:1]
    if extras.layers is not None and extras.layers["presets"]:
        found += [error_chart(extras.layers), *map_charts(extras.layers)]
    found.append(layer_chart(lines, later_label(extras.layers), header.quantity))
    found += [arrays_chart(header.crossbar), devices_chart(behaviours(extras.layers))]
    return [chart for chart in found if chart is not None]
