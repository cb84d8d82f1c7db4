"""load_model: the zoo, shipped weights, foreign files."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from analogsim.errors import InputError
from analogsim.inputs import load_data, load_model
from analogsim.inputs.known import SHIPPED
from analogsim.inputs.train_digits import accuracy
from analogsim.inputs.zoo import parse_zoo

FOREIGN = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(4 * 36, 10)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))

def build():
    return Net()
"""


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_shipped_weights_are_loaded_and_reach_their_stated_accuracy(norm: str) -> None:
    model = load_model(f"zoo:digits_cnn?norm={norm}")
    stated = json.loads((SHIPPED / f"digits_cnn-{norm}.json").read_text())
    assert model.trained
    assert model.note == f"weights shipped with analogsim (digits_cnn-{norm}.safetensors)"
    assert (model.input_shape, model.n_classes) == ((1, 8, 8), 10)
    assert not model.module.training
    # One image of 360: another torch may round a tie differently.
    expected = pytest.approx(stated["test_accuracy"], abs=1 / 360)
    assert accuracy(model.module, load_data("digits")) == expected
    assert stated["test_accuracy"] >= 0.98


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_shipped_weights_are_the_ones_of_their_provenance(norm: str) -> None:
    stated = json.loads((SHIPPED / f"digits_cnn-{norm}.json").read_text())
    content = (SHIPPED / stated["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == stated["sha256"]
    assert len(content) < 200_000
    module = load_model(stated["model"]).module
    assert sum(p.numel() for p in module.parameters()) == stated["n_parameters"]


@pytest.mark.parametrize("spec", ["zoo:resnet20", "zoo:digits_cnn?classes=5"])
def test_an_untrained_network_says_so_and_is_always_the_same(spec: str) -> None:
    first, second = load_model(spec), load_model(spec)
    assert not first.trained
    assert first.note.startswith("untrained: random start, no weights shipped")
    other = second.module.state_dict()
    assert all(torch.equal(t, other[key]) for key, t in first.module.state_dict().items())


def test_torchs_random_state_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import torch\nbuild = lambda: torch.nn.Linear(2, 2)\n")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load_model("zoo:resnet20")
    first = load_model(f"{tmp_path / 'net.py'}:build").module
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    second = load_model(f"{tmp_path / 'net.py'}:build").module
    assert torch.equal(first.weight, second.weight)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in state_dict"])
def test_a_foreign_network_with_foreign_weights(tmp_path: Path, wrapped: bool) -> None:
    file, weights = tmp_path / "net.py", tmp_path / "net.th"
    file.write_text(FOREIGN)
    torch.manual_seed(3)
    trained = load_model(f"{file}:build").module
    for parameter in trained.parameters():
        nn.init.normal_(parameter)
    state = {f"module.{key}": tensor for key, tensor in trained.state_dict().items()}
    torch.save({"epoch": 9, "state_dict": state} if wrapped else state, weights)
    model = load_model(f"{file}:build", weights=weights)
    images = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(model.module(images), trained(images))
    assert model.trained
    assert model.note == f"weights from {weights}"
    assert (model.input_shape, model.n_classes) == (None, None)
    assert not model.module.training


def test_foreign_weights_for_a_zoo_network_in_half_precision(tmp_path: Path) -> None:
    weights = tmp_path / "resnet20-foreign.th"
    torch.manual_seed(4)
    state = parse_zoo("zoo:resnet20?classes=100").build().state_dict()
    half = {
        f"module.{key}": tensor.half() for key, tensor in state.items() if "num_batches" not in key
    }
    torch.save({"state_dict": half, "best_prec1": 91.7}, weights)
    model = load_model("zoo:resnet20?classes=100", weights=weights)
    got = model.module.state_dict()["layer3.2.conv2.weight"]
    assert torch.equal(got, state["layer3.2.conv2.weight"].half().float())
    assert (model.trained, model.n_classes) == (True, 100)
    message = r"resnet20-foreign\.th class count must be the model's 10, got 100 .*\?classes=100\)"
    with pytest.raises(InputError, match=message):
        load_model("zoo:resnet20", weights=weights)


@pytest.mark.parametrize(
    ("name", "wrap", "notes"),
    [
        ("a.ckpt", lambda w: {"state_dict": {f"model.{k}": t for k, t in w.items()}}, "model."),
        ("a.pt", lambda w: {f"net.{k}": t for k, t in w.items()}, "begin with 'net.'"),
        ("a.pth.tar", lambda w: {"state_dict": w, "best_acc1": torch.tensor(9.0)}, ""),
        (
            "a.pth",
            lambda w: {"params": {k: t + 1 for k, t in w.items()}, "params_ema": w},
            "taken from 'params_ema' (the average over the training); the file has 'params', too",
        ),
        ("a.h5", lambda w: w, "by its content, a.h5 is a file of torch.save"),
        (
            "b.ckpt",
            lambda w: {"state_dict": w | {"criterion.weight": torch.ones(4)}},
            "1 tensor of the file left out (criterion.weight)",
        ),
        ("a.bin", lambda w: {k: t.double() + 1e-12 for k, t in w.items()}, "rounded from float64"),
        ("c.pt", lambda w: {k: torch.zeros_like(t) for k, t in w.items()}, "values are equal in"),
    ],
    ids=["lightning", "net", "tar", "average", "ending", "criterion", "double", "zeros"],
)
def test_what_was_chosen_in_a_file_stands_in_the_note(
    tmp_path: Path,
    name: str,
    wrap: Callable[[dict[str, torch.Tensor]], dict[str, object]],
    notes: str,
) -> None:
    file = tmp_path / "net.py"
    file.write_text(FOREIGN)
    weights = {k: t * 0.9 + 0.1 for k, t in load_model(f"{file}:build").module.state_dict().items()}
    del weights["features.1.num_batches_tracked"]
    torch.save(wrap(weights), tmp_path / name)
    note = load_model(f"{file}:build", weights=tmp_path / name).note
    assert note.startswith(f"weights from {tmp_path / name}")
    assert notes in note
    assert bool(notes) == ("; " in note)


def test_weights_in_several_files_are_loaded_by_their_index(tmp_path: Path) -> None:
    state = parse_zoo("zoo:digits_cnn").build().state_dict()
    shards: dict[str, dict[str, torch.Tensor]] = {"1.safetensors": {}, "2.safetensors": {}}
    weight_map = {}
    for number, (key, tensor) in enumerate(state.items()):
        weight_map[key] = f"{number % 2 + 1}.safetensors"
        shards[weight_map[key]][key] = tensor + 1
    for name, shard in shards.items():
        save_file(shard, tmp_path / name)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    model = load_model("zoo:digits_cnn", weights=index)
    assert model.note == f"weights from {index}"
    assert all(torch.equal(model.module.state_dict()[key], t + 1) for key, t in state.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def build():\n    return 3\n", r"net\.py:build must return an nn\.Module, got int"),
        (
            "import torch\ndef build():\n    return torch.nn.LazyLinear(3)\n",
            r"parameters must have shapes, got lazy ones in weight, bias; run one image",
        ),
        (
            "import torch\ndef build():\n    net = torch.nn.Linear(2, 1)\n"
            "    torch.nn.init.constant_(net.bias, float('nan'))\n    return net\n",
            r"net\.py:build values must be finite, got NaN or infinity in bias \(1 of 1 values\)",
        ),
    ],
    ids=["type", "lazy", "nan"],
)
def test_a_factory_that_makes_no_usable_network_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "net.py"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        load_model(f"{file}:build")


def test_other_specs_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"model '{tmp_path}' must be .*, got another fol"):
        load_model(str(tmp_path))
    with pytest.raises(InputError, match=r"got 'resnet20'; write zoo:resnet20"):
        load_model("resnet20")
    (tmp_path / "net.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"net\.pt'; a weight file goes to --weights"):
        load_model(str(tmp_path / "net.pt"))
    with pytest.raises(InputError, match=r"got 'zo:resnet20'; .*; did you mean 'zoo:resnet20'\?"):
        load_model("zo:resnet20")
