"""`nn.LSTM`, `nn.GRU` and `nn.RNN`, step by step, with the products of each step as linear layers.

torch's own hand all their weights to one operator. Here a layer `ih_l0` multiplies the inputs of
all steps at once, and `hh_l0` the state of one step, for each layer and direction; an LSTM with
projections has `hr_l0`, too. They are named as torch names their weights. The gates between them
are those of torch's pages of the three modules.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from analogsim.crossbar.conversion.rewrites.linear import linear_of

_WEIGHT = re.compile(r"(weight|bias)_((?:ih|hh|hr)_l\d+(?:_reverse)?)")

State = tuple[Tensor, ...]
"""(h,), or (h, c) of an LSTM; each (batch, features)."""


class _Stepped(nn.RNNBase):
    """What the three have in common."""

    def __getattr__(self, name: str) -> Any:
        """The weights by torch's names, for those who ask."""
        found = _WEIGHT.fullmatch(name)
        layer = None if found is None else self.__dict__.get("_modules", {}).get(found[2])
        if found is None or layer is None:
            return super().__getattr__(name)
        return getattr(layer, found[1])

    def flatten_parameters(self) -> None:
        """There is nothing to flatten."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        """As torch's module of this kind."""
        packed = isinstance(input, PackedSequence)
        order = undone = None
        if packed:
            x, batch_sizes, order, undone = input
            sizes = batch_sizes.tolist()
        else:
            batched = input.dim() == 3
            x = input.transpose(0, 1) if batched and self.batch_first else input
            x = x if batched else x[:, None]
            sizes = [x.shape[1]] * len(x)
            x = x.flatten(0, 1)
        start = self._start(hx, x, sizes[0], one=not packed and not batched)
        start = tuple(s if order is None else s.index_select(1, order) for s in start)
        ends: list[State] = []
        directions = ("", "_reverse") if self.bidirectional else ("",)
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = F.dropout(x, self.dropout)
            given, sides = x, []
            for direction in directions:
                state = tuple(s[len(ends)] for s in start)
                side, state = self._run(f"l{layer}{direction}", given, sizes, state)
                sides.append(side)
                ends.append(state)
            x = torch.cat(sides, -1)
        hidden = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))
        hidden = tuple(h if undone is None else h.index_select(1, undone) for h in hidden)
        if packed:
            y: Any = PackedSequence(x, batch_sizes, order, undone)
        else:
            y = x.unflatten(0, (-1, sizes[0]))
            y = y.transpose(0, 1) if batched and self.batch_first else y if batched else y[:, 0]
            hidden = hidden if batched else tuple(h[:, 0] for h in hidden)
        return y, hidden if self.mode == "LSTM" else hidden[0]

    def _start(self, hx: Any, x: Tensor, batch: int, *, one: bool) -> State:
        """The states before the first step, (layers and directions, batch, features) each."""
        if hx is None:
            n = self.num_layers * (2 if self.bidirectional else 1)
            widths = [self.proj_size or self.hidden_size]
            widths += [self.hidden_size] if self.mode == "LSTM" else []
            return tuple(x.new_zeros(n, batch, width) for width in widths)
        given: State = tuple(hx) if self.mode == "LSTM" else (hx,)
        return tuple(s[:, None] for s in given) if one else given

    def _run(
        self, name: str, x: Tensor, sizes: Sequence[int], state: State
    ) -> tuple[Tensor, State]:
        """One layer in one direction: outputs (all steps' rows, features) and the last state.

        Step t has `sizes[t]` rows of `x`: sequences that are shorter leave the batch from its end.
        """
        gates = self.get_submodule(f"ih_{name}")(x).split(list(sizes))
        steps = range(len(sizes))
        outputs: list[Tensor] = [x] * len(sizes)
        for t in reversed(steps) if name.endswith("_reverse") else steps:
            n = sizes[t]
            new = self._step(name, gates[t], tuple(s[:n] for s in state))
            outputs[t] = new[0]
            state = tuple(
                now if n == len(s) else torch.cat([now, s[n:]])
                for now, s in zip(new, state, strict=True)
            )
        return torch.cat(outputs), state

    def _step(self, name: str, gates: Tensor, state: State) -> State:
        h = state[0]
        recurrent = self.get_submodule(f"hh_{name}")(h)
        if self.mode == "LSTM":
            i, f, g, o = (gates + recurrent).chunk(4, -1)
            c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            return (self.get_submodule(f"hr_{name}")(h) if self.proj_size else h), c
        if self.mode == "GRU":
            r, z, n = gates.chunk(3, -1)
            of_r, of_z, of_n = recurrent.chunk(3, -1)
            n = torch.tanh(n + torch.sigmoid(r + of_r) * of_n)
            return (n + torch.sigmoid(z + of_z) * (h - n),)
        bend = torch.tanh if self.mode == "RNN_TANH" else torch.relu
        return (bend(gates + recurrent),)


class SteppedLSTM(_Stepped, nn.LSTM):
    """An LSTM whose products are layers that it calls."""


class SteppedGRU(_Stepped, nn.GRU):
    """A GRU whose products are layers that it calls."""


class SteppedRNN(_Stepped, nn.RNN):
    """A plain recurrent network whose products are layers that it calls."""


_CLASSES = {nn.LSTM: SteppedLSTM, nn.GRU: SteppedGRU, nn.RNN: SteppedRNN}


def step_recurrent_(module: nn.Module) -> nn.Module:
    """Make a recurrent module one that calls layers step by step; its class changes."""
    assert isinstance(module, nn.RNNBase)
    for name in [name for name in module._parameters if name.startswith("weight_")]:
        weight, bias = (module._parameters.pop(name), module._parameters.pop(_bias(name), None))
        assert weight is not None
        module.add_module(name.removeprefix("weight_"), linear_of(weight, bias))
    module._flat_weights_names, module._flat_weights, module._flat_weight_refs = [], [], []
    module.__class__ = next(own for kind, own in _CLASSES.items() if isinstance(module, kind))
    return module


def _bias(weight: str) -> str:
    return weight.replace("weight_", "bias_")
