"""Hardening in the training loop: the loss, the clip, the choice, resumed bit for bit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from analogsim.errors import InputError
from analogsim.hardening.chips import Injection
from analogsim.hardening.law import law_of
from analogsim.hardening.method import Hardening
from analogsim.inputs.data import load_data
from analogsim.inputs.images import Normalise
from analogsim.inputs.models import Model, load_model
from analogsim.inputs.trained_folder import WEIGHTS_FILE
from analogsim.inputs.weight_file import read_weight_file
from analogsim.training.images import TrainImages
from analogsim.training.method import Steps, kept_epoch
from analogsim.training.recipe import Recipe, default_recipe
from analogsim.training.run import train
from analogsim.training.task import Training
from device_models.pcm import Pcm
from tests.hardening.networks import small

# Five steps an epoch where 80 of them are held out.
pytestmark = pytest.mark.usefixtures("few_digits")
AS_IS = Normalise(divisor=1, mean=(0.0,), std=(1.0,), source="as is")


def method(**changes: Any) -> Hardening:
    injection = Injection(times_s=(86_400.0,))
    return Hardening(
        **{"preset": "pcm", "device": Pcm(), "injection": injection, "held_out": 8, **changes}
    )


def held(n: int = 8) -> TrainImages:
    pixels = torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    return TrainImages(images=pixels, labels=torch.arange(n) % 10, normalise=AS_IS)


def begun(network: nn.Module, *, steps: int = 10, **changes: Any) -> Steps:
    recipe = Recipe(precision="fp32", label_smoothing=changes.pop("smoothing", 0.0))
    return method(**changes).begin(network, recipe, held(), steps)


def test_loss_is_the_divergence_from_the_networks_own_answers() -> None:
    network = small().eval()
    work = begun(network, clip=0.0, distill=0.7, temperature=4.0, smoothing=0.1)
    x, labels = held().images, held().labels
    teacher = network(x).detach()
    logits = torch.randn(8, 10, generator=torch.Generator().manual_seed(2))
    wanted = (teacher / 4).softmax(1)
    divergence = (wanted * (wanted.log() - (logits / 4).softmax(1).log())).sum(1).mean()
    entropy = nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    expected = 0.3 * entropy + 0.7 * 16 * divergence
    torch.testing.assert_close(work.loss(x, logits, labels), expected)
    # The teacher stays what the network was.
    with torch.no_grad():
        network[5].weight.zero_()
    torch.testing.assert_close(work.loss(x, logits, labels), expected)


def test_labels_alone_ask_no_teacher() -> None:
    network = small()
    work = begun(network, distill=0.0)
    logits = torch.randn(8, 10)
    found = work.loss(held().images, logits, held().labels)
    assert torch.equal(found, nn.functional.cross_entropy(logits, held().labels))


def test_each_outputs_weights_are_clipped_at_the_start_and_after_each_step() -> None:
    network = small()
    with torch.no_grad():
        network[5].weight[:, 0] = 3.0
    before = network[5].weight.detach().clone()
    work = begun(network, clip=2.0)
    most = 2.0 * before.std(dim=1, keepdim=True)
    assert torch.equal(network[5].weight, before.clamp(-most, most))
    with torch.no_grad():
        network[0].weight[0, 0, 0, 0] = 5.0
    limit = 2.0 * float(network[0].weight[0].detach().std())
    work.after_()
    assert float(network[0].weight[0].detach().max()) == pytest.approx(limit)
    unclipped = small()
    begun(unclipped, clip=0.0)
    assert torch.equal(unclipped[5].weight, small()[5].weight)


def test_noise_rises_to_its_scale() -> None:
    network = small()
    work = begun(network, steps=10, ramp=0.4, clip=0.0, injection=Injection(scale=2.0))
    seen: list[float] = []
    noise = work._noise  # type: ignore[attr-defined]
    step = noise.step

    def spied(number: int, *, scale: float) -> Any:
        seen.append(scale)
        return step(number, scale=scale)

    noise.step = spied
    for number in range(10):
        with work.step(number):
            pass
    assert seen[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert seen[5:] == [2.0] * 5


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        method(
            array="all",
            backward="both",
            ramp=1.0,
            distill=2.0,
            clip=-1.0,
            temperature=0.0,
            held_out=0,
            chips=0,
            statistics=-1,
        )
    for text in (
        "array must be one of estimated, whole, none, got 'all'",
        "backward must be one of noisy, clean, got 'both'",
        "ramp must be in [0, 1), got 1.0",
        "distill must be in [0, 1], got 2.0",
        "clip must be finite and at least 0, got -1.0",
        "temperature must be finite and above 0, got 0.0",
        "held_out must be at least 2, got 0",
        "chips must be at least 2, got 0",
        "statistics must be at least 0, got -1",
    ):
        assert text in str(caught.value)


def test_a_running_average_is_refused() -> None:
    with pytest.raises(InputError, match=r"recipe ema must be 0 to harden a network, got 0\.9"):
        method().begin(small(), Recipe(ema_decay=0.9), held(), 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("device", ("device", 0.0)),
        ("gaussian:matched", ("matched", 0.0)),
        ("gaussian:3%", ("column", 0.03)),
    ],
)
def test_noise_from_its_text(text: str, expected: tuple[str, float]) -> None:
    assert law_of(text) == expected


@pytest.mark.parametrize(
    "text", ["", "gaussian", "gaussian:3", "gaussian:x%", "gaussian:-3%", "3%"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"training noise must be device, .* got .*gaussian:3%"):
        law_of(text)


def training(**changes: Any) -> Training:
    images = load_data("digits", split="train")
    recipe = replace(
        default_recipe("zoo:digits_cnn", "digits"),
        **{"epochs": 2, "batch_size": 80, "learning_rate": 0.01, "seed": 2},
    )
    return Training(
        model="zoo:digits_cnn",
        train=images,
        test=load_data("digits"),
        recipe=replace(recipe, precision="fp32"),
        command="analogsim harden ...",
        method=method(held_out=80, **changes),
        trained=True,
    )


class BrokenOffError(Exception):
    """Stands in for whatever ends a process."""


def metrics(folder: Path) -> list[dict[str, float]]:
    entries = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in one.items() if key != "seconds"} for one in entries]


ADAPTED = {"layers": ("conv*",), "backward": "clean", "lora": 2, "clip": 0.0}
OTHERWISE = {"layers": ("conv*",), "array": "whole", "backward": "clean"}


@pytest.mark.parametrize(
    ("periphery", "changes"),
    [
        ("ideal", {}),
        pytest.param("standard", {}, marks=pytest.mark.slow),
        pytest.param("standard", OTHERWISE, marks=pytest.mark.slow),
        ("standard", ADAPTED),
    ],
    ids=["ideal", "standard", "otherwise", "adapted"],
)
def test_broken_off_it_ends_as_an_unbroken_one(
    tmp_path: Path, periphery: str, changes: dict[str, Any]
) -> None:
    changes = {"periphery": periphery, **changes}
    made = train(training(**changes), tmp_path / "whole")
    broken = tmp_path / "broken"

    def stop(epoch: int, steps: int, step: int, loss: float) -> None:
        if (epoch, step) == (1, 3):
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        train(training(**changes), broken, on_progress=stop)
    again = train(training(**changes), broken)
    # Learned beside the weights, and kept with them.
    learned = again.get("input_ranges", {})
    assert learned == made.get("input_ranges", {})
    n_convolutions, n_layers = 3, 4
    n = n_convolutions if "layers" in changes else n_layers
    assert len(learned) == (n if periphery == "standard" else 0)
    assert metrics(broken) == metrics(tmp_path / "whole")
    weights = (tmp_path / "whole" / WEIGHTS_FILE).read_bytes()
    assert (broken / WEIGHTS_FILE).read_bytes() == weights
    if "lora" in changes:
        _check_adapted(load_model(str(broken)))
    curve = made["curve"]
    best = curve[kept_epoch(curve)]
    assert made["test_accuracy"] == pytest.approx(best["test_accuracy"])
    assert f"the weights after epoch {best['epoch']:g}" in made["chosen"]
    said = made["recipe"]["hardening"]
    assert said["preset"] == "pcm"
    # What is as it was before stands in no folder of before, and need not stand here.
    assert said.get("array") == {"ideal": None}.get(periphery, changes.get("array", "estimated"))
    assert (said.get("layers"), said.get("backward")) == (
        (["conv*"], "clean") if len(changes) > 1 else (None, None)
    )
    assert curve[0]["steps"] == (480 - 80) // 80


def _check_adapted(made: Model) -> None:
    """Weights on tiles are the bits of before, adapters were trained, and all of it is said."""
    start, now = load_model("zoo:digits_cnn").module.state_dict(), made.module.state_dict()
    for name in ("conv1", "conv2", "conv3"):
        assert torch.equal(now[f"{name}.base.weight"], start[f"{name}.weight"])
        assert float(now[f"{name}.adapter.up.weight"].abs().max()) > 0
    assert torch.equal(now["linear.weight"], start["linear.weight"])
    assert "low-rank adapters (rank 2) beside 3 layers, which are digital" in made.note
    assert set(made.input_ranges) == {"conv1.base", "conv2.base", "conv3.base"}


def test_adapters_leave_weights_alone_and_so_they_are_not_clipped() -> None:
    with pytest.raises(InputError, match=r"clip must be 0 with lora, whose weights stay, got 2\.5"):
        method(lora=4)


ATTENTIVE = """
import torch
from torch import nn


