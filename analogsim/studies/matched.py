"""Devices beside their matched Gaussians: from the spec to its folder."""

from analogsim.equivalent.compare import compare_matched
from analogsim.errors import InputError
from analogsim.inputs.names import TOP1
from analogsim.spec.study import Spec
from analogsim.studies.chips import check_one_bn, make_ready, warn_of_factors, write_spec
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.tile import with_tile
from analogsim.studies.where import Where


def compute_matched(spec: Spec, where: Where, given: Given = NOTHING) -> None:
    """Run what the folder lacks of the comparison. Raises as `compute_chips`."""
    spec = with_tile(spec, where.output)
    place = where.place()
    check_one_bn(spec, "--gaussian matched")
    if spec.measure != TOP1:
        raise InputError(
            f"--gaussian matched must search for the level of an equal accuracy, got --measure "
            f"{spec.measure}; leave it out, or compare without --gaussian"
        )
    ready = make_ready(spec, where, given)
    with where.watch() as progress:
        compare_matched(
            ready.study,
            ready.analog,
            ready.images,
            where.output,
            place,
            progress,
            extend=where.extend,
        )
    write_spec(spec, where.output)
    warn_of_factors(where)
