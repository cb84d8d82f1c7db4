"""Which of a file's dictionaries are the weights."""

import re

import pytest
import torch
from torch import Tensor

from analogsim.errors import InputError
from analogsim.inputs.weight_choice import AVERAGED, PLAIN, choose_weights

ONE = {"a.weight": torch.ones(2, 3), "a.bias": torch.tensor([1.0, 2.0])}
TWO = {"a.weight": torch.zeros(2, 3), "a.bias": torch.tensor([3.0, 4.0])}
BESIDE = {
    "epoch": 3,
    "best_acc": torch.tensor(91.0),
    "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
    "optimizer_by_name": {"a.weight": torch.ones(2, 3)},
    "lr_schedulers": [{"last_epoch": 3}],
    "hyper_parameters": {"width": 3},
    "callbacks": {"ModelCheckpoint": {"best_model_score": torch.ones(1)}},
    "cpu_rng_state": torch.zeros(5, dtype=torch.uint8),
    3: "x",
}


def same(got: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return list(got) == list(wanted) and all(torch.equal(got[k], wanted[k]) for k in wanted)


@pytest.mark.parametrize("wrapper", [*PLAIN, *AVERAGED])
def test_wrappers_are_opened_and_training_beside_them_is_ignored(wrapper: str) -> None:
    chosen = choose_weights(BESIDE | {wrapper: ONE}, where="f")
    assert same(chosen.tensors, ONE)
    assert chosen.notes == ()


@pytest.mark.parametrize(
    "content",
    [
        ONE,
        {"state_dict": {"model": ONE}},
        {"model": {"ema": {"module": ONE}}, "args": {"lr": torch.ones(3)}},
        {"model": ONE, "config": {"mean": torch.ones(3)}},
        {"model": ONE, "state_dict": dict(ONE)},
        {"model": {"width": 3}, "params": [torch.ones(2)], "net": ONE},
        {"ema": {"decay": torch.tensor(0.99), "steps": torch.tensor(3)}, "model": ONE},
        {"ema": {"decay": 0.99, "shadow_params": [torch.ones(2)]}, "model": ONE},
        ONE | {"epoch": 3, "args": "x", "optimizer": {"a": torch.ones(2)}, "best": None},
    ],
    ids=[
        *("bare", "two levels", "three levels", "configuration", "the same twice", "no weights"),
        *("average's numbers", "average without names", "flat"),
    ],
)
def test_the_only_weights_are_found_without_a_word(content: object) -> None:
    chosen = choose_weights(content, where="f")
    assert same(chosen.tensors, ONE)
    assert chosen.notes == ()


@pytest.mark.parametrize(
    ("plain", "averaged"),
    [
        ("state_dict", "state_dict_ema"),
        ("params", "params_ema"),
        ("model", "model_ema"),
        ("model", "ema"),
        ("model_state_dict", "ema_state_dict"),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["weights first", "average first"])
def test_the_average_is_taken_and_the_other_named(plain: str, averaged: str, turned: bool) -> None:
    content = {plain: ONE, "epoch": 3, averaged: TWO}
    if turned:
        content = dict(reversed(content.items()))
    chosen = choose_weights(content, where="f")
    assert same(chosen.tensors, TWO)
    assert chosen.notes == (
        f"taken from {averaged!r} (the average over the training); the file has {plain!r}, too",
    )


def test_other_weights_and_tensors_beside_a_wrapper_are_named() -> None:
    content = {"model": ONE, "decoder": TWO, "mean": torch.ones(3), "best_acc": torch.tensor(1.0)}
    chosen = choose_weights(content, where="f")
    assert same(chosen.tensors, ONE)
    assert chosen.notes == ("taken from 'model'; the file has 'decoder', 'mean', too",)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"netG": ONE, "netD": TWO, "optG": {}}, ["netG.a.weight", "netG.a.bias", "netD.a.weight"]),
        ({"a": {"weight": torch.ones(1)}}, ["a.weight"]),
        ({"x": {"y": {"z": torch.ones(1)}}}, ["x.y.z"]),
        ({"teacher": ONE}, ["teacher.a.weight", "teacher.a.bias"]),
        ({"state_dict": {"scale": torch.tensor(1.0)}}, ["state_dict.scale"]),
        ({"scale": torch.ones(1), "head": ONE}, ["scale", "head.a.weight", "head.a.bias"]),
    ],
    ids=["two networks", "tree", "deep tree", "teacher", "one number", "mixed"],
)
def test_dictionaries_under_unknown_names_are_joined(content: object, names: list[str]) -> None:
    assert list(choose_weights(content, where="f").tensors)[: len(names)] == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": ONE, "state_dict": TWO}, r"different ones under 'state_dict' and 'model'; save"),
        ({"ema": ONE, "model_ema": TWO}, r"got different ones under 'model_ema' and 'ema'; save"),
        ({"model": ONE, "net": ONE | {"x": torch.ones(1)}}, r"ones under 'model' and 'net'; save"),
        ({"a": {"b": torch.ones(1)}, "a.b": torch.ones(1)}, r"must be different, got a\.b twice"),
        ({"a.b": 1.5} | ONE, r"under names of parameters, got 'a\.b' \(float\); save it with"),
        (
            ONE | {"fc._packed_params._packed_params": (torch.ones(1), None)},
            r"got 'fc\._packed_params\._packed_params' \(tuple\); save the weights before quanti",
        ),
        ({"s": torch.zeros(2).to_sparse()}, r"dense tensors, got s \(sparse\); make it dense with"),
        ({"m": torch.ones(2, device="meta")}, r"dense tensors, got m \(without values\); save it"),
        (
            {"optimizer": BESIDE["optimizer"]},
            r"must hold named tensors, got optimizer \(dict\); sa",
        ),
        ({"state": {0: torch.ones(1)}}, r"must hold named tensors, got state \(dict\); save"),
        (
            {"state_dict": [torch.ones(1)]},
            r"must hold named tensors, got state_dict \(list\); save",
        ),
    ],
    ids=[
        *("two plain", "two averages", "one has more", "twice", "number", "packed", "sparse"),
        *("meta", "optimizer", "numbered", "list"),
    ],
)
def test_what_is_not_one_set_of_dense_tensors_is_refused(content: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose_weights(content, where="f")


def test_quantised_tensors_are_refused() -> None:
    coded = torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8)
    with pytest.raises(InputError, match=r"got q \(quantised\); save the weights before quantisa"):
        choose_weights({"q": coded}, where="f")


