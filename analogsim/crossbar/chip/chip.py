"""A programmed chip: called as the network was, and moved to a time by `drift_`."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from analogsim.batchnorm.policy import RECALIBRATING
from analogsim.batchnorm.recalibrate import batchnorms, copy_statistics_, recalibrate_
from analogsim.call import Inputs, map_tensors, tensors_in
from analogsim.crossbar.chip.blocks import KEEP_PREPARED, blocks_of, parts_of
from analogsim.crossbar.chip.compensation import COMPENSATIONS, Compensation
from analogsim.crossbar.chip.effects import ChipEffects
from analogsim.crossbar.chip.own_statistics import own_batchnorms, parted
from analogsim.crossbar.chip.streamed import streamed_blocks
from analogsim.crossbar.chip.weights import Part, drift_weights_
from analogsim.crossbar.conversion.checking import check_, order_inputs, part_
from analogsim.crossbar.conversion.trying import try_forward
from analogsim.crossbar.forward.compiled import call_compiled
from analogsim.crossbar.forward.freed import give_back
from analogsim.crossbar.forward.instance import Instance
from analogsim.crossbar.forward.native import PerfectEngine
from analogsim.crossbar.forward.packed import is_differentiated
from analogsim.crossbar.forward.pieces import in_pieces
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.joined import Parted
from analogsim.crossbar.mapping.layer import CrossbarLayer
from analogsim.crossbar.mapping.plan import LayerReport
from analogsim.crossbar.mapping.size import is_large
from analogsim.crossbar.mapping.table_words import name_unused
from analogsim.draws.addresses import seeded
from analogsim.durations import seconds
from analogsim.errors import InputError
from device_models.registry import spec_of

_IN_PIECES = ("native", "native-bf16")


class Chip(nn.Module):
    """One programmed chip, callable as the network was.

    Only `program` and `load` make one. Its weights depend on (seed, chip number) and, after
    `drift_`, on the time; on nothing else. A chip whose policy is to recalibrate has BatchNorm
    statistics of its own.

    It is called with what the network is called with, and gives what the network gives. Where the
    conversion was not checked, for want of an example, its first forward pass does that.

    Attributes:
        analog: the converted network that the chip was made of.
        seed, chip: root seed and number of the chip.
        t_s: seconds since programming; None right after programming.
        compensation: the drift compensation in force.
    """

    def __init__(self, analog: AnalogModel, instance: Instance, *, seed: int, chip: int) -> None:
        super().__init__()
        self.analog = analog
        self.module = instance.module
        # So that they follow the chip from device to device: the network does not know them.
        self.crossbars = nn.ModuleList(instance.layers.values())
        self.instance = instance
        self.seed = seed
        self.chip = chip
        self.t_s: float | None = None
        self.compensation: Compensation = "none"
        self._layers = instance.layers
        self.joined = tuple(instance.joined.values())
        self._free_order = True
        # Where drifts fill the engines' weights themselves: with statistics of its own the chip
        # needs its weights several times.
        self.direct = (
            analog.stream == "philox"
            and analog.forward != "tile"
            and analog.periphery.perfect
            and analog.bn not in RECALIBRATING
            and analog.device.fused_law() is not None
        )
        layers = list(self._layers.values())
        self.large = is_large(layers)
        self._swollen = False
        # While statistics are estimated: each BatchNorm is then computed by itself, once.
        self._estimating = False
        self.parts = [self._part(part) for part in parts_of(layers)]
        self.eval()

    def _part(self, layers: list[CrossbarLayer]) -> Part:
        if self.analog.stream == "philox":
            return Part(layers=layers, blocks=streamed_blocks(layers, direct=self.direct))
        keep = sum(layer.numel for layer in self._layers.values()) <= KEEP_PREPARED
        return Part(layers=layers, blocks=blocks_of(layers, keep_prepared=keep))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The network's output, as the digital network gives it.

        Raises:
            InputError: the conversion was not checked before and the network is refused now.
        """
        checked, inputs = self.analog.checked, Inputs(args, kwargs)
        if not checked.done:
            self._check_(inputs)
        x = args[0] if len(args) == 1 and not kwargs else None
        # The tile stays as aihwkit runs it; a compiled pass is compiled for one shape.
        whole = self.training or self._estimating or self.analog.forward not in _IN_PIECES
        if whole or not checked.separable or not isinstance(x, Tensor):
            return self._pass(inputs)
        return in_pieces(lambda piece: self._pass(Inputs((piece,))), x)

    @torch.inference_mode(False)
    def _check_(self, inputs: Inputs) -> None:
        """Check the conversion on the first inputs that a chip is given."""
        rows = inputs.to("cpu").clone()
        source = self.analog.source
        before = _sums(source)
        tried = try_forward(source, rows)
        if _sums(source) != before:
            raise InputError(
                "network must not change its weights in its forward pass after chips were made of "
                "it, got other sums; convert it with an example (calibrate=...)"
            )
        check_(self.analog, tried)
        self.analog.checked.late = True

    def _pass(self, inputs: Inputs) -> Any:
        """One forward pass, in the memory order that is fast or else in the network's own."""
        self._order_(self.analog.checked.free_order and self.analog.forward != "tile")
        try:
            return self._settled(inputs)
        except RuntimeError:
            if not self._free_order or any(map(is_differentiated, inputs.tensors())):
                raise
            # A branch that was never tried may need the order of the digital network.
            self._order_(False)
            try:
                output = self._settled(inputs)
            except RuntimeError:
                self._order_(True)
                raise
            self.analog.checked.free_order = False
            return output

    def _settled(self, inputs: Inputs) -> Any:
        """One forward pass; once more where a BatchNorm did not follow its layer."""
        while True:
            for one in self.joined:
                one.forget_()
            try:
                output = self._once(inputs)
            except Parted as found:
                part_(found.joined, self.instance)
                continue
            left = [one for one in self.joined if one.awaited]
            if not left:
                return output
            for one in left:
                part_(one, self.instance)

    def _order_(self, free: bool) -> None:
        if free != self._free_order:
            self._free_order = free
            for layer in self._layers.values():
                layer.free_order = free

    def _once(self, inputs: Inputs) -> Any:
        first = self._swollen
        if first:
            self._slim_()
        how = self.analog.forward
        if self.analog.checked.changes_input:
            inputs = inputs.clone()
        if self._free_order:
            inputs = inputs.map(order_inputs)
        if (
            how == "native-compiled"
            and not self._estimating
            and not any(map(is_differentiated, inputs.tensors()))
        ):
            for layer in self._layers.values():
                if isinstance(layer.engine, PerfectEngine):
                    layer.engine.ready_(layer, unpacked=True)
            output = call_compiled(self.module, inputs)
        elif how == "native-bf16":
            output = map_tensors(_float32, inputs.map(_bfloat16).call(self.module))
        else:
            output = inputs.call(self.module)
        if first:
            # The engines have packed their weights.
            give_back()
        if self._free_order and any(map(_lies_otherwise, tensors_in(output))):
            # As most digital networks give it: a view of it works.
            output = map_tensors(lambda t: t.contiguous() if _lies_otherwise(t) else t, output)
        return output

    def __repr__(self) -> str:
        """Which chip, of what, and where in time it is."""
        at = "just programmed" if self.t_s is None else f"{self.t_s:g} s after programming"
        return (
            f"Chip {self.chip} of seed {self.seed}: {type(self.analog.source).__name__} on "
            f"{spec_of(self.analog.device)}, {len(self.layers)} analog layers, {at} "
            f"(compensation {self.compensation})"
        )

    @property
    def effects(self) -> ChipEffects:
        """The effects on the chip's cells, with the address of their draws."""
        return ChipEffects(
            effects=self.analog.effects,
            seed=self.seed,
            chip=self.chip,
            g_max_us=self.analog.device.largest_us,
        )

    @property
    def layers(self) -> dict[str, CrossbarLayer]:
        """The crossbar layers by name."""
        return self._layers

    @property
    def report(self) -> tuple[LayerReport, ...]:
        """The conversion's lines with the programming error of each analog layer."""
        lines, checked = self.analog.report, self.analog.checked
        if checked.late and checked.coverage is not None:
            lines = tuple(name_unused(list(lines), checked.coverage))
        errors = {name: layer.weight_error() for name, layer in self.layers.items()}
        return tuple(
            dataclasses.replace(line, programming_error=errors.get(line.name)) for line in lines
        )

    def drift_(self, t_s: float | str, compensation: Compensation = "global") -> "Chip":
        """Move the chip to `t_s` seconds after programming; always from the programmed state.

        Read noise is drawn once for (chip, time) and stays while the chip is at that time.

        Args:
            t_s: seconds since programming, or text such as `1d`, within the device's domain.
            compensation: `none`, `global`, `exact`, `column`, `gain` or `current`; see
                `compensation.py`.

        Raises:
            DeviceError: the device's law does not cover `t_s`.
            InputError: unknown compensation, text that is no time, or there are no images to
                recalibrate with.
        """
        if compensation not in COMPENSATIONS:
            raise InputError(
                f"compensation must be one of {', '.join(COMPENSATIONS)}, got {compensation!r}; "
                "choose one"
            )
        t_s = seconds(t_s, where="chip time")
        self.analog.device.check_time(t_s)
        anew = self.analog.bn == "recalibrate"
        if anew:
            recalibration_images(self.analog)

        def after(part: Part) -> None:
            if not (self.direct or anew):
                refresh_(part.layers, let_go=self.large)
            if self.large and part is not self.parts[-1]:
                # Before the next part takes as many temporaries elsewhere.
                give_back()

        drift_weights_(
            self.parts,
            self.analog.device,
            self.effects,
            t_s,
            compensation,
            through_tiles=self.analog.forward == "tile" and self.analog.tile == "cpp",
            after=after,
        )
        if self.large and self.analog.stream == "philox":
            # aihwkit's draws pass through so many temporaries that this would cost them a half.
            self._slim_()
        self._swollen = self.large
        self.t_s, self.compensation = t_s, compensation
        return self.recalibrate_() if anew else self

    def _slim_(self) -> None:
        """Keep no memory that the next drift would take again."""
        self._swollen = False
        for part in self.parts:
            for block in part.blocks:
                block.let_go_()
        give_back()

    def recalibrate_(self) -> "Chip":
        """Estimate the BatchNorm statistics anew on the chip as it is now.

        `program` and `drift_` do this where the policy says so. The estimate starts from the
        network's own statistics, whatever the chip's are, so that no other time moves it; its
        product noise is drawn from the address (seed, "recalibrate", chip, time).

        Raises:
            InputError: the chip's policy is another one, or there are no images.
        """
        images = recalibration_images(self.analog)
        norms = own_batchnorms(self.module, self.analog.module)
        copy_statistics_(norms, batchnorms(self.analog.module))
        t_s = -1.0 if self.t_s is None else self.t_s
        device = next(iter(norms.values())).get_buffer("running_mean").device
        assert self.analog.recalibration is not None

        def on_device(*args: Any, **kwargs: Any) -> object:
            return Inputs(args, kwargs).to(device).call(self)

        self._estimating = True
        try:
            with (
                torch.no_grad(),
                parted(self.joined, self.layers),
                seeded(self.seed, "recalibrate", self.chip, t_s),
            ):
                recalibrate_(norms, on_device, images, self.analog.recalibration)
        finally:
            self._estimating = False
        return self


