"""What each network of a suite keeps, in a sentence a case: the answer where there are no pairs."""

from analogsim.report.labels import format_duration
from analogsim.scopes.sheet import cell
from analogsim.suites.attributed import attribution_sentences
from analogsim.suites.chips import panels_of
from analogsim.suites.kept import Kept


def overview(kept: Kept) -> list[str]:
    """For chips the last time of each preset and compensation, for noise the mean over all eta.

    Of attributions what each says for its last time.
    """
    return [*_chips(kept), *_noise(kept), *attribution_sentences(kept.attributed)]


def _chips(kept: Kept) -> list[str]:
    said = []
    for preset, compensation in panels_of(kept.crossbar):
        cells = [
            (entry.label, one, result)
            for entry, result in kept.crossbar
            for one in result.correct
            if (one[0], one[2]) == (preset, compensation)
        ]
        last = max(one[3] for _, one, _ in cells)
        each = [
            f"{label} keeps {cell(result.accuracy(one))} % with BN {one[1]} (digital "
            f"{100 * result.clean:.2f} %)"
            for label, one, result in cells
            if one[3] == last
        ]
        start = f"After {format_duration(last)} on {preset}, compensation {compensation}"
        said.append(f"{start}: {'; '.join(each)}.")
    return said


def _noise(kept: Kept) -> list[str]:
    said = []
    networks = kept.noise
    for reference in networks[0][1].references if networks else ():
        for scope in networks[0][1].scopes:
            each = [
                f"{entry.label} keeps {cell(result.average(scope, reference, result.etas))} %"
                for entry, result in networks
            ]
            said.append(
                f"Averaged over eta, with noise in scope {scope} (sigma of {reference}): "
                f"{'; '.join(each)} of its own accuracy."
            )
    return said