class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.wider = nn.Linear(8, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.cell = nn.GRU(16, 12, batch_first=True)
        self.last = nn.Linear(12, 10)

    def forward(self, images):
        rows = torch.relu(self.wider(images[:, 0]))
        rows = rows + self.attention(rows, rows, rows, need_weights=False)[0]
        return self.last(self.cell(rows)[0][:, -1])


def make():
    torch.manual_seed(1)
    return Attentive()
"""


@pytest.mark.parametrize("periphery", [pytest.param("ideal", marks=pytest.mark.slow), "standard"])
def test_attention_and_recurrent_cells_are_trained_as_they_are(
    tmp_path: Path, periphery: str
) -> None:
    """Rows of an image are its sequence; broken off and gone on with; the file is torch's own."""
    code = tmp_path / "attentive.py"
    code.write_text(ATTENTIVE)
    job = replace(training(periphery=periphery), model=f"{code}:make")
    job = replace(job, recipe=replace(job.recipe, epochs=2, batch_size=80, learning_rate=0.1))
    made = train(job, tmp_path / "whole")

    def stop(epoch: int, steps: int, step: int, loss: float) -> None:
        if (epoch, step) == (1, 3):
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        train(job, tmp_path / "broken", on_progress=stop)
    train(job, tmp_path / "broken")
    assert metrics(tmp_path / "broken") == metrics(tmp_path / "whole")
    path = tmp_path / "whole" / WEIGHTS_FILE
    assert (tmp_path / "broken" / WEIGHTS_FILE).read_bytes() == path.read_bytes()
    start = load_model(job.model).module.state_dict()
    trained = load_model(job.model, weights=path).module.state_dict()
    assert set(read_weight_file(path).tensors) == set(start)
    moved = ("attention.in_proj_weight", "attention.out_proj.weight", "cell.weight_hh_l0")
    assert not any(torch.equal(trained[name], start[name]) for name in moved)
    ranges = made.get("input_ranges", {})
    names = {"attention.q_proj", "attention.out_proj", "cell.ih_l0", "cell.hh_l0", "wider", "last"}
    assert (names <= set(ranges)) == (periphery == "standard")


def test_adapters_lie_beside_the_layers_of_attention_and_cells(tmp_path: Path) -> None:
    code = tmp_path / "attentive.py"
    code.write_text(ATTENTIVE)
    names = ("attention.q_proj", "attention.out_proj", "cell.hh_l0")
    job = replace(training(layers=names, lora=2, clip=0.0), model=f"{code}:make")
    job = replace(job, recipe=replace(job.recipe, epochs=1, batch_size=200, learning_rate=0.1))
    train(job, tmp_path / "made")
    start = load_model(job.model).module.state_dict()
    made = load_model(str(tmp_path / "made"), network=job.model)
    now = made.module.state_dict()
    assert torch.equal(now["attention.q_proj.base.weight"], start["attention.in_proj_weight"][:16])
    assert torch.equal(now["attention.v_proj.weight"], start["attention.in_proj_weight"][32:])
    assert torch.equal(now["cell.hh_l0.base.weight"], start["cell.weight_hh_l0"])
    assert all(float(now[f"{name}.adapter.up.weight"].abs().max()) > 0 for name in names)
    assert not torch.equal(now["cell.hh_l0.base.bias"], start["cell.bias_hh_l0"])
    assert torch.equal(now["cell.ih_l0.bias"], start["cell.bias_ih_l0"])
    assert "low-rank adapters (rank 2) beside 3 layers" in made.note


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([0.8, 0.9, 0.85], 2),  # within the margin of the best
        ([0.8, 0.9, 0.83], 1),  # told apart as worse
        ([0.9, 0.8, 0.85], 2),
        ([0.9, 0.8, 0.8], 0),
        ([0.5], 0),
    ],
)
def test_the_last_epoch_that_is_no_worse_is_kept(scores: list[float], kept: int) -> None:
    assert kept_epoch([{"score": score, "score_margin": 0.06} for score in scores]) == kept


