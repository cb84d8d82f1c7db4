"""A study of any kind from its spec to its folder, its page included."""

from analogsim.spec.attribution import AttributionSpec
from analogsim.spec.file import AnySpec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.suite import Suite
from analogsim.studies.attribution import compute_attribution
from analogsim.studies.chips import compute_chips
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.noise import compute_noise
from analogsim.studies.result import Run
from analogsim.studies.suite import compute_suite
from analogsim.studies.where import Where


def run_spec(spec: AnySpec, where: Where, given: Given = NOTHING) -> Run:
    """Run what the folder lacks, and build its page; a finished run is read again.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: an option, the data or the folder
            cannot be used, or the workers end.
    """
    if isinstance(spec, Suite):
        compute_suite(spec, where)
        return Run(where.output, kind="suite")
    if isinstance(spec, NoiseSpec):
        compute_noise(spec, where, given)
        found = Run(where.output, kind="noise")
    elif isinstance(spec, AttributionSpec):
        compute_attribution(spec, where, given)
        found = Run(where.output, kind="attribution")
    else:
        compute_chips(spec, where, given)
        found = Run(where.output, kind="chips" if spec.gaussian is None else "matched")
    found.report()
    return found
