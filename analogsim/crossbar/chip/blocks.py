"""Many tiles at once: the fast way to program and drift, with the numbers of the slow one.

A block holds consecutive tiles in flat buffers, small enough for a core's cache; one thread works
on one block. Each tile keeps its own address of draws. Devices without a fused law are programmed
tile by tile, by aihwkit's classes.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from analogsim.crossbar.chip.compensation import Compensation, Method, Reading, compensate_
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.chip.pool import each
from analogsim.crossbar.forward.unit_inputs import convert_answers_
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.size import is_large
from analogsim.crossbar.mapping.tile import TileState
from analogsim.draws.addresses import generator_at
from device_models.contract import FusedLaw

Item = TypeVar("Item")

BLOCK = 1 << 16
"""Weights of a block, at most, unless one tile is larger: small enough to share the work out."""

KEEP_PREPARED = 1 << 25
"""Most weights of a network whose blocks keep what their drifts have in common."""

_PART = 1 << 23
"""Weights of a part of a large network, at most, unless one layer is larger."""


@dataclass(kw_only=True)
class Block:
    """Consecutive tiles in flat buffers. The tiles' own tensors are views of them."""

    members: list[tuple[CrossbarLayer, TileState]]
    sizes: list[int]
    keep_prepared: bool = False
    programmed: Tensor = field(default_factory=lambda: torch.empty(0))
    nu: Tensor = field(default_factory=lambda: torch.empty(0))
    prepared: tuple[Tensor, ...] = ()
    baselines: dict[str, Tensor] = field(default_factory=dict)

    def program_(self, law: FusedLaw, effects: ChipEffects) -> "Block":
        """Program the tiles from their targets."""
        target = torch.cat([effects.aim(*member).reshape(-1) for member in self.members])
        normals = self._normals(law.programming_draws, (effects.seed, "program"), (effects.chip,))
        programmed, nu = law.program(target, self.sizes, normals)
        self.programmed, self.nu, self.prepared, self.baselines = programmed, nu, (), {}
        self._share_()
        return self

    def drift_(
        self, law: FusedLaw, effects: ChipEffects, t_s: float, method: Method | None
    ) -> "Block":
        """Move the tiles to a time; and compensate them, if by a `method`."""
        if not len(self.programmed):
            self._gather_()
            self._share_()
        seed, chip = effects.seed, effects.chip
        prepared = self.prepared or law.prepare(self.programmed, self.sizes)
        self.prepared = prepared if self.keep_prepared else ()
        normals = self._normals(law.drift_draws, (seed, "drift"), (chip, t_s))
        weights = law.drift(self.programmed, self.nu, prepared, self.sizes, t_s, normals)
        parts = weights.split_with_sizes(self.sizes)
        for index, ((layer, tile), flat) in enumerate(zip(self.members, parts, strict=True)):
            part = flat.view(tile.shape)
            if effects:
                part.copy_(effects.present(layer, tile, part))
            tile.hold_(part, again=functools.partial(self._weights, index, law, effects, t_s))
        if method is not None and method.reading != "none":
            reading = self._reading(method.reading, weights, normals[0], effects, t_s)
            compensate_([tile for _, tile in self.members], reading, method)
        return self

    def let_go_(self) -> "Block":
        """Keep no longer what the next drift can compute again."""
        self.prepared = ()
        return self

    def _weights(self, index: int, law: FusedLaw, effects: ChipEffects, t_s: float) -> Tensor:
        """(out, in): what tile `index` holds at a time, bit for bit."""
        member = self.members[index]
        layer, tile = member
        found: list[Tensor] = []

        @torch.no_grad()
        def again(one: Block) -> None:
            one._gather_()
            prepared = law.prepare(one.programmed, one.sizes)
            normals = one._normals(law.drift_draws, (effects.seed, "drift"), (effects.chip, t_s))
            drifted = law.drift(one.programmed, one.nu, prepared, one.sizes, t_s, normals)
            found.append(effects.present(layer, tile, drifted.view(tile.shape)))

        each(again, [Block(members=[member], sizes=[tile.numel])], serial=True)
        return found[0]

    def _reading(
        self,
        kind: Compensation,
        weights: Tensor,
        scratch: Tensor,
        effects: ChipEffects,
        t_s: float,
    ) -> Reading:
        """What `read_tile` reads, all tiles together."""
        seed, chip = effects.seed, effects.chip
        if kind not in self.baselines:
            if kind == "exact":
                answers = torch.cat([tile.target.reshape(-1) for _, tile in self.members])
            else:
                head, tail = (seed, "baseline"), (chip,)
                answers = self._read_out(scratch.clone(), self._start(effects), head, tail)
            self.baselines[kind] = self._mean_answers(kind, answers)
        answers = self._read_out(scratch, weights, (seed, "compensation"), (chip, t_s))
        return Reading(before=self.baselines[kind], now=self._mean_answers(kind, answers))

    def _start(self, effects: ChipEffects) -> Tensor:
        """(n,): what the tiles held right after programming."""
        if not effects:
            return self.programmed
        return torch.cat([effects.start(*member).reshape(-1) for member in self.members])

    def _read_out(
        self,
        out: Tensor,
        weights: Tensor,
        head: tuple[str | int, ...],
        tail: tuple[int | float, ...],
    ) -> Tensor:
        """The tiles' answers to unit inputs, flat; `out` may be overwritten."""
        periphery = self.members[0][0].periphery
        if periphery.perfect:
            return weights
        if periphery.output_noise > 0:
            for (layer, tile), part in zip(
                self.members, out.split_with_sizes(self.sizes), strict=True
            ):
                part.normal_(generator=generator_at(*head, layer.name, tile.slot.index, *tail))
        return convert_answers_(out, weights, periphery)

    def _mean_answers(self, kind: Compensation, answers: Tensor) -> Tensor:
        """The mean of each tile's |answers|, or of each output's, one after the other."""
        parts = answers.abs().split_with_sizes(self.sizes)
        if kind == "column":
            return torch.cat(
                [
                    part.view(tile.shape).mean(dim=1)
                    for (_, tile), part in zip(self.members, parts, strict=True)
                ]
            )
        return torch.stack([part.mean() for part in parts])

    def _gather_(self) -> None:
        """Fill the buffers from the tiles, after a chip was read from a file."""
        self.programmed, self.nu = gathered([tile for _, tile in self.members])

    def _share_(self) -> None:
        share_([tile for _, tile in self.members], self.programmed, self.nu, self.sizes)

    def _normals(
        self, draws: int, head: tuple[str | int, ...], tail: tuple[int | float, ...]
    ) -> Tensor:
        """(draws, n): for each tile what as many `randn_like` give under its address's seed."""
        normals = torch.empty(draws, sum(self.sizes))
        start = 0
        for (layer, tile), size in zip(self.members, self.sizes, strict=True):
            generator = generator_at(*head, layer.name, tile.slot.index, *tail)
            for row in normals[:, start : start + size]:
                row.normal_(generator=generator)
            start += size
        return normals