def test_held_out_images_are_not_trained_on() -> None:
    images = held(20)
    rest, out = images.without(5, seed=0)
    both = torch.cat([rest.images, out.images]).flatten(1)
    assert (len(rest.labels), len(out.labels)) == (15, 5)
    assert sorted(both.tolist()) == sorted(images.images.flatten(1).tolist())
    other = images.without(5, seed=1)[1]
    assert not torch.equal(out.images, other.images)


def test_a_network_without_training_is_refused(tmp_path: Path) -> None:
    job = replace(training(), model="zoo:digits_cnn?norm=group")
    with pytest.raises(InputError, match=r"must have trained weights to start from, .*--weights"):
        train(job, tmp_path)


def test_another_noise_does_not_go_on_in_the_folder(tmp_path: Path) -> None:
    train(training(), tmp_path)
    with pytest.raises(Exception, match=r"hardening clip 2\.5 \(asked for: 2\.0\)"):
        train(training(clip=2.0), tmp_path)


def test_a_folder_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    train(training(), tmp_path / "first")
    for job in (training(), replace(training(), trained=False)):
        job = replace(job, model=str(tmp_path / "first"))
        with pytest.raises(InputError, match=r"model to train must be zoo:NAME .*, got the folder"):
            train(job, tmp_path / "second")
    assert not (tmp_path / "second").exists()
