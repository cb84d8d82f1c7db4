"""A study of any kind from its spec to its folder, its page included."""

from analogsim.attribution.ask import Ask
from analogsim.report import build_report
from analogsim.scopes.build import build_noise
from analogsim.spec.file import AnySpec
from analogsim.spec.noise import NoiseSpec
from analogsim.spec.study import Spec
from analogsim.spec.suite import Suite
from analogsim.studies.attribution import compute_attribution
from analogsim.studies.chips import compute_chips
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.matched import compute_matched
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
        build_noise(where.output)
        return Run(where.output, kind="noise")
    if spec.gaussian is not None:
        compute_matched(spec, where, given)
    else:
        compute_chips(spec, where, given)
    build_report(where.output)
    return Run(where.output, kind="chips" if spec.gaussian is None else "matched")


def run_attribution(spec: Spec, ask: Ask, where: Where, given: Given = NOTHING) -> Run:
    """The same of an attribution. Raises as `run_spec`."""
    compute_attribution(spec, ask, where, given)
    build_report(where.output)
    return Run(where.output, kind="attribution")
