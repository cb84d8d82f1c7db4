"""Whole trainings on the digits: broken off anywhere they end as unbroken ones, bit for bit."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from analogsim.errors import InputError, OutputError
from analogsim.inputs.data import load_data
from analogsim.inputs.images import TensorImages
from analogsim.inputs.models import load_model
from analogsim.inputs.trained_folder import PROVENANCE_FILE, WEIGHTS_FILE
from analogsim.training.plan import PLAN_FILE
from analogsim.training.recipe import default_recipe
from analogsim.training.run import train
from analogsim.training.state import STATE_FILE
from analogsim.training.task import Training, images_in_memory, measure

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ROOT = Path(__file__).parents[2]
# Its dropout draws from torch's global generator.
NETWORK = """
from torch import nn

def net():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(128, 10),
    )
"""
# argv: folder, where to die ("step" or "log"), then the network. Epochs and steps count from 0.
KILLED = """
import os, signal, sys
from pathlib import Path
from analogsim.training import train as run
from analogsim.training.run import append_epoch
import analogsim.training.run as module
from tests.training.test_run import training

folder, where, model = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def log_then_die(folder, entry):
    length = append_epoch(folder, entry)
    if entry["epoch"] == 3:
        die()
    return length

if where == "log":
    module.append_epoch = log_then_die


def on_progress(epoch, steps, step, loss):
    if where == "step" and (epoch, step) == (2, 7):
        die()

