"""A network under another periphery is the one that would have been converted for it."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

import analogsim
from analogsim.crossbar.conversion.again import converted_again, with_periphery
from analogsim.crossbar.mapping.analog_model import AnalogModel
from analogsim.crossbar.mapping.periphery import STANDARD, Periphery


class Rewritten(nn.Module):
    """Attention, which is rewritten, and a layer that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        found, _ = self.attention(x, x, x)
        return self.out(found.mean(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("change", [{"max_input_size": 4}, {"adc_bits": 5}], ids=str)
@pytest.mark.parametrize("effects", [(), ("stuck?rate_off=0.2",)], ids=["none", "stuck"])
def test_chips_are_those_of_a_network_that_was_converted_for_it(
    change: dict[str, int], effects: tuple[str, ...]
) -> None:
    torch.manual_seed(0)
    network, images = Rewritten().eval(), torch.randn(16, 5, 8)

    # Noise of outputs is drawn anew in each pass.
    standard = dataclasses.replace(STANDARD, name="still", output_noise=0.0, read_noise=0.0)

    def converted(periphery: Periphery) -> AnalogModel:
        return analogsim.convert(
            network, preset="pcm", periphery=periphery, calibrate=images, effects=effects
        )

    def answers(analog: AnalogModel) -> Tensor:
        return analogsim.program(analog, seed=1).drift_(86400.0)(images)

    first = converted(standard)
    other = dataclasses.replace(standard, **change)
    found = with_periphery(first, other, lambda one, edge: converted_again(one, edge, images))
    assert found.effects == first.effects
    assert found.rewrites == first.rewrites != ()
    assert torch.equal(answers(found), answers(converted(other)))
    assert not torch.equal(answers(found), answers(first))
