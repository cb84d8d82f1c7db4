"""Modules that hide their products compute the same when they are written with linear layers."""

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from analogsim.call import tensors_in
from analogsim.crossbar.conversion.rewrites import REWRITES
from analogsim.crossbar.conversion.rewriting import rewrite_
from analogsim.crossbar.mapping.plan import _own_parameters

ROUNDING = 5e-7
"""Of the norm: sums in float32 in another order."""


def rewritten(module: nn.Module) -> nn.Module:
    made = copy.deepcopy(module)
    done = rewrite_(made)
    assert len(done.kinds) == 1
    return made


def trained(module: nn.Module) -> nn.Module:
    """In eval mode, with biases that are not zero, as torch makes some of them."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module.eval()


def assert_same(got: object, want: object) -> None:
    pairs = list(zip(tensors_in(got), tensors_in(want), strict=True))
    assert type(got) is type(want)
    assert pairs
    for a, b in pairs:
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        norm = b.nan_to_num().double().norm()
        assert float((a - b).nan_to_num().double().norm()) <= ROUNDING * float(norm)
        assert torch.equal(a.isnan(), b.isnan())


ATTENTIONS = {
    "plain": {},
    "batch first": {"batch_first": True},
    "without biases": {"bias": False, "batch_first": True},
    "keys and values of other sizes": {"kdim": 5, "vdim": 7, "batch_first": True},
    "values of another size, without biases": {"vdim": 7, "bias": False},
    "bias of keys and values": {"add_bias_kv": True},
    "zero attention": {"add_zero_attn": True, "batch_first": True},
    "both": {"add_bias_kv": True, "add_zero_attn": True, "batch_first": True, "kdim": 5},
    "dropout": {"dropout": 0.5, "batch_first": True},
}
B, L, S, H, E = 3, 4, 6, 2, 8
CAUSAL = torch.ones(L, S, dtype=torch.bool).triu(1)
ODD = torch.arange(B * H) % 2 > 0
PADDED = torch.arange(S) >= torch.tensor([[6], [4], [1]])
MASKS = {
    "no mask": {},
    "truth": {"attn_mask": CAUSAL},
    "numbers": {"attn_mask": torch.randn(L, S, generator=torch.Generator().manual_seed(3))},
    "of each head": {"attn_mask": CAUSAL.expand(B * H, L, S) & ODD[:, None, None]},
    "padding": {"key_padding_mask": PADDED},
    "padding in numbers": {"key_padding_mask": torch.zeros(B, S).masked_fill(PADDED, -3.0)},
    "both": {"attn_mask": CAUSAL, "key_padding_mask": PADDED},
    "causal by a hint": {"attn_mask": CAUSAL, "is_causal": True},
    "a row that sees nothing": {"attn_mask": CAUSAL | (torch.arange(L) == 1)[:, None]},
}  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", ATTENTIONS)
def test_attention_is_torch_s(kind: str, mask: str) -> None:
    torch.manual_seed(1)
    options = ATTENTIONS[kind]
    own = trained(nn.MultiheadAttention(E, H, **options))
    ours = rewritten(own)
    q, k, v = torch.randn(B, L, E), torch.randn(B, S, own.kdim), torch.randn(B, S, own.vdim)
    if not own.batch_first:
        q, k, v = (x.transpose(0, 1) for x in (q, k, v))
    # The weights' mean over heads, none, and those of each head.
    for weights, mean in ((True, True), (False, False), (True, False)):
        given = {"need_weights": weights, "average_attn_weights": mean, **MASKS[mask]}
        with torch.no_grad():
            assert_same(ours(q, k, v, **given), own(q, k, v, **given))
    names = ["q_proj", "k_proj", "v_proj", "out_proj"]
    assert [name for name, _ in ours.named_children()] == names
    assert set(_own_parameters(ours)) == (
        {"bias_k", "bias_v"} if "add_bias_kv" in options else set()
    )


@pytest.mark.parametrize("first", [True, False])
def test_attention_without_a_batch_and_of_itself(first: bool) -> None:
    torch.manual_seed(2)
    own = trained(nn.MultiheadAttention(E, H, batch_first=first))
    ours = rewritten(own)
    x, batch = torch.randn(L, E), torch.randn(B, L, E)
    mask = torch.tensor([False, False, True, True])
    with torch.no_grad():
        assert_same(ours(x, x, x), own(x, x, x))
        given = {"key_padding_mask": mask, "need_weights": False}
        assert_same(ours(x, x, x, **given), own(x, x, x, **given))
        # torch takes its fast path here.
        assert_same(ours(batch, batch, batch), own(batch, batch, batch))


def test_an_attention_in_training_drops_and_stays_what_it_was_for_those_who_ask() -> None:
    torch.manual_seed(3)
    own = nn.MultiheadAttention(E, H, dropout=0.5, batch_first=True)
    ours = rewritten(own)
    assert ours.training
    assert isinstance(ours, nn.MultiheadAttention)
    x = torch.randn(B, L, E)
    assert not torch.equal(ours(x, x, x)[0], ours(x, x, x)[0])
    for name in ("in_proj_weight", "in_proj_bias"):
        assert torch.equal(getattr(ours, name), getattr(own, name))
    apart = rewritten(nn.MultiheadAttention(E, H, kdim=5, bias=False))
    assert apart.in_proj_weight is apart.in_proj_bias is None
    assert apart.k_proj_weight.shape == (E, 5)
    assert copy.deepcopy(apart).k_proj_weight.shape == (E, 5)
    with pytest.raises(RuntimeError, match="is_causal needs attn_mask"):
        ours(x, x, x, is_causal=True)


RECURRENT = {
    "LSTM": lambda **options: nn.LSTM(5, 6, **options),
    "GRU": lambda **options: nn.GRU(5, 6, **options),
    "RNN": lambda **options: nn.RNN(5, 6, **options),
    "RNN of relu": lambda **options: nn.RNN(5, 6, nonlinearity="relu", **options),
    "LSTM with projections": lambda **options: nn.LSTM(5, 6, proj_size=3, **options),
}
SHAPES = {
    "plain": {},
    "batch first, without biases": {"batch_first": True, "bias": False},
    "two layers, both ways": {"num_layers": 2, "bidirectional": True, "dropout": 0.5},
}


# torch says that it has no fast form of projections.
@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_modules_are_torch_s(kind: str, shape: str) -> None:
    torch.manual_seed(4)
    own = trained(RECURRENT[kind](**SHAPES[shape]))
    ours = rewritten(own)
    assert _own_parameters(ours) == {}
    x = torch.randn(3, 7, 5) if own.batch_first else torch.randn(7, 3, 5)
    padded = pack_padded_sequence(
        x, torch.tensor([2, 7, 4]), batch_first=own.batch_first, enforce_sorted=False
    )
    alone = x[0] if own.batch_first else x[:, 0]
    even = pack_sequence([torch.randn(3, 5), torch.randn(3, 5)])
    with torch.no_grad():
        for given in (x, padded, alone, even):
            y, end = own(given)
            assert_same(ours(given), (y, end))
            # Begun where another one ended.
            assert_same(ours(given, end), own(given, end))
    if isinstance(own(padded)[0], PackedSequence):
        assert torch.equal(ours(padded)[0].unsorted_indices, padded.unsorted_indices)


def test_a_recurrent_module_keeps_what_is_asked_of_it() -> None:
    own = nn.LSTM(5, 6, num_layers=2, bidirectional=True)
    ours = copy.deepcopy(rewritten(own)).float()
    ours.flatten_parameters()
    names = [f"{what}_l{i}{side}" for i, side, what in
             itertools.product((0, 1), ("", "_reverse"), ("ih", "hh"))]  # fmt: skip
    assert [name for name, _ in ours.named_children()] == names
    assert isinstance(ours, nn.LSTM)
    assert (ours.hidden_size, ours.num_layers, ours.bidirectional) == (6, 2, True)
    for name in ("weight_hh_l1_reverse", "bias_ih_l0"):
        assert torch.equal(getattr(ours, name), getattr(own, name))
    with pytest.raises(AttributeError, match="weight_hr_l0"):
        _ = ours.weight_hr_l0


class Conv1D(nn.Module):
    """A module of the user's that has the name of another library's."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


