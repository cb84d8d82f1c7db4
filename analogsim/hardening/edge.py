"""The periphery of one layer in a training step: DAC, partial products, output noise, ADC."""

from collections.abc import Iterable, Sequence
from typing import NoReturn, cast

import torch
from torch import Tensor, nn

from analogsim.crossbar.forward.input_stage import InputChannels
from analogsim.crossbar.mapping.layer import CrossbarLayer, is_channels_last
from analogsim.crossbar.mapping.periphery import OF_CONVERTERS, Periphery, step
from analogsim.crossbar.mapping.product_law import NOTHING, ProductLaw
from analogsim.errors import InputError
from analogsim.hardening.array import ArrayProducts
from analogsim.hardening.converters import DECAY, SHARE, convert_inputs, convert_outputs_
from analogsim.hardening.weight import Weight


class Edge(nn.Module):
    """What the static path of a chip does around a layer's products, with gradients.

    With the same weights and ranges, and without noise, outputs are those of `StaticEngine` up to
    one-step ties of the converters; noise has its law.

    The digital layer's own convolution or product is computed, once for each split of the inputs
    where the layer has more rows than a tile: each split has an ADC reading of its own.

    Attributes:
        input_range: (), full scale of the DAC in logical units, which learns by the gradient of
            `convert_inputs`. One for the layer: where its tiles were calibrated to several, it
            starts from the largest of them.
    """

    input_range: nn.Parameter

    def __init__(
        self,
        layer: CrossbarLayer,
        law: ProductLaw = NOTHING,
        *,
        whole: bool = True,
        decay: float = DECAY,
        share: float = SHARE,
    ) -> None:
        """Take over the shape, the tiles and the calibrated ranges of `layer`.

        Args:
            layer: of a converted network. Its tiles' column scales, and a compensation in front of
                the ADC, are read at each forward pass.
            law: IR drop and read noise of each product.
            whole: whether IR drop and read noise are computed to the last digit and have a
                gradient; otherwise they are estimated, see `Array`.
            decay: by which an unused input range shrinks.
            share: of the inputs that must lie within the range for that.

        Raises:
            InputError: its periphery has something that training has no law for.
        """
        super().__init__()
        _check(layer)
        self.geometry, self.periphery = layer.geometry, layer.periphery
        self.whole, self.decay, self.share = whole, decay, share
        largest = max(tile.input_range for tile in layer.tiles)
        self.input_range = nn.Parameter(torch.tensor(largest, dtype=torch.float32))
        starts = sorted({tile.slot.inputs.start for tile in layer.tiles})
        self.splits = nn.ModuleList(_Split(layer, law, start) for start in starts)

    def forward(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        factor: Tensor,
        *,
        clean: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The layer's output in logical units, as the digital layer's in type and memory order.

        Args:
            x: as the digital layer takes it.
            weight: `geometry.weight_shape`, what inputs are multiplied with in all, in logical
                units: column scales and drift compensation included.
            bias: (outputs,), digital, or None.
            factor: the drift compensation behind the ADC that `weight` includes: (), (1,),
                (outputs,), or (splits, outputs) as in `compensation`. It takes no gradient.
            clean: the weight by which the gradient reaches the inputs, see `Weight`.
            generator: of the noise, see `convert_outputs_`.
        """
        geometry, edge = self.geometry, self.periphery
        codes = convert_inputs(
            x,
            self.input_range,
            bits=edge.dac_bits,
            bound=edge.input_bound,
            decay=self.decay,
            share=self.share,
        )
        full = self.input_range.detach().abs()
        # Codes are whole numbers, which bfloat16 holds exactly: their step joins the weights.
        dac = step(edge.dac_bits, 1.0) if edge.dac_bits else 1.0
        held = Weight(weight, clean).map(lambda w: w * (full * dac))
        factor = factor.detach().to(full.device).expand(len(self.splits), len(weight)) * full
        total: Tensor | None = None
        for split, unit, part in zip(self._splits, factor, self._parts(codes), strict=True):
            unit = unit * split.scale.to(unit.device)
            own = held.map(split.weight)
            suffered = None
            if split.array is not None:
                gain = split.gain.to(unit.device)
                compute = split.array.exact if self.whole else split.array.estimated
                own, suffered = compute(geometry, part, own, unit=unit, gain=gain, dac=dac)
            y = convert_outputs_(
                own.product(geometry, part),
                unit,
                bias if total is None else None,
                suffered,
                bits=edge.adc_bits,
                bound=edge.output_bound,
                noise=edge.output_noise,
                axis=geometry.channel_axis,
                generator=generator,
            )
            total = y if total is None else total.add_(y)
        assert total is not None, "a layer has tiles"
        return total

    @property
    def compensation(self) -> Tensor:
        """(splits, outputs): the tiles' drift compensation behind the ADC as it is now."""
        return torch.stack([split.alpha for split in self._splits])

    def _parts(self, codes: Tensor) -> Sequence[Tensor]:
        """The codes of each split."""
        if len(self._splits) == 1:
            return [codes]
        sizes = [len(split.taken.channels) for split in self._splits]
        axis = self.geometry.channel_axis
        parts: Sequence[Tensor]
        if self.geometry.groups == 1 and sum(sizes) == codes.shape[axis]:
            parts = torch.split(codes, sizes, axis)  # its gradient is one pass
        else:
            parts = [split.taken(self.geometry, codes) for split in self._splits]
        # Otherwise a convolution copies them, and its gradient copies them again.
        last = is_channels_last(codes)
        order = torch.channels_last if last else torch.contiguous_format
        return [part.contiguous(memory_format=order) for part in parts]

    @property
    def _splits(self) -> list["_Split"]:
        return cast(list[_Split], list(self.splits))


def input_ranges_of(edges: Iterable[tuple[str, nn.Module]]) -> dict[str, float]:
    """Full scale of the DACs of layers, by name."""
    return {name: abs(float(edge.get_parameter("input_range").detach())) for name, edge in edges}


class _Split(nn.Module):
    """The tiles that share their rows: one for each group (and output split)."""

    mask: Tensor | None

    def __init__(self, layer: CrossbarLayer, law: ProductLaw, start: int) -> None:
        super().__init__()
        self._tiles = [tile for tile in layer.tiles if tile.slot.inputs.start == start]
        rows, kernel = self._tiles[0].slot.inputs, layer.geometry.kernel_size
        self.taken = InputChannels(layer.geometry, rows)
        width, skipped = len(self.taken.channels), start - self.taken.channels.start * kernel
        mask = None
        if rows.stop - rows.start < width * kernel:
            # A channel's places in the kernel that lie on two tiles.
            mask = torch.zeros(1, width * kernel)
            mask[:, skipped : skipped + rows.stop - rows.start] = 1.0
            mask = mask.reshape(1, width, *layer.geometry.kernel)
        self.register_buffer("mask", mask, persistent=False)
        on_tiles = slice(skipped, skipped + rows.stop - rows.start)
        self.array = ArrayProducts(law, layer.geometry, on_tiles, width) if law else None

    @property
    def scale(self) -> Tensor:
        """(outputs,): the column scales, as they are now."""
        return torch.cat([tile.scale.reshape(-1) for tile in self._tiles])

    @property
    def alpha(self) -> Tensor:
        """(outputs,): the drift compensation, as it is now."""
        return torch.cat([tile.alpha.expand(tile.shape[0]) for tile in self._tiles])

    @property
    def gain(self) -> Tensor:
        """(outputs,): the drift compensation in front of the ADC, as it is now."""
        return torch.cat([tile.gain.expand(tile.shape[0]) for tile in self._tiles])

    def weight(self, weight: Tensor) -> Tensor:
        """The rows of the layer's weight that lie on these tiles."""
        channels = self.taken.channels
        if len(channels) < weight.shape[1]:
            weight = weight.narrow(1, channels.start, len(channels))
        return weight if self.mask is None else weight * self.mask


def _check(layer: CrossbarLayer) -> None:
    edge = layer.periphery
    if edge.perfect:
        _refuse(layer, "converters", "perfect = True", "leave its products digital")
    fields = ("input_scaling", "weight_encoding", "bits_per_cell", *OF_CONVERTERS)
    others = [name for name in fields if getattr(edge, name) != getattr(Periphery, name)]
    if others:
        got = ", ".join(f"{name} = {getattr(edge, name)!r}" for name in others)
        rule = "whole weights in pairs, static inputs at once and a uniform ADC with a fixed range"
        _refuse(layer, rule, got, "train on the standard periphery, and evaluate on this one")


def _refuse(layer: CrossbarLayer, rule: str, got: str, remedy: str) -> NoReturn:
    raise InputError(
        f"layer {layer.name}: periphery {layer.periphery.name} must have {rule} for training, "
        f"got {got}; {remedy}"
    )