def recalibration_images(analog: AnalogModel) -> Tensor | Inputs:
    """The training images that chips recalibrate with.

    Raises:
        InputError: chips do not recalibrate, or there are no images.
    """
    if analog.bn not in RECALIBRATING:
        raise InputError(
            f"chip bn must be {' or '.join(RECALIBRATING)} to recalibrate, got {analog.bn!r}; "
            "convert the network with one of these"
        )
    if analog.recalibration_images is None:
        raise InputError(
            f"chip with bn {analog.bn!r} must have training images to recalibrate with, got "
            "none (a folder holds none); load it with recalibrate=images"
        )
    return analog.recalibration_images


def refresh_(layers: Sequence[CrossbarLayer], *, let_go: bool = False) -> None:
    """Hand the tiles' state to the engines; `let_go` of weights that can be computed again."""
    with torch.no_grad():
        for layer in layers:
            layer.refresh_()
            for tile in layer.tiles if let_go else ():
                tile.let_go_()


def _lies_otherwise(t: Tensor) -> bool:
    """Whether a view of it may fail, as of images in the order that is fast."""
    return t.layout == torch.strided and t.dim() > 2 and not t.is_contiguous()


def _sums(network: nn.Module) -> list[float]:
    """Enough of each parameter to notice that it has changed."""
    return [float(p.detach().double().abs().sum()) for p in network.parameters()]


def _bfloat16(t: Tensor) -> Tensor:
    return t.to(torch.bfloat16) if t.is_floating_point() else t


def _float32(t: Tensor) -> Tensor:
    return t.float() if t.dtype is torch.bfloat16 else t
