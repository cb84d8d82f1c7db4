"""The form of a network of which chips are made: plain layers, and those on tiles among them."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from analogsim.copying import copied
from analogsim.crossbar.conversion.baking import bake_
from analogsim.crossbar.conversion.rewriting import rewrite_
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.mapping.bypassed import guard_bypassed_
from analogsim.crossbar.mapping.joined import affine_in_float32
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.crossbar.mapping.plan import (
    MAPPED,
    WHOLE_MODEL,
    Grouped,
    LayerReport,
    disable_fast_paths_,
    is_spread,
)
from analogsim.crossbar.mapping.table_words import name_blocks


@dataclass(frozen=True, kw_only=True)
class DigitalForm:
    """A copy of a network whose products are those of plain layers, where that can be.

    Attributes:
        module: the copy.
        notes: what is another than in the network, in words.
        digital: modules that stay digital -> why, as far as is known here.
        rewrites: kinds of modules that were rewritten.
    """

    module: nn.Module
    notes: tuple[str, ...]
    digital: Mapping[str, str]
    rewrites: tuple[str, ...]


def digital_form(
    source: nn.Module, keep_digital: Sequence[str] = (), *, analog: Collection[str] | None = None
) -> DigitalForm:
    """The digital network as its layers are planned; see `rewrite_` for the arguments."""
    module = copied(source)
    baked = bake_(module, MAPPED)
    rewritten = rewrite_(module, keep_digital, analog=analog)
    return DigitalForm(
        module=disable_fast_paths_(module).requires_grad_(False),
        notes=(*baked, *rewritten.notes),
        digital=rewritten.digital,
        rewrites=tuple(sorted(rewritten.kinds)),
    )


def absorb(
    module: nn.Module, merged: Sequence[tuple[str, str]]
) -> tuple[tuple[Tensor, Tensor], ...]:
    """Gain and offset of the BatchNorms that their layers compute."""
    return tuple(affine_in_float32(module.get_submodule(norm)) for _, norm in merged)


def place_layers(
    module: nn.Module,
    report: Sequence[LayerReport],
    periphery: Periphery,
    source: nn.Module,
    *,
    grouped: Grouped = "digital",
) -> tuple[nn.Module, list[LayerReport]]:
    """Let the layers of `module` that the report calls analog compute on tiles; count these.

    The layers share their weights with `source`, the digital network, where they are the same.
    """
    modules = dict(module.named_modules())
    # Those that a rewrite has made have none.
    twins: dict[str, nn.Module] = {
        name: m for name, m in source.named_modules() if isinstance(m, MAPPED)
    }
    lines: list[LayerReport] = []
    for line in report:
        if line.where == "analog":
            name = "" if line.name == WHOLE_MODEL else line.name
            digital = modules[name]
            spread = grouped == "blocks" and is_spread(digital)
            layer = CrossbarLayer(line.name, digital, periphery, in_blocks=spread)
            twin = twins[name] if name in twins else digital
            layer.lend_(PerfectEngine()).share_(twin)
            layer.take_over_(digital)
            weight = twin._parameters.get("weight")
            if weight is not None and layer.holds(weight):
                digital.weight = nn.Parameter(weight.detach(), requires_grad=False)
            line = dataclasses.replace(line, tiles=len(layer.tiles))
            line = name_blocks(line, layer)
        lines.append(line)
    return guard_bypassed_(module, lines), lines
