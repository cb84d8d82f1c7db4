"""What tiles answer to unit inputs, which a drift compensation reads: output noise and ADC alone.

One row at a time is driven: the IR drop of so small a current is below 0.05 % of the answer, and is
left out, as is the read noise of a single cell beside the output noise.
"""

import torch
from torch import Tensor

from analogsim.crossbar.mapping.periphery import Periphery, step


def read_out(weights: Tensor, periphery: Periphery, generator: torch.Generator) -> Tensor:
    """The answers of a tile that holds `weights` (out, in) to unit inputs, (out, in).

    What aihwkit's torch tile answers to `eye(in)`, without the product: a unit input passes the
    DAC at full scale, so that each answer is one weight, plus output noise, through the ADC.
    Dynamic scaling leaves unit inputs as they are.
    """
    if periphery.perfect:
        return weights
    out = torch.empty_like(weights)
    if periphery.output_noise > 0:
        out.normal_(generator=generator)
    return convert_answers_(out, weights, periphery)


def convert_answers_(out: Tensor, weights: Tensor, periphery: Periphery) -> Tensor:
    """`read_out` with normals given in `out`, which takes the answers; any shape."""
    full = 1.0
    if periphery.dac_bits:
        res = step(periphery.dac_bits, 1.0)
        full = float(torch.clamp((torch.ones(1) / res).round() * res, -1.0, 1.0))
    if periphery.output_noise > 0:
        out.mul_(periphery.output_noise).add_(weights if full == 1.0 else weights * full)
    else:
        torch.mul(weights, full, out=out)
    if periphery.adc_bits:
        res = step(periphery.adc_bits, periphery.output_bound)
        out.div_(res).round_().mul_(res)
    return out.clamp_(-periphery.output_bound, periphery.output_bound)
