"""The judge finds nothing wrong with an honest conversion, and each fault of a broken one."""

import copy
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from tests.strangers.compare import unlike
from tests.strangers.judge import faults
from tests.strangers.situation import Situation, call, network, normal

X = normal(4, 6)


def stranger() -> nn.Module:
    return network(
        lambda self, x: {
            "logits": self.out(self.fc(x).relu()),
            "best": self.out(self.fc(x)).argmax(1),
        },
        fc=nn.Linear(6, 5),
        out=nn.Linear(5, 4),
    )


CASE = Situation(stranger, X, (normal(2, 6),), analog=("fc", "out"))


class CoverageWarning(UserWarning):
    """The stand-in's."""


class StandIn:
    """A converter that is honest: a copy, and weaker ones of what it calls analog.

    Its attributes are what it says, and `bend` what it does to the copy.
    """

    def __init__(self, **says: Any) -> None:
        self.notes: list[str] = []
        self.share, self.warns, self.why = 1.0, False, "by choice"
        self.digital: list[str] = []
        self.where: dict[str, str] = {"fc": "analog", "out": "analog"}
        self.bend: Callable[[nn.Module], Any] = lambda copied: copied
        self.before: Callable[[nn.Module], Any] = lambda given: None
        self.on_tiles = ("fc", "out")
        vars(self).update(says)

    def convert(self, net: nn.Module, **options: Any) -> Any:
        self.before(net)
        if self.warns:
            warnings.warn("little is on tiles", CoverageWarning, stacklevel=2)
        return SimpleNamespace(
            module=self.bend(copy.deepcopy(net).eval()),
            report=[
                SimpleNamespace(name=name, where=at, why=self.why if at == "digital" else "")
                for name, at in self.where.items()
            ],
            notes=self.notes,
            coverage=SimpleNamespace(
                share=self.share,
                digital=[SimpleNamespace(name=name, macs=9) for name in self.digital],
            ),
        )

    @staticmethod
    def program(analog: Any) -> Any:
        return analog.module

    def weaken(self, analog: Any, name: str) -> Any:
        weaker = copy.deepcopy(analog.module)
        if name in self.on_tiles:
            weaker.get_submodule(name).weight.data.mul_(0.5)
        return weaker


def found_with(case: Situation, **says: Any) -> list[str]:
    stand_in = StandIn(**says)
    return faults(
        case, "native", convert=stand_in.convert, program=stand_in.program, weaken=stand_in.weaken
    )


def raising(error: Exception) -> Callable[[nn.Module], Any]:
    def before(given: nn.Module) -> None:
        raise error

    return before


def with_forward(change: Callable[[Any], Any]) -> Callable[[nn.Module], nn.Module]:
    def bend(copied: nn.Module) -> nn.Module:
        copied.register_forward_hook(lambda m, args, out: change(out))
        return copied

    return bend


def scaled(factor: float) -> Callable[[nn.Module], nn.Module]:
    return with_forward(lambda out: out | {"logits": out["logits"] * factor})


def only_once(copied: nn.Module) -> nn.Module:
    calls: list[int] = []

    def change(out: Any) -> Any:
        calls.append(1)
        return out | {"logits": out["logits"] + len(calls) - 1}

    return with_forward(change)(copied)


def written_to(given: nn.Module) -> None:
    given.fc.weight.data.mul_(1.0001)


def hooked(given: nn.Module) -> None:
    given.fc.register_forward_hook(lambda m, args, out: None)


def test_an_honest_conversion_has_no_fault() -> None:
    assert found_with(CASE) == []