def test_a_class_of_another_library_is_known_by_its_full_name() -> None:
    library = pytest.importorskip("transformers.pytorch_utils")
    torch.manual_seed(5)
    own = trained(library.Conv1D(3, 4))
    ours = rewritten(own)
    assert type(ours) is nn.Linear
    x = torch.randn(2, 5, 4)
    with torch.no_grad():
        assert_same(ours(x), own(x))
    assert rewrite_(Conv1D()).kinds == {}


class Inherited(nn.MultiheadAttention):
    """Another class: nobody knows what its forward pass does."""


def hooked(module: nn.Module) -> nn.Module:
    module.register_forward_pre_hook(lambda m, args: None)
    return module


def replaced(module: nn.Module) -> nn.Module:
    vars(module)["forward"] = lambda *args: args
    return module


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (hooked(nn.LSTM(3, 4)), "a hook runs before it"),
        (replaced(nn.MultiheadAttention(4, 2)), "the forward pass of this MultiheadAttention"),
        (Inherited(4, 2), None),
    ],
)
def test_what_may_compute_something_else_is_left_as_it_is(module: nn.Module, why: str) -> None:
    kind, names = type(module), list(module.state_dict())
    done = rewrite_(nn.Sequential(module))
    assert done.kinds == {}
    assert type(module) is kind
    assert list(module.state_dict()) == names
    assert all(said.startswith(str(why)) for said in done.digital.values())
    assert ("0" in done.digital) == (why is not None)


def test_patterns_and_a_folder_say_what_is_rewritten() -> None:
    def net() -> nn.Module:
        return nn.Sequential(*(nn.MultiheadAttention(4, 2) for _ in range(3)))

    made = net()
    done = rewrite_(made, ("1", "nothing*"))
    assert done.digital == dict.fromkeys(("1", "1.out_proj"), "kept digital by choice (1)")
    assert done.notes == [
        "nn.MultiheadAttention is written with nn.Linear, which lies on tiles, in 2 modules (0, 2)."
    ]
    assert type(made[1]) is nn.MultiheadAttention
    of_a_folder = rewrite_(net(), analog=["2.q_proj", "10.q_proj"])
    assert of_a_folder.kinds == {"nn.MultiheadAttention": ["2"]}
    (alone,) = rewrite_(nn.LSTM(3, 4), analog=["ih_l0"]).kinds.values()
    assert alone == ["the network"]


def test_a_rewrite_draws_no_random_numbers() -> None:
    net = nn.Sequential(nn.MultiheadAttention(4, 2), nn.LSTM(3, 4))
    before = torch.get_rng_state()
    assert len(rewrite_(net).kinds) == 2
    assert torch.equal(torch.get_rng_state(), before)


def test_each_class_of_torch_is_a_module_with_weights_of_its_own() -> None:
    kinds = [kind for kind in REWRITES if isinstance(kind, type)]
    assert nn.MultiheadAttention in kinds
    assert all(issubclass(kind, nn.Module) for kind in kinds)
