"""Centred inputs: the same function, less error on a chip, kept in a folder like any network."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import analogsim
from analogsim.centring import Centred
from analogsim.cli.main import run
from analogsim.errors import InputError
from analogsim.inputs.batching import batches
from analogsim.inputs.data import load_data
from analogsim.inputs.models import load_model
from analogsim.lowrank import adapt_

CHECKPOINTS = Path(__file__).parents[1] / "experiments" / "checkpoints"


def images(n: int = 64, *shape: int) -> Tensor:
    """Never negative, and of other means in each channel."""
    draws = torch.Generator().manual_seed(3)
    x = torch.rand(n, *(shape or (4, 7, 7)), generator=draws)
    return x + torch.arange(x.shape[1]).reshape(-1, *(1 for _ in x.shape[2:]))


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "padded": (nn.Conv2d(4, 5, 3, padding=1), (4, 7, 7)),
    "no bias": (nn.Conv2d(4, 5, (3, 2), stride=2, padding=(2, 1), bias=False), (4, 7, 7)),
    "same": (nn.Conv2d(4, 5, 4, padding="same", dilation=2), (4, 9, 9)),
    "groups": (nn.Conv2d(4, 6, 3, padding=1, groups=2), (4, 7, 7)),
    "depthwise": (nn.Conv2d(4, 8, 3, groups=4), (4, 7, 7)),
    "reflect": (nn.Conv2d(4, 5, 3, padding=2, padding_mode="reflect"), (4, 7, 7)),
    "circular": (nn.Conv1d(4, 5, 3, padding=1, padding_mode="circular"), (4, 9)),
    "sequence": (nn.Conv1d(4, 5, 3, padding=1), (4, 9)),
    "volume": (nn.Conv3d(2, 3, 3, padding=1), (2, 5, 5, 5)),
    "linear": (nn.Linear(6, 3), (6,)),
    "tokens": (nn.Linear(6, 3, bias=False), (5, 6)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_the_network_computes_what_it_computed(kind: str) -> None:
    layer, shape = LAYERS[kind]
    network, x = nn.Sequential(layer), images(64, *shape)
    made = analogsim.centre(network, [x[:40], x[40:]])
    assert isinstance(made[0], Centred)  # type: ignore[index]
    assert network[0] is layer
    torch.testing.assert_close(made(x), layer(x), rtol=1e-5, atol=1e-4)
    # As the layer was, where somebody asks for its weight and bias and multiplies himself.
    weight, bias = made[0].weight, made[0].bias  # type: ignore[index]
    assert torch.equal(weight, layer.get_parameter("weight"))
    was = layer.bias if layer.bias is not None else torch.zeros(len(weight))
    torch.testing.assert_close(bias, was, rtol=1e-5, atol=1e-4)


def test_the_errors_of_the_weights_meet_inputs_less_their_means() -> None:
    network, x = nn.Sequential(nn.Linear(6, 3)), images(500, 6)
    made = analogsim.centre(network, [x])
    error = 0.3 * torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = made(x)
        made.get_submodule("0.base").get_parameter("weight").add_(error)
        found = (made(x) - before).numpy()
    inputs = x.numpy().astype(np.float64)
    expected = (inputs - inputs.mean(axis=0)) @ error.numpy().astype(np.float64).T
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert (
        abs(found.mean(axis=0)).max()
        < 1e-4
        < 0.1
        < abs(inputs.mean(axis=0) @ error.numpy().T).max()
    )


class Twice(nn.Module):
    """Calls one layer twice, and multiplies with another's weight itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.first(self.first(x).relu()).relu()
        own = functional.linear(x, self.second.weight, self.second.bias)
        return {"logits": self.second(x) + own}


def test_shared_layers_and_borrowed_weights() -> None:
    network, x = Twice(), images(32, 6)
    made = analogsim.centre(network, [x])
    torch.testing.assert_close(made(x)["logits"], network(x)["logits"], rtol=1e-4, atol=1e-3)
    assert isinstance(made.unused, nn.Linear)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_that_a_hook_makes_and_attention() -> None:
    normed = nn.utils.weight_norm(nn.Linear(6, 6))
    encoder = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True).eval()
    x = images(16, 5, 6)
    network = nn.Sequential(normed, encoder).eval()
    with torch.no_grad():
        network(x)
    made = analogsim.centre(network, [x])
    assert {n for n, m in made.named_modules() if isinstance(m, Centred)} == {
        "0",
        "1.linear1",
        "1.linear2",
    }
    with torch.no_grad():
        torch.testing.assert_close(made(x), network(x), rtol=1e-4, atol=1e-4)


