"""DAC and ADC of a training step: what the chip's static path computes, with gradients.

Gradients pass straight through the rounding (Bengio et al., arXiv 1308.3432) and are 0 where a
value is clipped. On a CPU, float32 and bfloat16 take one compiled pass a direction (extra `fast`);
all else, CUDA included, the same operations of torch. bfloat16 is computed in float32.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from analogsim.crossbar.mapping.periphery import step
from analogsim.crossbar.mapping.product_law import drop_of, slope_of
from analogsim.draws.stream import Stream
from analogsim.hardening.array import Suffered
from analogsim.hardening.flat import compiled, flat, is_dense, is_plain

DECAY = 1e-3
SHARE = 0.95


def convert_inputs(
    x: Tensor,
    input_range: Tensor,
    *,
    bits: int,
    bound: float = 1.0,
    decay: float = DECAY,
    share: float = SHARE,
) -> Tensor:
    """The codes of the DAC for `x`, and the gradient by which it learns its range.

    `input_range` takes the gradient of aihwkit 1.1.0 (`tiles/inference_torch.py`,
    `InputRangeForward`) and of aihwkit-lightning: clipped inputs that should be larger widen a
    range, and one that clips few shrinks. With r its value, d the gradient of the inputs and l =
    `bound` r it is

        r (sum of min(d, 0) where x >= l  -  sum of max(d, 0) where x <= -l)
        + decay r (share of |x| < l is above `share`)

    aihwkit lays a convolution's inputs out as patches first and so counts an input once for each
    of its patches; here each counts once, with its whole gradient.

    Args:
        x: inputs of any shape, in logical units.
        input_range: full scale, one number, of the same unit; its sign does not matter.
        bits: a DAC of b bits has 2**b - 2 steps between plus and minus the range; 0 only clips.
        bound: inputs beyond this many ranges are clipped.
        decay: by which an unused range shrinks, 0 for never.
        share: of the inputs that must be inside for that.

    Returns:
        As `x` in shape, type and memory order, in units of the DAC's step (of the range without a
        DAC): whole numbers, which bfloat16 holds exactly up to 9 bits.
    """
    codes: Tensor = _Inputs.apply(  # type: ignore[no-untyped-call]
        x, input_range, bits, bound, decay, share
    )
    return codes


def convert_outputs_(
    y: Tensor,
    unit: Tensor,
    bias: Tensor | None = None,
    suffered: Suffered | None = None,
    *,
    bits: int,
    bound: float,
    noise: float,
    axis: int = -1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """IR drop, noise, ADC and digital bias, in place: nothing that computes `y` keeps it.

    Which outputs were clipped is kept for the gradient, and not even that if none was; and in the
    place of what the products suffered, how the output depends on it, where that takes a gradient.

    Args:
        y: products, in logical units.
        unit: (channels,), the logical value of one tile unit, that is of a full cell at a full
            input: column scale x input range x drift compensation. It takes no gradient.
        bias: (channels,), added behind the ADC.
        suffered: IR drop and read noise; what it has as outputs is overwritten.
        bits: an ADC of b bits has 2**b - 2 steps between plus and minus `bound`; 0 only clips.
        bound: outputs beyond this many units are clipped, noise included.
        noise: standard deviation of the output noise, in units; the read noise's variance is added
            to its square, and nothing is drawn for 0.
        axis: of the channels.
        generator: of the noise, on `y`'s device; None is torch's global one.

    Returns:
        `y`, in logical units.
    """
    suffered = suffered or Suffered()
    converted: Tensor = _Outputs.apply(  # type: ignore[no-untyped-call]
        y, unit, bias, bits, bound, noise, axis, generator, suffered.amount, suffered.spread,
        suffered.fraction, *_terms(suffered, y, axis),
    )  # fmt: skip
    return converted


class _Inputs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        input_range: Tensor,
        bits: int,
        bound: float,
        decay: float,
        share: float,
    ) -> Tensor:
        full = input_range.detach().reshape(()).abs()
        limit, level = full * bound, full * (step(bits, 1.0) if bits else 1.0)
        jit = compiled() if is_plain(x) else None
        if jit is not None:
            x = x if is_dense(x) else x.contiguous()
            codes = torch.empty_like(x)
            jit.dac(flat(x), flat(codes), _number(limit), _number(level), bool(bits))
        else:
            wide = torch.clamp(_wide(x), -limit, limit).div_(level)
            codes = (wide.round_() if bits else wide).to(x.dtype)
        # After a ReLU this tensor is kept anyway.
        ctx.save_for_backward(x, input_range)
        ctx.how = (limit, level, jit, decay, share)
        return codes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None, None, None]:
        x, input_range = ctx.saved_tensors
        limit, level, jit, decay, share = ctx.how
        pull: Tensor | float
        inside: Tensor | float
        if jit is not None:
            result = torch.empty_like(x)
            parts = flat(_as(grad, x)), flat(x), flat(result)
            pull, inside = jit.dac_backward(*parts, _number(limit), _number(level))
        else:
            value, wide = _wide(x), _wide(grad) / level
            result = wide.masked_fill(value.abs() > limit, 0.0).to(x.dtype)
            pull = torch.where(value >= limit, wide, 0.0).clamp_(max=0.0).sum()
            pull = pull - torch.where(value <= -limit, wide, 0.0).clamp_(min=0.0).sum()
            inside = (value.abs() < limit).sum()
        if not ctx.needs_input_grad[1]:
            return result, None, None, None, None, None
        unused = inside / max(1, x.numel()) > share
        learned = input_range * pull + input_range * decay * unused
        return result, learned.to(input_range.dtype), None, None, None, None


class _Outputs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        y: Tensor,
        unit: Tensor,
        bias: Tensor | None,
        bits: int,
        bound: float,
        noise: float,
        axis: int,
        generator: torch.Generator | None,
        amount: Tensor | None,
        spread: Tensor | None,
        fraction: Tensor | None,
        *terms: Tensor | None,
    ) -> Tensor:
        ctx.mark_dirty(y)
        adc = step(bits, bound) if bits else 1.0
        exact = torch.float64 if y.dtype == torch.float64 else torch.float32
        each, sigma, most = unit.detach().to(exact) * adc, noise / adc, bound / adc
        zeros = torch.zeros_like(each)
        offset = zeros if bias is None else bias.detach().to(exact)
        amount = zeros if amount is None else amount.detach().to(exact)
        spread = zeros if spread is None else spread.detach().to(exact) / adc**2
        fraction = zeros if fraction is None else fraction.detach().to(exact)
        drawn = bool(noise) or terms[2] is not None
        jit = compiled() if is_plain(y) and is_dense(y) else None
        clipped: Tensor | None
        if jit is not None:
            clipped = torch.empty_like(y, dtype=torch.bool)
            slopes = any(ctx.needs_input_grad[11:])
            key = int(torch.randint(1 << 62, (), generator=generator)) if drawn else 0
            words = (0, 0, int(Stream.OUTPUT), key & 0xFFFFFFFF, key >> 32)
            inner = 1 if y.stride(axis) == 1 else math.prod(y.shape[axis % y.dim() + 1 :])
            kind = next((term.dtype for term in terms if term is not None), torch.float32)
            none = torch.empty(0, dtype=kind)
            parts = [flat(none if term is None else term) for term in terms]
            fan = max((y.numel() // one.numel() for one in terms if one is not None), default=1)
            found = jit.adc(
                flat(y), *parts, flat(clipped), np.float32(sigma), np.float32(most), bool(bits),
                each.numpy(), offset.numpy(), amount.numpy(), spread.numpy(), fraction.numpy(),
                inner, fan, np.array(words, dtype=np.uint32), slopes,
            )  # fmt: skip
            clipped = clipped if found else None
        else:
            shape = (-1, *(1 for _ in range(-1 - axis % -y.dim())))
            each, offset, amount, spread, fraction = (
                values.reshape(shape) for values in (each, offset, amount, spread, fraction)
            )
            wide = _wide(y) / each
            dropped, current, moment = terms
            if current is not None:
                a = amount * _wide(current)
                wide.sub_(drop_of(a) * (wide * fraction if dropped is None else dropped / each))
                if dropped is not None:
                    current.copy_(-slope_of(a) * amount * _wide(dropped))
                    dropped.copy_(-drop_of(a))
            if drawn:
                z = torch.randn(wide.numel(), dtype=exact, device=wide.device, generator=generator)
                # In memory order: a draw into channels_last directly is 8 to 12 times slower.
                z = z.as_strided(wide.size(), wide.stride())
                if moment is None:
                    wide.add_(z, alpha=sigma)
                else:
                    whole = (spread * _wide(moment) + sigma**2).sqrt_()
                    wide.addcmul_(z, whole)
                    moment.copy_((each * spread * z / (2 * whole)).nan_to_num_(0.0))
            wide = wide.round_() if bits else wide
            clipped = wide.abs() > most
            y.copy_(wide.clamp_(-most, most).mul_(each).add_(offset))
        ctx.save_for_backward(clipped, *(terms if any(ctx.needs_input_grad[11:]) else ()))
        ctx.how = (axis, jit, None if bias is None else bias.dtype)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        clipped, *slopes = ctx.saved_tensors
        axis, jit, dtype = ctx.how
        result, of_bias = grad, None
        if jit is not None and clipped is not None:
            result = torch.empty_like(clipped, dtype=grad.dtype)
            jit.adc_backward(flat(_as(grad, result)), flat(clipped), flat(result))
        elif clipped is not None:
            result = grad.masked_fill(clipped, 0.0)
        if ctx.needs_input_grad[2]:
            others = [d for d in range(grad.dim()) if d != axis % grad.dim()]
            of_bias = (grad.sum(others, dtype=dtype) if others else grad.to(dtype)).to(dtype)
        of_terms = [None if s is None else (result * s).to(s.dtype) for s in slopes or [None] * 3]
        return result, None, of_bias, *[None] * 8, *of_terms


def _terms(suffered: Suffered, y: Tensor, axis: int) -> tuple[Tensor | None, ...]:
    """In the memory order of `y`, and of one type; side by side channels may share numbers."""
    terms = (suffered.dropped, suffered.current, suffered.moment)
    return tuple(None if term is None else _like(term, y, axis) for term in terms)


def _like(term: Tensor, y: Tensor, axis: int) -> Tensor:
    shared = y.shape[axis] // term.shape[axis]
    if shared > 1:
        last = y.stride(axis) == 1 and y.movedim(axis, -1).is_contiguous()
        if last and is_plain(y) and term.movedim(axis, -1).is_contiguous() and compiled():
            return term
        term = term.repeat_interleave(shared, dim=axis)
    if term.stride() == y.stride():
        return term
    last = y.dim() == 4 and y.is_contiguous(memory_format=torch.channels_last)
    order = torch.channels_last if last else torch.contiguous_format
    return term.contiguous(memory_format=order)


def _as(grad: Tensor, x: Tensor) -> Tensor:
    """`grad` in the type and memory order of `x`."""
    if grad.dtype == x.dtype and grad.stride() == x.stride():
        return grad
    return torch.empty_like(x).copy_(grad)


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _number(x: Tensor) -> np.float32:
    return np.float32(x.item())
