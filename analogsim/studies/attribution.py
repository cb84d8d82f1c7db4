"""An attribution: from the spec and what is asked to its folder."""

from analogsim.attribution.ask import Ask, Part, Screening
from analogsim.attribution.attribute import attribute
from analogsim.attribution.plot import draw_attribution
from analogsim.attribution.result import PLOT_FILE, TEXT_FILE
from analogsim.attribution.suggestion import Goal
from analogsim.attribution.table import format_attribution
from analogsim.experiment.folder import write_bytes_atomic
from analogsim.report.look import png_bytes
from analogsim.report.table import warning_lines
from analogsim.spec.study import Spec
from analogsim.studies.chips import check_one_bn, make_ready, warn_of_factors
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.where import Where

_PARTS: dict[str | None, Part] = {None: "both", "sources": "sources", "layers": "layers"}
_RECOVER = 0.5


def make_ask(
    *,
    only: str | None,
    layers: tuple[str, ...],
    recover: float | None,
    top: int | None,
    screen: int | None,
) -> Ask:
    """What the options ask; `recover` is a fraction. Raises InputError for what cannot be."""
    if recover is None and top is None:
        recover = _RECOVER
    return Ask(
        part=_PARTS[only],
        layers=layers,
        goal=Goal(recover=recover, top=top),
        screening=None if screen is None else Screening(images=screen),
    )


def compute_attribution(spec: Spec, ask: Ask, where: Where, given: Given = NOTHING) -> None:
    """Run what the folder lacks, and write its files.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `compute_chips`.
    """
    place = where.place()
    check_one_bn(spec, "attribution")
    ready = make_ready(spec, where, given)
    with where.watch() as progress:
        result = attribute(
            ready.study,
            ready.analog,
            ready.images,
            ask,
            where.output,
            place,
            progress,
            lambda text: where.tell(f"attribute: {text}"),
        )
    said = warning_lines(warn_of_factors(where))
    text = "\n".join([format_attribution(result), *said])
    write_bytes_atomic(where.output / PLOT_FILE, png_bytes(draw_attribution(result)))
    write_bytes_atomic(where.output / TEXT_FILE, _markdown(result["question"], text).encode())


def _markdown(question: str, text: str) -> str:
    return f"# {question}\n\n```\n{text}\n```\n"