def gathered(tiles: Sequence[TileState]) -> tuple[Tensor, Tensor]:
    """(n,) each: what programmed tiles hold, and their drift exponents, tile after tile."""
    programmed, nu = [], []
    for tile in tiles:
        assert tile.origin is not None, "program() comes first"
        positive, negative = tile.drift_parameters
        assert positive is not None
        assert negative is not None
        programmed.append(tile.origin.reshape(-1))
        nu.append(torch.where(tile.origin >= 0, positive, negative).reshape(-1))
    return torch.cat(programmed), torch.cat(nu)


def share_(
    tiles: Sequence[TileState], programmed: Tensor, nu: Tensor, sizes: Sequence[int]
) -> None:
    """Make the tiles' own tensors views of a block's."""
    parts, exponents = (one.split_with_sizes(list(sizes)) for one in (programmed, nu))
    for tile, part, own in zip(tiles, parts, exponents, strict=True):
        tile.origin = part.view(tile.shape)
        # One device of each pair is left; the other one's exponent would never be used.
        tile.drift_parameters = [own.view(tile.shape)] * 2


def parts_of(layers: Sequence[CrossbarLayer]) -> list[list[CrossbarLayer]]:
    """Consecutive layers that are drifted together: all of them, or parts of a large network."""
    return (
        packed_groups(layers, [layer.numel for layer in layers], _PART)
        if is_large(layers)
        else [list(layers)]
    )


def packed_groups(items: Sequence[Item], sizes: Sequence[int], most: int) -> list[list[Item]]:
    """Consecutive items in groups of at most `most` in size; a larger item begins a group."""
    groups: list[list[Item]] = []
    room = 0
    for item, size in zip(items, sizes, strict=True):
        if not groups or size > room:
            groups.append([])
            room = most
        groups[-1].append(item)
        room -= size
    return groups


def blocks_of(layers: Iterable[CrossbarLayer], *, keep_prepared: bool = True) -> list[Block]:
    """Consecutive tiles in blocks, the largest block first."""
    pairs = [(layer, tile) for layer in layers for tile in layer.tiles]
    groups = packed_groups(pairs, [tile.numel for _, tile in pairs], BLOCK)
    blocks = [
        Block(members=group, sizes=[t.numel for _, t in group], keep_prepared=keep_prepared)
        for group in groups
    ]
    return sorted(blocks, key=lambda block: -sum(block.sizes))
