"""What a run will cost, said before it goes on."""

_LONG_S = 60.0


def counted(evaluations: int, n_images: int, screened: int, screen_images: int) -> str:
    """How many evaluations there will be, those of a screening included."""
    text = f"at most {evaluations} evaluations of {n_images} images"
    if screened:
        text += f" ({screened} of them of {screen_images} images only)"
    return text


def lasting(each_s: float, left_s: float) -> str:
    """How long they take, by the first one; and what makes it shorter, where it is long."""
    text = f"one takes {each_s:.2g} s: about {rough(left_s)} in all"
    if left_s > _LONG_S:
        text += "; --limit, --chips, --layers or --screen make it shorter"
    return text


def rough(seconds: float) -> str:
    """A duration as people say it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
