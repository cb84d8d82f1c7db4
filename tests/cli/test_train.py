"""`analogsim train` and `analogsim evaluate` from end to end, on the digits."""

import json
import re

import pytest

from analogsim.cli.estimate import Memory
from analogsim.cli.main import run
from analogsim.cli.train_progress import TrainProgress, duration
from analogsim.training import precision
from tests.cli.replaced import replaced

pytestmark = pytest.mark.usefixtures("few_digits")


def train(folder, *args):
    usual = ["train", "zoo:digits_cnn", "--data", "digits", "--epochs", "2", "-o", str(folder)]
    return run(replaced(usual, *args))


def evaluate(*args):
    return run(["evaluate", "zoo:digits_cnn", "--data", "digits", *args])


def test_trains_and_evaluates_to_the_same_accuracy(tmp_path, capsys):
    assert train(tmp_path, "--json", "--seed", "4", "--lr", "0.05", "--no-flip") == 0
    out, err = capsys.readouterr()
    provenance = json.loads(out)
    assert (provenance.pop("format"), provenance.pop("version")) == ("analogsim-training-result", 1)
    assert provenance == json.loads((tmp_path / "weights.json").read_text())
    recipe = provenance["recipe"]
    assert (recipe["seed"], recipe["learning_rate"], recipe["epochs"]) == (4, 0.05, 2)
    assert (recipe["batch_size"], recipe["crop"]) == (64, 1)
    assert re.search(r"^epoch 2/2 done in \d s: loss \d\.\d+, train [\d.]+ %, test", err, re.M)

    weights = str(tmp_path / "weights.safetensors")
    assert evaluate("--weights", weights, "--json") == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["accuracy"] == provenance["test_accuracy"]
    assert measured["n_correct"] == round(120 * measured["accuracy"])
    assert (measured["n_images"], measured["n_nan"]) == (120, 0)
    assert measured["weights"] == f"weights from {weights}"
    assert measured["normalisation"] == provenance["normalisation"]


def test_products_are_in_what_the_processor_has(tmp_path, monkeypatch):
    for in_hardware in (False, True):
        # The second time, the training that is there decides.
        monkeypatch.setattr(precision, "has_bfloat16", lambda has=in_hardware: has)
        assert train(tmp_path, "--epochs", "1") == 0
        provenance = json.loads((tmp_path / "weights.json").read_text())
        assert provenance["recipe"]["precision"] == "fp32"
    assert train(tmp_path, "--epochs", "1", "--dtype", "bf16") == 2


def test_says_where_the_weights_are(tmp_path, capsys):
    assert train(tmp_path / "t", "--epochs", "1") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"zoo:digits_cnn: test accuracy \d+\.\d\d % after 1 epochs", first)
    assert second == str(tmp_path / "t" / "weights.safetensors")


def test_other_recipe_exits_2_with_the_difference(tmp_path, capsys):
    assert train(tmp_path) == 0
    assert train(tmp_path, "--seed", "1") == 2
    assert "got recipe seed 0 (asked for: 1); ask for the same" in capsys.readouterr().err
    assert train(tmp_path, "--no-resume") == 2
    assert "must be an empty folder, got one that holds" in capsys.readouterr().err


def test_wrong_recipe_exits_2(tmp_path, capsys):
    assert train(tmp_path, "--lr", "-1") == 2
    assert "learning_rate must be above 0 and at most 1e+30, got -1.0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_evaluate_prints_counts(capsys):
    assert evaluate("--limit", "50") == 0
    line = capsys.readouterr().out.strip()
    assert re.fullmatch(
        r"zoo:digits_cnn: accuracy \d+\.\d\d % \(\d+ of 50 images; 0 with NaN outputs\)", line
    )


def test_evaluate_refuses_an_untrained_network(capsys):
    assert run(["evaluate", "zoo:resnet20", "--data", "digits"]) == 2
    assert "zoo:resnet20 must have trained weights, got untrained" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (89, "89 s"),
        (95, "2 min"),
        (5390, "1 h 30 min"),
        (3600 * 3 + 300, "3 h 5 min"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_the_estimate_leaves_out_the_slow_first_steps(monkeypatch, capsys):
    """Two of 10 s and the rest of 0.1 s: known after eight of these, 990 more in 99 s."""
    now = [0.0]
    monkeypatch.setattr("analogsim.cli.train_progress.monotonic", lambda: now[0])
    progress = TrainProgress([1, 1])
    for step in range(1, 11):
        now[0] += 10 if step < 3 else 0.1
        assert not capsys.readouterr().err.count("estimate")
        progress.step(0, 500, step, 0.5)
    assert "estimate: about 2 min for 990 more steps" in capsys.readouterr().err


def test_time_left_knows_that_whole_images_take_longer(monkeypatch, capsys):
    """Of 2 epochs of 10 steps, a step of the second takes four times as long: 5 of 12 s are done,
    5 are left, and 10 of 48 s."""
    now = [0.0]
    monkeypatch.setattr("analogsim.cli.train_progress.monotonic", lambda: now[0])
    progress = TrainProgress([1, 4])
    for step in range(1, 6):
        now[0] += 12
        progress.step(0, 10, step, 0.5)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "epoch 1/2, step 3/10, loss 0.500, about 9 min left"
    now[0] += 12
    progress.step(0, 10, 6, 0.25)
    # 4 steps of 12 s, 10 of 48 s: 528 s.
    assert capsys.readouterr().err == "epoch 1/2, step 6/10, loss 0.250, about 9 min left\n"


def test_time_left_counts_from_this_start(monkeypatch, capsys):
    """Taken up after 2 of 4 epochs of 10 steps: 12 s a step, so 17 more in 204 s."""
    now = [1000.0]
    monkeypatch.setattr("analogsim.cli.train_progress.monotonic", lambda: now[0])
    held = Memory(used_gib=1.25, processes=1, free_gib=None)
    monkeypatch.setattr("analogsim.cli.train_progress.memory_now", lambda: held)
    progress = TrainProgress([1, 1, 1, 1])
    for step in range(1, 6):
        now[0] += 12
        progress.step(2, 10, step, 0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "estimate: about 3 min for 17 more steps, with 1.2 GiB of memory in 1 process",
        "epoch 3/4, step 3/10, loss 0.500, about 3 min left",
    ]
    now[0] += 12
    progress.step(2, 10, 6, 0.25)
    assert capsys.readouterr().err == "epoch 3/4, step 6/10, loss 0.250, about 3 min left\n"
