"""Before layers are planned, modules that hide their products are written with linear layers."""

import fnmatch
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from torch import nn

from analogsim.crossbar.conversion.rewrites import REWRITES, key_of
from analogsim.crossbar.mapping.plan import MAPPED

_LEFT = "its products are its layers'; these parameters are none of a product"


@dataclass(kw_only=True)
class Rewritten:
    """What has become of the modules that could be rewritten.

    Attributes:
        kinds: class in words -> names of the modules of it that were.
        digital: name -> why what is there now stays digital: modules that were not rewritten, and
            what parameters are left of those that were.
    """

    kinds: dict[str, list[str]] = field(default_factory=dict)
    digital: dict[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """The same for the user."""
        return [
            f"{kind} is written with nn.Linear, which lies on tiles, in {len(names)} "
            f"module{'s' * (len(names) > 1)} ({', '.join(names[:3])}{', ...' * (len(names) > 3)})."
            for kind, names in self.kinds.items()
        ]


def rewrite_(
    module: nn.Module, keep_digital: Sequence[str] = (), *, analog: Collection[str] | None = None
) -> Rewritten:
    """Write the modules of `REWRITES` with linear layers; each keeps its place and identity.

    Args:
        module: the network, a copy; it may itself be such a module.
        keep_digital: patterns (`fnmatch`) of names; a module that one matches stays as it is.
        analog: names of the layers that lay on tiles when the network was converted: only modules
            with one of these are rewritten. None: all are.
    """
    done = Rewritten()
    for name, m in list(module.named_modules()):
        kind = key_of(m)
        if kind is None:
            continue
        inside = f"{name}." if name else ""
        if analog is not None and not any(f"{one}.".startswith(inside) for one in analog):
            continue
        why = _why_not(name, m, keep_digital)
        if why is not None:
            # What is inside is read by it, for the same reason.
            done.digital |= {inner: why for inner, _ in m.named_modules(prefix=name)}
            continue
        done.kinds.setdefault(_words(type(m)), []).append(name or "the network")
        REWRITES[kind](m)
        if not isinstance(m, MAPPED) and any(True for _ in m.parameters(recurse=False)):
            done.digital[name] = _LEFT
    return done


def _words(kind: type[nn.Module]) -> str:
    return f"nn.{kind.__name__}" if kind in REWRITES else kind.__name__


def _why_not(name: str, m: nn.Module, keep_digital: Sequence[str]) -> str | None:
    for pattern in keep_digital:
        if name and (name == pattern or fnmatch.fnmatchcase(name, pattern)):
            return f"kept digital by choice ({pattern})"
    if "forward" in vars(m):
        return f"the forward pass of this {type(m).__name__} was replaced; remove the replacement"
    if m._forward_pre_hooks:
        return "a hook runs before it, which may change its weights; remove the hook"
    return None
