"""Which layers lie on tiles, from the conversion's own table of reasons."""

from markdown import code, plain, table
from torch import nn

# Inner names: the conversion shows these texts layer by layer, and nobody else needs the table.
from analogsim.crossbar.conversion.rewrites import REWRITES
from analogsim.crossbar.mapping.plan import _REASONS, MAPPED, MAX_GROUPS


def mapping() -> list[str]:
    """What is mapped, and why each other kind of layer is not."""
    mapped = ", ".join(map(_names, MAPPED))
    rewritten = ", ".join(
        code(kind) if isinstance(kind, str) else _names(kind) for kind in REWRITES
    )
    return [
        f"Mapped are {mapped} and subclasses that keep their forward pass, with at most "
        f"{MAX_GROUPS} groups and not depthwise. Written with these, and so mapped, are "
        f"{rewritten}. These stay digital:",
        *table(
            ("layer", "why"),
            (
                (_names(kind), plain(why))
                for kind, why in _REASONS
                if not kind.__module__.startswith("analogsim") and not _is_rewritten(kind)
            ),
        ),
    ]


def _is_rewritten(kind: type) -> bool:
    """Whether only classes that are derived from it, or changed, stay digital."""
    return any(isinstance(one, type) and issubclass(one, kind) for one in REWRITES)


def _names(kind: type) -> str:
    """The layer, or the public layers that are derived from an inner class of torch."""
    if hasattr(nn, kind.__name__):
        return code(f"nn.{kind.__name__}")
    names = (name for name in nn.modules.__all__ if not name.startswith("Lazy"))
    public = (getattr(nn, name) for name in names)
    return ", ".join(code(f"nn.{one.__name__}") for one in public if issubclass(one, kind))
