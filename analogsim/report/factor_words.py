"""What is said where drift compensation's factor is not the one that the cells need."""

from analogsim.experiment.factors import MOST_APART, Misled, misled
from analogsim.experiment.layers_file import LayersFile
from analogsim.report.labels import format_duration

_ADVICE = "'current' reads summed currents, which fill the ADC"


def factor_warnings(layers: LayersFile | None) -> list[str]:
    """A sentence or two for each preset and compensation that misleads; none without the file."""
    return [] if layers is None else [_warning(one) for one in misled(layers)]


def _warning(found: Misled) -> str:
    worst, most = found.worst, f"{100 * MOST_APART:.0f} %"
    times = " and ".join(format_duration(t_s) for t_s in dict.fromkeys(o.t_s for o in found.off))
    there = sum(one.t_s == worst.t_s for one in found.off)
    advice = "" if found.compensation == "current" else f"; {_ADVICE}"
    return (
        f"compensation '{found.compensation}' misleads on {found.preset} at {times}: in {there} of "
        f"{found.n_layers} analog layers its factor is more than {most} from what the "
        f"cells' mean conductance needs (chip 0, {format_duration(worst.t_s)}, {worst.layer}: "
        f"{worst.factor:.3g}, needed {worst.needed:.3g}). These accuracies show the reading, not "
        f"the drift{advice}"
    )
