"""Which layers lie on tiles, from the conversion's own table of reasons."""

from markdown import code, plain, table
from torch import nn

# Inner names: the conversion shows these texts layer by layer, and nobody else needs the table.
from analogsim.crossbar.mapping.plan import _REASONS, MAPPED, MAX_GROUPS


def mapping() -> list[str]:
    """What is mapped, and why each other kind of layer is not."""
    mapped = ", ".join(map(_names, MAPPED))
    return [
        f"Mapped are {mapped} and subclasses that keep their forward pass, with at most "
        f"{MAX_GROUPS} groups and not depthwise. These stay digital:",
        *table(
            ("layer", "why"),
            (
                (_names(kind), plain(why))
                for kind, why in _REASONS
                if not kind.__module__.startswith("analogsim")
            ),
        ),
    ]


def _names(kind: type) -> str:
    """The layer, or the public layers that are derived from an inner class of torch."""
    if hasattr(nn, kind.__name__):
        return code(f"nn.{kind.__name__}")
    names = (name for name in nn.modules.__all__ if not name.startswith("Lazy"))
    public = (getattr(nn, name) for name in names)
    return ", ".join(code(f"nn.{one.__name__}") for one in public if issubclass(one, kind))