BROKEN = {
    "a product that is a thousandth off": ({"bend": scaled(1.001)}, "input 0: differs by 0.001"),
    "another input than the example": (
        {
            "bend": with_forward(
                lambda out: out | {"logits": out["logits"] * (1 + (len(out["best"]) == 2))}
            )
        },
        "input 1: differs by 1",
    ),
    "the second call": ({"bend": only_once}, "input 0: differs by"),
    "the keys": (
        {"bend": with_forward(lambda out: {"logits": out["logits"]})},
        r"keys \['logits'\] in place",
    ),
    "the class": ({"bend": with_forward(lambda out: out["logits"])}, "Tensor in place of dict"),
    "the type": (
        {"bend": with_forward(lambda out: out | {"logits": out["logits"].double()})},
        "torch.float64 in place of",
    ),
    "whole numbers": (
        {"bend": with_forward(lambda out: out | {"best": out["best"] + 1})},
        "whole numbers differ",
    ),
    "an error in the forward pass": (
        {"bend": with_forward(lambda out: out.no_such_thing)},
        "input 0: AttributeError: 'dict' object has no attribute 'no_such_thing'",
    ),
    "a layer that is only called analog": (
        {"on_tiles": ("fc",)},
        "layer out is called analog, and weaker tiles move no output",
    ),
    "a layer missing on tiles": (
        {"where": {"fc": "analog", "out": "digital"}},
        r"layer out must be analog, got \('digital', 'by choice'\)",
    ),
    "nothing on tiles": (
        {"where": {"fc": "digital"}},
        "no layer is analog, and nothing is refused",
    ),
    "no reason": (
        {"where": {"fc": "analog", "out": "digital"}, "why": ""},
        r"layer out must be analog, or digital with a reason, got \('digital', ''\)",
    ),
    "a global draw": (
        {"before": lambda given: torch.rand(1)},
        "the process's random numbers, types or gradients are others than before",
    ),
    "a counter of the network given": (
        {"before": lambda given: setattr(given, "calls", 1)},
        r"the network given has changed: attributes",
    ),
    "something digital that has no name": (
        {"share": 0.9},
        r"what is not on tiles must be named, got \[\]",
    ),
    "the share": ({"share": 0.99}, "the share must be 1.0, got 0.99"),
    "a share above one": ({"share": 1.5}, "the share must lie in 0 to 1, got 1.5"),
    "no warning": ({"share": 0.4}, "a warning belongs to less than half, got 0.4"),
    "a warning too many": ({"warns": True}, "a warning belongs to less than half, got 1.0"),
    "a note of what is not": (
        {"notes": ["The forward pass is random."]},
        "nothing is random, and a note says so",
    ),
    "the network given": ({"before": written_to}, "the network given has changed: weights"),
    "a hook left behind": ({"before": hooked}, r"the network given has changed: hooks"),
    "its mode": ({"before": lambda given: given.eval()}, "the network given has changed: modes"),
    "its class": (
        {"before": lambda given: setattr(given.fc, "__class__", type("Other", (nn.Linear,), {}))},
        "the network given has changed: classes",
    ),
    "its gradients": (
        {"before": lambda given: given.requires_grad_(False)},
        "the network given has changed: gradients",
    ),
    "another library's error": (
        {"before": raising(TypeError("cannot pickle '_thread.lock' object"))},
        "TypeError: cannot pickle '_thread.lock' object",
    ),
    "a refusal": ({"before": raising(InputError("It cannot be."))}, "is refused: It cannot be"),
    "a refusal of two lines": (
        {"before": raising(InputError("It cannot be.\n  File ..."))},
        "a refusal must be one sentence",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_conversion_is_found(name: str) -> None:
    says, words = BROKEN[name]
    with pytest.raises(AssertionError, match=words):
        assert not (found := found_with(CASE, **says)), "; ".join(found)


REFUSED = Situation(stranger, X, refused="a state")


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({}, r"it must be refused with 'a state', and is converted"),
        (
            {"before": raising(InputError("It is too large."))},
            "must hold 'a state', got 'It is too large.'",
        ),
        ({"before": raising(ValueError("a state"))}, "another library's error reaches the user"),
    ],
    ids=["converted", "other words", "another class"],
)
def test_a_refusal_that_is_missing_is_found(says: dict[str, Any], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        assert not (found := found_with(REFUSED, **says)), "; ".join(found)


def test_a_refusal_with_its_words_is_right() -> None:
    assert found_with(REFUSED, before=raising(InputError("It keeps a state."))) == []
    either = Situation(stranger, X, may_refuse=True)
    assert found_with(either, before=raising(InputError("It cannot be."))) == []
    assert found_with(either) == []


def test_a_note_and_a_digital_product_that_are_missing_are_found() -> None:
    case = Situation(stranger, X, notes=("random",), digital=("table",), share=0.4)
    silent = found_with(case, share=0.4, warns=True)
    assert [fault[:30] for fault in silent] == [
        "a note must hold 'random', got",
        "what is not on tiles must be n",
        "table must be among the digita",
    ]
    spoken = {"notes": ["The forward pass is random."], "digital": ["table.weight"]}
    assert found_with(case, share=0.4, warns=True, **spoken) == []
    assert found_with(case, share=0.4, warns=True, notes=["random"], digital=["tables"]) != []


SAME: list[Any] = [
    torch.ones(2),
    torch.tensor([1.0, float("inf"), float("nan")]),
    [torch.ones(2), {"a": (1, None)}],
    call(torch.ones(2), a="b"),
]


@pytest.mark.parametrize("value", SAME, ids=str)
def test_what_is_the_same_is_no_fault(value: Any) -> None:
    assert unlike(copy.deepcopy(value), value, 1e-6) is None


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (torch.tensor([1.0, float("nan")]), torch.tensor([1.0, 2.0])),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, float("nan")])),
        (torch.tensor([1.0, float("inf")]), torch.tensor([1.0, -float("inf")])),
        (torch.tensor([1e-9]), torch.tensor([0.0])),
        (torch.ones(2), torch.ones(2, 1)),
        (torch.ones(2, dtype=torch.int32), torch.ones(2, dtype=torch.int64)),
        ([1, 2], [1, 2, 3]),
        ((1, 2), [1, 2]),
        ({"a": 1}, {"b": 1}),
        (call(torch.ones(2)), call(torch.zeros(2))),
        (1, True),
        (None, torch.ones(2)),
        ("a", "b"),
    ],
    ids=str,
)
def test_what_is_not_the_same_is_a_fault(got: Any, want: Any) -> None:
    assert isinstance(unlike(got, want, 1e-6), str)


def test_noisy_outputs_are_compared_without_their_values() -> None:
    want: dict[str, Tensor | int] = {"logits": torch.ones(2), "n": 3}
    assert unlike({"logits": torch.zeros(2), "n": 3}, want, None) is None
    assert unlike({"logits": torch.zeros(3), "n": 3}, want, None) is not None