run(training(model), Path(folder), on_progress=on_progress)
"""


def training(model, **changes):
    recipe = replace(
        default_recipe(model, "digits"), **{"epochs": 4, "ema_decay": 0.9, "seed": 3, **changes}
    )
    return Training(
        model=model,
        train=load_data("digits", split="train"),
        test=load_data("digits"),
        recipe=recipe,
        command="analogsim train ...",
    )


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(NETWORK)
    return f"{path}:net"


def metrics(folder):
    entries = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in entries]


def same(one, other):
    """Metrics and weights bit for bit; wall times differ."""
    assert metrics(one) == metrics(other)
    assert (one / WEIGHTS_FILE).read_bytes() == (other / WEIGHTS_FILE).read_bytes()


class BrokenOffError(Exception):
    """Stands in for whatever ends a process."""


def break_at(*address):
    def on_progress(epoch, steps, step, loss):
        if (epoch, step) == address:
            raise BrokenOffError

    return on_progress


def test_broken_off_twice_ends_as_unbroken(tmp_path, model):
    train(training(model), tmp_path / "whole")
    broken = tmp_path / "broken"
    for address in ((0, 5), (2, 3)):
        with pytest.raises(BrokenOffError):
            train(training(model), broken, on_progress=break_at(*address))
        # Whatever else the process drew in between must not matter.
        torch.rand(address[0] + 1)
    train(training(model), broken)
    same(tmp_path / "whole", broken)
    assert [entry["epoch"] for entry in metrics(broken)] == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["step", "log"])
def test_killed_process_is_taken_up(tmp_path, model, where):
    """kill -9 in the middle of an epoch, and between its line in the log and its state."""
    broken = tmp_path / "broken"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(broken), where, model],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(metrics(broken)) == (2 if where == "step" else 3)
    assert not (broken / WEIGHTS_FILE).exists()
    train(training(model), broken)
    train(training(model), tmp_path / "whole")
    same(tmp_path / "whole", broken)


def test_provenance_says_everything(tmp_path):
    seen = []
    job = training("zoo:digits_cnn?norm=none", ema_decay=0.0)
    made = train(job, tmp_path, on_epoch=seen.append)
    assert made == json.loads((tmp_path / PROVENANCE_FILE).read_text())
    assert made["recipe"] == job.recipe.to_json()
    assert made["curve"] == seen
    assert [entry["epoch"] for entry in seen] == [1, 2, 3, 4]
    assert seen[-1]["steps"] == 4 * (1437 // 64)
    content = (tmp_path / WEIGHTS_FILE).read_bytes()
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert made["n_parameters"] == sum(
        tensor.numel() for tensor in safetensors.torch.load(content).values()
    )
    assert {key: made[key] for key in ("model", "data", "epochs", "command", "device")} == {
        "model": "zoo:digits_cnn?norm=none",
        "data": "digits",
        "epochs": 4,
        "command": "analogsim train ...",
        "device": "cpu",
    }
    assert made["normalisation"] == job.test.normalisation
    assert made["train_images"] == "train split, 1437 images"
    assert made["test_images"] == "test split, 360 images"
    assert {"analogsim", "python", "torch", "numpy", "safetensors"} == set(made["versions"])
    loaded = load_model(job.model, weights=tmp_path / WEIGHTS_FILE)
    assert made["test_accuracy"] == measure(loaded, job.test).accuracy
    assert made["test_accuracy"] > 0.85
    assert not (tmp_path / STATE_FILE).exists()


def test_finished_training_is_not_done_again(tmp_path, model):
    first = train(training(model, epochs=1), tmp_path / "t")
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "t").iterdir()}
    assert train(training(model, epochs=1), tmp_path / "t") == first
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "t").iterdir()} == times


def test_half_precision_of_a_finished_training(tmp_path, model):
    """Matrices shrink, vectors stay; asked again, nothing is written."""
    folder = tmp_path / "t"
    full = train(training(model, epochs=2), folder)
    assert full["stored"] == "float32"
    before = safetensors.torch.load((folder / WEIGHTS_FILE).read_bytes())
    job = replace(training(model, epochs=2), half=True)
    made = train(job, folder)
    assert made["stored"] == "float16"
    about_the_file = {"stored", "sha256", "test_accuracy", "test_nan"}
    assert {k: v for k, v in made.items() if k not in about_the_file} == {
        k: v for k, v in full.items() if k not in about_the_file
    }
    content = (folder / WEIGHTS_FILE).read_bytes()
    assert made["sha256"] == hashlib.sha256(content).hexdigest() != full["sha256"]
    after = safetensors.torch.load(content)
    for name, tensor in before.items():
        narrow = torch.float16 if tensor.dim() > 1 else tensor.dtype
        assert after[name].dtype == narrow
        assert torch.equal(after[name], tensor.to(narrow))
    loaded = load_model(job.model, weights=folder / WEIGHTS_FILE)
    assert {p.dtype for p in loaded.module.parameters()} == {torch.float32}
    assert made["test_accuracy"] == measure(loaded, job.test).accuracy
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert train(job, folder) == made
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == times


def test_half_precision_that_moves_the_accuracy_is_not_taken(tmp_path, model, monkeypatch):
    """The last layer is too small for float16: there, its bias alone would decide."""
    folder = tmp_path / "t"
    full = train(training(model, epochs=1), folder)
    weights = safetensors.torch.load((folder / WEIGHTS_FILE).read_bytes())
    for name in ("6.weight", "6.bias"):
        weights[name] *= 1e-9
    (folder / WEIGHTS_FILE).write_bytes(safetensors.torch.save(weights))
    made = train(replace(training(model, epochs=1), half=True), folder)
    assert made["stored"] == "float32"
    assert made["curve"] == full["curve"]
    after = safetensors.torch.load((folder / WEIGHTS_FILE).read_bytes())
    assert all(torch.equal(after[name], weights[name]) for name in weights)


def test_other_recipe_is_refused(tmp_path, model):
    folder = tmp_path / "t"
    with pytest.raises(BrokenOffError):
        train(training(model), folder, on_progress=break_at(1, 1))
    before = (folder / PLAN_FILE).read_bytes()
    with pytest.raises(
        OutputError,
        match=r"recipe epochs 4 \(asked for: 6\); recipe seed 3 \(asked for: 5\); ask for the same",
    ):
        train(training(model, epochs=6, seed=5), folder)
    assert (folder / PLAN_FILE).read_bytes() == before


def other_data(data, *, pixel=0, label=0):
    """The data with another pixel, or another label, in one image."""
    had = data.dataset
    images, labels = had.images.clone(), had.labels.clone()
    images[5, 0, 3, 3] += pixel
    labels[5] = (labels[5] + label) % 10
    return replace(data, dataset=TensorImages(images, labels, had.normalise))


def edit(job):
    with Path(job.model.partition(":")[0]).open("a") as file:
        file.write("# edited\n")
    return job


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda job: replace(job, train=other_data(job.train, pixel=1)), "training images"),
        (lambda job: replace(job, train=other_data(job.train, label=1)), "training images"),
        (lambda job: replace(job, test=other_data(job.test, label=1)), "test images"),
        (edit, "network file net.py"),
    ],
    ids=["pixel", "label", "test-label", "network"],
)
def test_other_inputs_are_refused_and_nothing_is_lost(tmp_path, model, change, said):
    folder = tmp_path / "t"
    with pytest.raises(BrokenOffError):
        train(training(model), folder, on_progress=break_at(1, 1))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OutputError, match=f"is asked for, got other {said}; ask for the same"):
        train(change(training(model)), folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_seeds_start_apart_and_repeat(tmp_path, model):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(training(model, epochs=1, seed=seed), tmp_path / name)
    same(tmp_path / "a", tmp_path / "b")
    assert metrics(tmp_path / "a") != metrics(tmp_path / "c")


def test_loss_that_runs_away_stops_in_words(tmp_path):
    job = training("zoo:digits_cnn?norm=none", clip_norm=0.0, learning_rate=1e6, epochs=3)
    with pytest.raises(InputError, match=r"loss must be finite, got (nan|inf) at epoch 1 step \d+"):
        train(job, tmp_path / "t")
    assert not (tmp_path / "t" / WEIGHTS_FILE).exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 2000}, r"batch_size must be at most the 1437 images of 'digits', got 2000"),
        ({"crop": 8}, r"crop must be below the 8 pixels of an image of 'digits', got 8"),
    ],
    ids=["batch", "crop"],
)
def test_recipe_that_does_not_fit_the_data_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        train(training("zoo:digits_cnn", **changes), tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_data_that_are_not_in_memory_are_refused(tmp_path):
    job = training("zoo:digits_cnn")
    whole = torch.utils.data.TensorDataset(torch.zeros(9, 1, 8, 8), torch.arange(9))
    listed = torch.utils.data.Subset(whole, range(8))
    with pytest.raises(InputError, match=r"'digits' must be held in memory .* got Subset;"):
        train(replace(job, train=replace(job.train, dataset=listed)), tmp_path / "t")


def test_inputs_that_are_no_images_are_refused(tmp_path):
    job = training("zoo:digits_cnn")
    flat = replace(job.train, input_shape=(64,))
    with pytest.raises(InputError, match=r"must be images .*, got inputs of shape \(64,\);"):
        images_in_memory(flat, job.recipe, torch.device("cpu"))


def test_network_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"got 7 and 10; choose data"):
        train(training("zoo:digits_cnn?classes=7"), tmp_path / "t")


def test_devices(monkeypatch):
    job = training("zoo:digits_cnn")
    with pytest.raises(InputError, match="device must be cpu or cuda, got 'tpu'; choose one"):
        replace(job, device="tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="one that torch finds, got 'cuda'; train on the cpu"):
        replace(job, device="cuda")
