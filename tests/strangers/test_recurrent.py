"""Recurrent modules of torch: step by step, all their products lie on tiles."""

import pytest
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.strangers.judge import faults
from tests.strangers.situation import Situation, call, network, normal


def last(self, x):
    return self.fc(self.r(x)[0][:, -1])


def of_lengths(self, x, n):
    packed = pack_padded_sequence(x, n, batch_first=True, enforce_sorted=False)
    return self.fc(pad_packed_sequence(self.r(packed)[0], batch_first=True)[0])


def begun(self, x):
    """A second pass begins where the first has ended."""
    _, end = self.r(x)
    return self.fc(self.r(x, end)[0])


BOTH = {"num_layers": 2, "bidirectional": True, "batch_first": True}

SITUATIONS = {
    "nn.LSTM": Situation(
        lambda: network(last, r=nn.LSTM(6, 5, batch_first=True), fc=nn.Linear(5, 4)),
        normal(2, 3, 6),
        (normal(3, 7, 6),),
        analog=("r.ih_l0", "r.hh_l0", "fc"),
        notes=(r"nn\.LSTM is written with nn\.Linear",),
    ),
    "nn.GRU in two layers and directions": Situation(
        lambda: network(last, r=nn.GRU(6, 5, **BOTH), fc=nn.Linear(10, 4)),
        normal(2, 3, 6),
        (normal(3, 7, 6),),
        analog=("r.ih_l0", "r.hh_l1", "r.hh_l1_reverse"),
        # Of the last step the way back has seen one input, and a state of zeros.
        silent=("r.hh_l1_reverse",),
    ),
    "nn.RNN, begun where it ended": Situation(
        lambda: network(begun, r=nn.RNN(6, 5), fc=nn.Linear(5, 4)), normal(3, 2, 6)
    ),
    "nn.LSTM of sequences of different lengths": Situation(
        lambda: network(of_lengths, r=nn.LSTM(6, 5, **BOTH), fc=nn.Linear(10, 4)),
        call(normal(3, 4, 6), n=[2, 4, 1]),
    ),
    "nn.LSTM, one product kept digital": Situation(
        lambda: network(last, r=nn.LSTM(6, 5, batch_first=True), fc=nn.Linear(5, 4)),
        normal(2, 3, 6),
        share=(3 * 120 + 20) / (3 * 220 + 20),
        digital=("r.hh_l0",),
        options={"keep_digital": ["r.hh_l0"]},
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_recurrent_modules_and_their_share(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []
