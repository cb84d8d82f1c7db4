"""The noise to train against, from its text."""

from analogsim.errors import InputError
from analogsim.hardening.chips import Law

_GAUSSIAN = "gaussian:"


def law_of(text: str) -> tuple[Law, float]:
    """Law and fraction of an `Injection` for `device`, `gaussian:matched` or `gaussian:3%`.

    Raises:
        InputError: it is none of these.
    """
    if text == "device":
        return "device", 0.0
    if text == f"{_GAUSSIAN}matched":
        return "matched", 0.0
    share = text.removeprefix(_GAUSSIAN)
    if share != text and share.endswith("%"):
        try:
            fraction = float(share[:-1]) / 100
        except ValueError:
            fraction = -1.0
        if fraction > 0:
            return "column", fraction
    raise InputError(
        f"training noise must be device, gaussian:matched or gaussian:P%, got {text!r}; write for "
        "example gaussian:3%"
    )