class Rude(nn.Module):
    """Computes another thing where its layer is not the one that it made."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y if isinstance(self.layer, nn.Linear) else 2 * y


def test_what_cannot_be_centred_is_refused() -> None:
    x = images(8, 6)
    centred = analogsim.centre(nn.Sequential(nn.Linear(6, 3)), [x])
    adapted = adapt_(nn.Sequential(nn.Linear(6, 3)), ["0"], 1, seed=0)
    broken = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 3))
    with torch.no_grad():
        broken[0].weight[0, 0] = float("nan")
    for network, said in (
        (centred, "must have neither centres nor low-rank adapters"),
        (adapted, "must have neither centres nor low-rank adapters"),
        (nn.Sequential(nn.ReLU()), "must have linear layers or convolutions that its inputs reach"),
        (broken, "must have finite inputs at layer 1, got a mean of nan"),
        (Rude(), "must compute with centred inputs what it computed before, got outputs that are"),
    ):
        with pytest.raises(InputError, match=said):
            analogsim.centre(network, [x])


ZOO = ["zoo:digits_cnn", "--data", "digits"]


def test_a_folder_is_a_model_of_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["centre", *ZOO, "--images", "200", "-o", "c"]) == 0
    assert "c: inputs of 4 layers centred" in capsys.readouterr().out
    # Again, there is nothing to do.
    before = {path: path.stat().st_mtime_ns for path in Path("c").iterdir()}
    assert run(["centre", *ZOO, "--images", "200", "-o", "c"]) == 0
    assert {path: path.stat().st_mtime_ns for path in Path("c").iterdir()} == before
    made = load_model("c")
    assert "centred inputs of 4 layers: their means are subtracted in digital" in made.note
    x, _ = next(batches(load_data("digits"), 90))
    with torch.no_grad():
        torch.testing.assert_close(
            made.module(x), load_model("zoo:digits_cnn").module(x), rtol=1e-4, atol=1e-4
        )
    # A chip is opened again by its network's name, whose code knows of no centres.
    assert run(["convert", *ZOO, "--weights", "c/weights.safetensors", "-o", "chip"]) == 0
    again = ["--data", "digits", "--times", "1s", "--chips", "2", "--limit", "40", "--workers", "1"]
    assert run(["drift", "chip", *again, "-o", "d_chip"]) == 0
    capsys.readouterr()
    for bn in ("digital", "fold"):
        study = ["--chips", "2", "--limit", "40", "--times", "1s", "--bn", bn, "-o", f"d_{bn}"]
        assert run(["drift", "c", "--data", "digits", *study, "--workers", "1"]) == 0
    assert run(["centre", "zoo:resnet20", "--data", "digits", "-o", "n"]) == 2
    assert "with trained weights, got untrained" in capsys.readouterr().err
    assert run(["centre", "c", "--data", "digits", "-o", "n"]) == 2
    assert "got folder c; name its network" in capsys.readouterr().err
    Path("full").mkdir()
    Path("full/mine").write_text("x")
    assert run(["centre", *ZOO, "-o", "full"]) == 2
    assert "must be empty" in capsys.readouterr().err
    assert not Path("n").exists()


@pytest.mark.usefixtures("few_digits")
@pytest.mark.parametrize("more", [{}, {"lora": 2, "clip": 0.0}], ids=["plain", "adapters"])
def test_it_is_hardened_like_any_network(tmp_path: Path, more: dict[str, Any]) -> None:
    assert run(["centre", *ZOO, "--images", "200", "-o", str(tmp_path / "c")]) == 0
    found = analogsim.harden(
        "zoo:digits_cnn",
        "digits",
        tmp_path / "h",
        weights=tmp_path / "c" / "weights.safetensors",
        times="1s",
        chips=2,
        limit=20,
        **more,
    )
    made = load_model(str(tmp_path / "h")).module
    means = load_model(str(tmp_path / "c")).module.get_submodule("conv1.centre").get_buffer("mean")
    assert torch.equal(made.get_submodule("conv1.centre").get_buffer("mean"), means)
    assert found.run.folder is not None


@pytest.mark.data
@pytest.mark.slow
def test_after_a_year_a_resnet_keeps_more() -> None:
    """On chips of the same draws; nothing is trained."""
    weights = CHECKPOINTS / "resnet20_cifar10_batch_s1.safetensors"
    network = load_model("zoo:resnet20?norm=batch", weights=weights).module
    test = list(itertools.islice(batches(load_data("cifar10"), 250), 4))
    train = [x for x, _ in batches(load_data("cifar10", split="train"), 250, 1000)]
    kept = []
    for one in (network, analogsim.centre(network, train)):
        analog = analogsim.convert(one, "pcm", "ideal", calibrate=train[0])
        right = []
        for number in range(4):
            chip = analogsim.program(analog, 5, number)
            chip.drift_(31_536_000.0, "global")
            right.append(analogsim.evaluate(chip, iter(test)).accuracy)
        kept.append(float(np.mean(right)))
    # 87 and 90 %, by which the measured difference is 3 points.
    assert kept[1] - kept[0] > 0.015
