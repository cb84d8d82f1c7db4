"""What goes in: arguments of every kind, and what stands for them in `calibrate`."""

import collections
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader, TensorDataset

from analogsim.call import Inputs
from tests.strangers.judge import crashes, faults
from tests.strangers.parts import Graph, Marked, Pair, X, Z, one
from tests.strangers.situation import Situation, call, network, normal, whole

TOKENS = whole(4, 7, below=20)


LABELS = whole(3, below=4)


@dataclass
class Question:
    x: Tensor
    scale: float = 2.0


class Batch(collections.UserDict):
    """What tokenizers make: a mapping that is no dict, with attributes and a method."""

    def __getattr__(self, name):
        if name == "data" or name not in self.data:
            raise AttributeError(name)
        return self.data[name]

    def to(self, device):
        return Batch({key: value.to(device) for key, value in self.data.items()})


def text(forward, **parts):
    return lambda: network(
        forward,
        **({"emb": nn.Embedding(20, 6), "fc": nn.Linear(6, 4), "pos": nn.Embedding(9, 6)} | parts),
    )


def of_tokens(self, ids, mask=None, return_all=False):
    h = self.fc(self.emb(ids) + self.pos(torch.arange(ids.shape[1])))
    if mask is None:
        mask = torch.ones_like(ids)
    pooled = (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return (pooled, h) if return_all else pooled


def by_name_only(self, *, x, mode="plain", mask=None, scale=1.0):
    y = self.fc(x) * scale
    y = y if mask is None else y.masked_fill(mask, 0.0)
    return y.relu() if mode == "relu" else y


def of_many(self, *xs, **named):
    return sum(self.fc(x) for x in xs) + sum(self.fc(x).tanh() for x in named.values())


def nested(self, batch):
    left, (middle, [right]) = batch["pair"][0], batch["pair"][1]
    return self.fc(left) * batch["weights"]["left"] + self.fc(middle) - self.fc(right)


def with_labels(self, x, labels=None):
    logits = self.fc(x)
    if labels is None:
        return {"logits": logits}
    return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def packed(self, x, lengths):
    rolled = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    return self.fc(pad_packed_sequence(self.r(rolled)[0], batch_first=True)[0])


def of_packed(self, rolled):
    return PackedSequence(self.fc(rolled.data), rolled.batch_sizes)


def steps(self, x, n: int):
    for _ in range(n):
        x = self.fc(x).tanh()
    return x


def of_graph(self, graph):
    source, target = graph.edges
    summed = torch.zeros_like(graph.x).index_add_(0, target, graph.x[source])
    return self.fc(graph.x + summed)


def edges(self, x, edge_index):
    source, target = edge_index
    return self.fc(x).index_add(0, target, self.msg(x[source]))


def edges_matrix(self, x, adjacency):
    return torch.sparse.mm(adjacency, self.fc(x))


def decoder(self, memory, ids):
    h = self.fc(self.emb(ids)) + memory.mean(1, keepdim=True)
    causal = torch.full((h.shape[1], h.shape[1]), float("-inf")).triu(1)
    return torch.softmax(h @ h.transpose(1, 2) + causal, -1) @ h


EDGES = torch.tensor([[0, 1, 2, 2], [1, 2, 0, 1]])


ADJACENCY = torch.eye(3).to_sparse()


SITUATIONS = {
    # Arguments.
    "two tensors": Situation(
        one(lambda self, a, b: self.fc(a) * self.fc(b).sigmoid()), call(X, X + 1), (call(Z, Z),)
    ),
    "two tensors as a tuple for calibrate": Situation(
        one(lambda self, a, b: self.fc(a) * self.fc(b).sigmoid()),
        call(X, X + 1),
        calibrate=(X, X + 1),
    ),
    "arguments by name as a dictionary for calibrate": Situation(
        one(by_name_only), call(x=X, scale=2.0), calibrate={"x": X, "scale": 2.0}
    ),
    "one tensor for calibrate": Situation(one(lambda self, x: self.fc(x)), X, calibrate=X),
    "a list of tensors for calibrate": Situation(
        one(lambda self, x: self.fc(x)), X, (Z,), calibrate=[X, Z]
    ),
    "a generator of tensors for calibrate": Situation(
        one(lambda self, x: self.fc(x)), X, (Z,), calibrate=lambda: (batch for batch in (X, Z))
    ),
    "(inputs, labels) for calibrate": Situation(
        one(lambda self, x: self.fc(x)), X, (Z,), calibrate=[(X, LABELS), [X, LABELS]]
    ),
    "a DataLoader for calibrate": Situation(
        one(lambda self, x: self.fc(x)),
        X,
        (Z,),
        calibrate=DataLoader(TensorDataset(X, LABELS), 2, generator=torch.Generator()),
    ),
    "a DataLoader of tokens for calibrate": Situation(
        text(of_tokens),
        TOKENS,
        calibrate=DataLoader(
            TensorDataset(TOKENS, whole(4, below=2)), 2, generator=torch.Generator()
        ),
    ),
    "a DataLoader of dictionaries for calibrate": Situation(
        text(of_tokens),
        call(ids=TOKENS, mask=torch.ones(4, 7)),
        calibrate=DataLoader(
            [{"ids": row, "mask": torch.ones(7)} for row in TOKENS], 2, generator=torch.Generator()
        ),
    ),
    "several calls for calibrate": Situation(
        one(by_name_only),
        call(x=X),
        calibrate=[Inputs((), {"x": X}), Inputs((), {"x": Z, "mode": "relu"})],
    ),
    "several dictionaries for calibrate": Situation(
        one(by_name_only), call(x=X), calibrate=[{"x": X}, {"x": Z}]
    ),
    "by name only": Situation(
        one(by_name_only),
        call(x=X, mode="relu", mask=None, scale=2.0),
        (call(x=Z), call(x=Z, mask=whole(5, 4, below=2).bool())),
    ),
    "any number of arguments": Situation(
        one(of_many), call(X, X, extra=X), (call(Z), call(a=Z, b=Z))
    ),
    "names that a chip may use itself": Situation(
        one(
            lambda self, inputs, *, module, analog, seed, chip, args, kwargs, t_s=1: (
                self.fc(inputs) * module + analog + seed + chip + args + kwargs + t_s
            )
        ),
        call(inputs=X, module=2.0, analog=1, seed=3, chip=4, args=5, kwargs=6),
        (call(Z, module=2.0, analog=1, seed=3, chip=4, args=5, kwargs=6, t_s=7),),
    ),
    "a dictionary as the only argument, given as it is": Situation(
        one(lambda self, batch: self.fc(batch["x"])),
        call({"x": X}),
        calibrate={"x": X},
        may_refuse=True,
    ),
    "dictionaries as the only argument, from a loader": Situation(
        one(lambda self, batch: self.fc(batch["x"])),
        call({"x": X}),
        calibrate=lambda: iter([{"x": X}, {"x": Z}]),
        may_refuse=True,
    ),
    "(inputs, labels) given as it is": Situation(
        one(lambda self, x: self.fc(x)), X, calibrate=(X, LABELS), may_refuse=True
    ),
    "two inputs and labels from a loader": Situation(
        one(lambda self, a, b: self.fc(a) - self.fc(b)),
        call(X, X + 1),
        calibrate=lambda: iter([((X, X + 1), LABELS)]),
        may_refuse=True,
    ),
    "two inputs and labels in one row": Situation(
        one(lambda self, a, b: self.fc(a) - self.fc(b)),
        call(X, X + 1),
        calibrate=lambda: iter([(X, X + 1, LABELS)]),
        may_refuse=True,
    ),
    "batches of several lengths": Situation(
        one(lambda self, x: self.fc(x)), X, (Z,), calibrate=[Z[:1], Z, X[:2]]
    ),
    "by position only": Situation(
        one(lambda self, x, /, scale=1: self.fc(x) * scale), X, (call(Z, 3), call(Z, scale=2))
    ),
    "a whole number": Situation(one(steps, fc=nn.Linear(6, 6)), call(X, 2), (call(Z, n=4),)),
    "a flag and a word": Situation(
        one(lambda self, x, up, how: self.fc(x).softmax(-1) if up else getattr(self.fc(x), how)()),
        call(X, False, "exp"),
        (call(Z, True, ""),),
    ),
    "a scalar tensor": Situation(
        one(lambda self, x, t: self.fc(x) * torch.sin(t)), call(X, torch.tensor(0.7))
    ),
    "a time for each row": Situation(
        one(lambda self, x, t: self.fc(x) + self.time(t[:, None].float()), time=nn.Linear(1, 4)),
        call(X, whole(3, below=9)),
        (call(Z, whole(5, below=9)),),
    ),
    "a list of tensors": Situation(
        one(lambda self, xs: torch.stack([self.fc(x) for x in xs])), call([X, X + 1]), (call([Z]),)
    ),
    "pictures of different sizes": Situation(
        lambda: network(
            lambda self, xs: [self.c(x[None]).mean((2, 3)) for x in xs], c=nn.Conv2d(2, 3, 3)
        ),
        call([normal(2, 5, 5), normal(2, 7, 6)]),
    ),
    "a dictionary": Situation(
        one(lambda self, batch: self.fc(batch["x"])), call({"x": X, "name": "first"})
    ),
    "nests of everything": Situation(
        one(nested), call({"pair": (X, (X + 1, [X - 1])), "weights": {"left": 0.3}})
    ),
    "a named tuple": Situation(one(lambda self, pair: self.fc(pair.logits)), call(Pair(X, None))),
    "a dataclass": Situation(
        one(lambda self, q: self.fc(q.x) * q.scale),
        call(Question(X)),
        (call(Question(Z, 3.0)),),
        may_refuse=True,
    ),
    "a mapping that is no dict": Situation(
        text(lambda self, batch: self.fc(self.emb(batch.ids)).mean(1)),
        call(Batch({"ids": TOKENS})),
        may_refuse=True,
    ),
    "a mapping that is no dict, by its names": Situation(
        text(of_tokens),
        call(**{"ids": TOKENS, "mask": torch.ones(4, 7)}),
        calibrate=Batch({"ids": TOKENS, "mask": torch.ones(4, 7)}),
    ),
    "a graph in an object": Situation(one(of_graph), call(Graph(X, EDGES)), may_refuse=True),
    "a graph as nodes and edges": Situation(
        one(edges, msg=nn.Linear(6, 4)), call(X, EDGES), (call(Z, torch.tensor([[0, 4], [3, 1]])),)
    ),
    "a sparse matrix": Situation(one(edges_matrix), call(X, ADJACENCY), may_refuse=True),
    "tokens": Situation(text(of_tokens), TOKENS, (TOKENS[:2, :5],), analog=("fc",)),
    "tokens and a mask": Situation(
        text(of_tokens),
        call(TOKENS, whole(4, 7, below=2) | 1),
        (call(TOKENS[:1], mask=torch.ones(1, 7), return_all=True),),
    ),
    "tokens as int32": Situation(text(of_tokens), TOKENS.int()),
    "a mask of truth values": Situation(
        one(lambda self, x, keep: self.fc(x).masked_fill(~keep, -2.0)),
        call(X, whole(3, 4, below=2).bool()),
    ),
    "pictures of bytes": Situation(
        lambda: network(lambda self, x: self.c(x / 255), c=nn.Conv2d(2, 3, 3)),
        whole(2, 2, 5, 5, below=256).byte(),
    ),
    "bytes that are asked for": Situation(
        lambda: network(
            lambda self, x: self.c(x.float() / 255 if x.dtype == torch.uint8 else x * 100),
            c=nn.Conv2d(2, 3, 3),
        ),
        whole(2, 2, 5, 5, below=256).byte(),
    ),
    "complex numbers": Situation(
        one(lambda self, z: torch.complex(self.fc(z.real), self.fc(z.imag))),
        torch.complex(X, X + 1),
    ),
    "a class of tensor of one's own": Situation(
        one(lambda self, x: self.fc(x)), X.as_subclass(Marked), (Z,), may_refuse=True
    ),
    "labels for a loss": Situation(
        one(with_labels), call(X), (call(X, LABELS), call(X, labels=LABELS))
    ),
    "labels in the example": Situation(one(with_labels), call(X, LABELS), (call(Z),)),
    "rows of different lengths": Situation(
        one(packed, r=nn.GRU(5, 6, batch_first=True)),
        call(normal(3, 4, 5), torch.tensor([4, 2, 3])),
    ),
    "a packed sequence": Situation(
        one(of_packed),
        call(pack_padded_sequence(normal(3, 4, 6), [4, 3, 2], batch_first=True)),
        may_refuse=True,
    ),
    "a memory and tokens": Situation(
        text(decoder),
        call(normal(4, 3, 4), TOKENS),
        (call(normal(2, 5, 4), TOKENS[:2]),),
        share=28 * 24 / (28 * 24 + 2 * 4 * 7 * 7 * 4),
    ),
    "numbers from numpy": Situation(
        one(lambda self, x: self.fc(torch.as_tensor(x))), call(X.numpy()), may_refuse=True
    ),
    "lists of numbers": Situation(
        one(lambda self, rows: self.fc(torch.tensor(rows))), call(X.tolist()), may_refuse=True
    ),
    "words": Situation(
        text(lambda self, ws: self.fc(self.emb(torch.tensor([len(w) for w in ws])))),
        call(["one", "three", "eleven"]),
        may_refuse=True,
    ),
    "no argument": Situation(
        one(lambda self: self.fc(self.x), x=nn.Parameter(torch.randn(3, 6))),
        call(),
        may_refuse=True,
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_goes_in(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


@pytest.mark.parametrize("name", SITUATIONS)
def test_ranges_are_calibrated_with_whatever_goes_in(name: str) -> None:
    assert crashes(SITUATIONS[name]) == []


def test_a_mapping_is_one() -> None:
    """Some networks ask for a Mapping: the container above is one, and no dict."""
    batch = Batch({"ids": TOKENS})
    assert isinstance(batch, Mapping)
    assert not isinstance(batch, dict)
    assert torch.equal(batch.ids, batch["ids"])