def test_a_kind_of_tensor_of_somebodys_own_is_refused() -> None:
    class Piece(Tensor):
        pass

    own = torch.ones(2).as_subclass(Piece)  # type: ignore[arg-type]
    message = re.escape("got p (Piece); make each a plain tensor before it is saved")
    with pytest.raises(InputError, match=message):
        choose_weights({"p": own}, where="f")


def test_a_dictionary_that_holds_itself_is_refused() -> None:
    content: dict[str, object] = {}
    content["state_dict"] = content
    with pytest.raises(InputError, match=r"must hold named tensors, got state_dict \(dict\)"):
        choose_weights(content, where="f")


def _in_itself(count: int) -> dict[str, object]:
    content: dict[str, object] = {}
    for number in range(count):
        content[f"x{number}"] = content
    return content


@pytest.mark.parametrize("inner", [{}, {"a": torch.ones(1)}, {"a": torch.tensor(1.0)}])
def test_a_dictionary_that_holds_itself_many_times_is_read_at_once(
    inner: dict[str, Tensor],
) -> None:
    """By the third level there would be more names than anything could count."""
    many, more = _in_itself(20_000), _in_itself(20_000)
    content = {"model": ONE | {"y": many}, "net": ONE | {"y": more}, "z": many} | many
    many |= inner
    more |= inner
    chosen = choose_weights(content, where="f")
    assert list(chosen.tensors)[:2] == ["a.weight", "a.bias"]
    assert len(chosen.tensors) <= 4


def test_one_number_said_to_be_billions_is_not_compared() -> None:
    vast = [torch.ones(1).expand(1 << 40) for _ in range(2)]
    message = r"got different ones under 'model' and 'net'; save one"
    with pytest.raises(InputError, match=message):
        choose_weights({"model": {"a": vast[0]}, "net": {"a": vast[1]}}, where="f")
