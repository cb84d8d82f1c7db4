"""What a file holds beside the network: left out and said, or refused as a part that is missing."""

import pytest
import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.inputs.state import load_state_with_notes_


class Net(nn.Module):
    """Two numbered layers, a plain convolution and a linear layer; no BatchNorm at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
        self.layer2 = nn.Sequential(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2))
        self.conv = nn.Conv2d(2, 2, 3, bias=False)
        self.fc = nn.Linear(2, 3)


def layer(name: str, *shapes: tuple[int, ...]) -> dict[str, Tensor]:
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{n}": torch.ones(s) for n, s in zip(names, shapes, strict=False)}


V = (2,)
FOREIGN: dict[str, dict[str, Tensor]] = {
    "loss weights": {"criterion.weight": torch.ones(3)},
    "loss": {"loss_fn.pos_weight": torch.ones(3)},
    "loss in capitals": {"BCELoss.weight": torch.ones(3)},
    "metrics": {"metrics.acc.tp": torch.ones(3), "train_acc.total": torch.ones(())},
    "one number": {"best_accuracy": torch.ones(())},
    "thop": {"total_ops": torch.ones(1), "layer1.total_params": torch.ones(1)},
    "thop in a layer": {"layer1.0.total_ops": torch.ones(1), "fc.total_ops": torch.ones(1)},
    "average's counter": {"n_averaged": torch.tensor(3)},
    "teacher": layer("teacher.layer1.0", (2, 1, 3, 3), V) | layer("teacher.norm", V, V, V, V),
    "momentum": layer("momentum_encoder.conv", (2, 2, 3, 3)),
    "average": {"ema_model.layer3.weight": torch.ones(2)},
    "auxiliary head": layer("aux1.conv", (2, 2, 1, 1)) | layer("aux1.bn", V, V, V, V),
    "auxiliary classifier": layer("aux_classifier.0", (2, 2, 1, 1), V),
    "camel case": layer("AuxLogits.conv0", (2, 2, 1, 1)),
    "optimiser": {"optimizer.state": torch.ones(3)},
    "second head": layer("head_dist", (3, 2), (3,)),
    "projector": layer("projector.0", (8, 2), (8,)) | layer("projector.1", *[(8,)] * 4),
    "positions": {"layer1.0.position_ids": torch.arange(3), "position_ids": torch.arange(3)},
    "decoder": layer("decoder.deconv", (2, 2, 3, 3), V),
}
PARTS: dict[str, dict[str, Tensor]] = {
    "third layer": layer("layer3.0", (2, 2, 3, 3), V),
    "tenth layer": layer("layer10.0", (2, 2, 3, 3), V),
    "block in a layer": layer("layer1.2", (2, 2, 3, 3), V),
    "bias": {"conv.bias": torch.ones(2)},
    "scale in a layer": {"layer1.0.scale": torch.ones(1)},
    "loss in a layer": {"layer1.0.loss.weight": torch.ones(1)},
    "normalisation": layer("bn", V, V, V, V),
    "normalisation without statistics": layer("norm", V, V),
    "learned slope": layer("prelu", V),
    "convolution": layer("stem", (2, 2, 3, 3), V),
    "linear without bias": layer("neck", (2, 2)),
    "second linear": layer("fc2", (3, 3), (3,)),
    "positions with a point": {"layer1.0.position_ids": torch.ones(3)},
    "tensor at the top": {"cls_token": torch.ones(1, 1, 2)},
    "normalised input": {"normalize.mean": torch.ones(3), "normalize.std": torch.ones(3)},
    "like a layer": layer("extra.0", (2, 2, 3, 3), V) | layer("extra.1", V, V, V, V),
}


def weights() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {key: t.clone() for key, t in Net().state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
@pytest.mark.parametrize("extra", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_part_of_the_network_is_left_out_and_counted(
    extra: dict[str, Tensor], prefix: str
) -> None:
    file = {prefix + key: t for key, t in (weights() | extra).items()}
    torch.manual_seed(0)
    network = Net()
    notes = load_state_with_notes_(network, file, where="f")
    got = network.state_dict()
    assert all(torch.equal(got[key], t) for key, t in weights().items())
    counted = "1 tensor" if len(extra) == 1 else f"{len(extra)} tensors"
    start = f"{counted} of the file left out ({prefix}{next(iter(extra))}"
    assert len([note for note in notes if note.startswith(start)]) == 1


def test_counters_of_batches_are_left_out_without_a_word() -> None:
    file = weights() | {"teacher.bn.num_batches_tracked": torch.tensor(3)}
    torch.manual_seed(0)
    assert load_state_with_notes_(Net(), file, where="f") == ()


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
@pytest.mark.parametrize("extra", PARTS.values(), ids=PARTS)
def test_what_looks_like_a_part_that_the_network_lacks_is_refused(
    extra: dict[str, Tensor], prefix: str
) -> None:
    file = {prefix + key: t for key, t in (weights() | extra).items()}
    first = next(iter(extra)).replace(".", r"\.")
    message = (
        rf"must fit the model, got {len(extra)} unexpected \({first}.*; choose the model that "
        r"these weights were trained in, or save them without what is no part of it"
    )
    with pytest.raises(InputError, match=message):
        load_state_with_notes_(Net(), file, where="f")


@pytest.mark.parametrize("extra", PARTS.values(), ids=PARTS)
def test_a_part_and_something_foreign_are_told_apart(extra: dict[str, Tensor]) -> None:
    file = weights() | FOREIGN["teacher"] | extra | FOREIGN["loss"]
    with pytest.raises(InputError, match=rf"got {len(extra)} unexpected \(") as caught:
        load_state_with_notes_(Net(), file, where="f")
    assert "teacher" not in str(caught.value)


@pytest.mark.parametrize(
    ("beside", "refused"),
    [
        ("head.weight", False),
        ("scale", False),
        ("normalizer.mean", False),
        ("criterion.weight", False),
        ("1.weight", True),
        ("0.loss.weight", False),
    ],
)
def test_beside_a_prefix_only_the_next_of_a_sequence_is_a_part(beside: str, refused: bool) -> None:
    file = {f"0.{key}": t for key, t in weights().items()} | {beside: torch.ones(2)}
    if refused:
        with pytest.raises(InputError, match=r"got 1 unexpected \(1\.weight\); choose"):
            load_state_with_notes_(Net(), file, where="f")
    else:
        notes = load_state_with_notes_(Net(), file, where="f")
        assert notes[-1] == f"1 tensor of the file left out ({beside})"


@pytest.mark.parametrize(("deeper", "shallow"), [(4, 3), (3, 2), (2, 1)])
def test_a_deeper_sequence_is_refused(deeper: int, shallow: int) -> None:
    def make(depth: int) -> nn.Module:
        return nn.Sequential(*(nn.Linear(2, 2) for _ in range(depth)))

    message = rf"got 2 unexpected \({shallow}\.weight, {shallow}\.bias\); choose"
    with pytest.raises(InputError, match=message):
        load_state_with_notes_(make(shallow), make(deeper).state_dict(), where="f")


def test_a_missing_tensor_is_never_made_up_for_by_a_foreign_one() -> None:
    file = weights() | layer("head", (3, 2), (3,))
    del file["fc.weight"], file["fc.bias"]
    message = r"got 2 missing \(fc\.weight, fc\.bias\); 2 unexpected \(head\.weight, head\.bias\)"
    with pytest.raises(InputError, match=message):
        load_state_with_notes_(Net(), file, where="f")
