"""The check of a conversion: what it costs, what it lets pass, and that it says so every time."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analogsim import InputError, convert, load, program, save
from analogsim.crossbar.conversion import checking
from analogsim.crossbar.conversion.trying import error
from tests.crossbar.nets import small_inputs, small_net

pytestmark = pytest.mark.filterwarnings("ignore::analogsim.errors.CoverageWarning")


class Counted(nn.Module):
    """Counts, over all of its copies, the rows that pass."""

    rows = 0

    def __init__(self):
        super().__init__()
        self.c, self.bn, self.fc = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, x):
        Counted.rows += len(x)
        return self.fc(self.bn(self.c(x)).relu().mean((2, 3)))


@pytest.mark.parametrize("n", [10, 16, 128])
def test_it_costs_at_most_three_passes_of_the_example(n):
    Counted.rows = 0
    analog = convert(Counted().eval(), "pcm", "ideal", calibrate=torch.randn(n, 2, 6, 6))
    assert analog.merged == (("c", "bn"),)
    assert 0 < Counted.rows <= 3 * n


class Unfaithful(nn.Module):
    """Adds something of its own where its layer is on tiles: less to some inputs than to others."""

    def __init__(self, little, much):
        super().__init__()
        self.fc, self.little, self.much = nn.Linear(6, 4), little, much

    def forward(self, x):
        y = self.fc(x)
        if "forward" not in vars(self.fc):
            return y
        return y * (1 + (self.little if x.sum() > 0 else self.much))


def test_what_a_network_rounds_to_excuses_each_input_alone(monkeypatch):
    x = torch.rand(8, 6)
    with pytest.raises(InputError, match="got a relative difference of 0.001; they part outside"):
        convert(Unfaithful(1e-3, 1e-3), "ideal", "ideal", calibrate=x)
    monkeypatch.setattr(checking, "_rounding", lambda source, case: 1e-3)
    analog = convert(Unfaithful(1e-3, 1e-3), "ideal", "ideal", calibrate=x)
    assert "in float32 it is 0.001 (relative) from itself" in analog.notes[0]
    with pytest.raises(InputError, match="got a relative difference of 0.5; they part"):
        convert(Unfaithful(1e-3, 0.5), "ideal", "ideal", calibrate=x)
    # However much it rounds.
    monkeypatch.setattr(checking, "_rounding", lambda source, case: 1.0)
    with pytest.raises(InputError, match="got a relative difference of 0.1; they part"):
        convert(Unfaithful(0.1, 0.1), "ideal", "ideal", calibrate=x)


class Bypassing(nn.Module):
    """Reads its second layer's weight, or calls it."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, x, call=False):
        h = self.a(x)
        return self.b(h) if call else F.linear(h, self.b.weight, self.b.bias)


def test_a_layer_that_the_example_bypassed_is_not_called_in_silence(tmp_path):
    net, x = Bypassing(), torch.randn(8, 6)
    analog = convert(net, "pcm", "ideal", calibrate=x)
    assert [(line.name, line.where) for line in analog.report] == [
        ("a", "analog"),
        ("b", "digital"),
    ]
    chip = program(analog)
    loaded = load(save(chip, tmp_path / "chip"), model=Bypassing())
    for one in (chip, loaded):
        assert torch.equal(one(x), chip(x))
        with pytest.raises(InputError, match="layer b must be called on the example"):
            one(x, call=True)


def test_a_network_with_nothing_on_tiles_is_refused_at_every_call():
    class Past(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 4)

        def forward(self, x):
            return F.linear(x, self.fc.weight)

    chip = program(convert(Past(), "pcm", "ideal"))
    for _ in range(2):
        with pytest.raises(InputError, match=r"must have products on tiles, got 0\.0 %"):
            chip(torch.randn(3, 6))


def test_a_sound_network_is_checked_once(monkeypatch):
    calls = []
    check = checking.check_
    monkeypatch.setattr(
        "analogsim.crossbar.chip.chip.check_", lambda *given: calls.append(1) or check(*given)
    )
    chip = program(convert(small_net(), "pcm", "ideal"))
    for _ in range(3):
        chip(small_inputs())
    assert calls == [1]
    assert chip.analog.coverage.share == 1.0


class _Doubled(nn.Module):
    """Computes with twice the weight of its layer, which a tile cannot see."""

    def __init__(self, end) -> None:
        super().__init__()
        self.fc, self.end = nn.Linear(6, 4), end

    def forward(self, x):
        doubled = {"weight": 2 * self.fc.weight, "bias": self.fc.bias}
        return self.end(torch.func.functional_call(self.fc, doubled, (x,)))


MASKS = {
    "a column of a large number": lambda y: F.pad(y, (0, 1), value=-1e9),
    "the least number that there is": lambda y: y.masked_fill(
        torch.tensor([True, False, True, True]), torch.finfo(torch.float32).min
    ),
    "two large numbers": lambda y: F.pad(F.pad(y, (0, 1), value=-1e4), (0, 1), value=1e9),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
def test_a_mask_among_the_outputs_hides_no_difference(mask):
    torch.manual_seed(0)
    wrong = r"must compute what it computes in digital, got a relative difference of \d"
    with pytest.raises(InputError, match=wrong):
        convert(_Doubled(mask).eval(), "ideal", "ideal", calibrate=torch.randn(8, 6))
    sound = nn.Sequential(nn.Linear(6, 4)).eval()
    sound[0].register_forward_hook(lambda _, __, y: mask(y))
    assert not convert(sound, "ideal", "ideal", calibrate=torch.randn(8, 6)).notes


def test_values_beside_a_single_output_are_its_rounding():
    wanted = torch.tensor([5.0, 0.0, 1e-8, 0.0])
    assert error([wanted + torch.tensor([0.0, 1e-9, 1e-8, 0.0])], [wanted]) < 1e-8


def test_a_network_that_gives_nan_alone_is_refused():
    net = nn.Sequential(nn.Linear(6, 4)).eval()
    with pytest.raises(InputError, match=r"must give numbers .*\(6, 6\) float32.*got NaN alone"):
        convert(net, "ideal", "ideal", calibrate=torch.full((8, 6), float("nan")))
