"""An attribution: from its spec to its folder."""

from analogsim.attribution.ask import Ask, Part, Screening
from analogsim.attribution.attribute import attribute
from analogsim.attribution.suggestion import Goal
from analogsim.spec.attribution import AttributionSpec
from analogsim.studies.chips import check_one_bn, make_ready, warn_of_factors
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.spec_file import write_spec
from analogsim.studies.tile import with_tile
from analogsim.studies.where import Where

_PARTS: dict[str | None, Part] = {None: "both", "sources": "sources", "layers": "layers"}
_RECOVER = 0.5


def make_ask(spec: AttributionSpec) -> Ask:
    """What a spec asks. Raises InputError for what cannot be."""
    recover = _RECOVER if spec.recover is None and spec.top is None else spec.recover
    return Ask(
        part=_PARTS[spec.only],
        layers=spec.layers,
        goal=Goal(recover=recover, top=spec.top),
        screening=None if spec.screen is None else Screening(images=spec.screen),
    )


def compute_attribution(spec: AttributionSpec, where: Where, given: Given = NOTHING) -> None:
    """Run what the folder lacks.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `compute_chips`.
    """
    check_one_bn(spec, "attribution")
    spec = with_tile(spec, where.output)
    ask = make_ask(spec)
    place = where.place()
    ready = make_ready(spec, where, given)
    with where.watch() as progress:
        attribute(
            ready.study,
            ready.analog,
            ready.images,
            ask,
            where.output,
            place,
            progress,
            lambda text: where.tell(f"attribute: {text}"),
            extend=where.extend,
        )
    write_spec(spec, where.output)
    warn_of_factors(where)
