"""The shipped checkpoints are what their provenance says."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from scipy import stats

from analogsim.crossbar.chip.evaluate import evaluate
from analogsim.experiment.statistics.rows import digital_answers
from analogsim.inputs.batching import batches
from analogsim.inputs.data import load_data
from analogsim.inputs.models import load_model
from analogsim.suites.kept import read_kept
from analogsim.training.recipe import Recipe

FOLDER = Path(__file__).parents[2] / "experiments" / "checkpoints"
RESULTS = FOLDER.parent / "results"
# A network with learned input ranges is a folder, which brings them along.
FOLDERS = {path.name for path in FOLDER.iterdir() if path.is_dir()}
NAMES = sorted(FOLDERS | {path.stem for path in FOLDER.glob("*.safetensors")})


def weights(name):
    return (
        FOLDER / name / "weights.safetensors" if name in FOLDERS else FOLDER / f"{name}.safetensors"
    )


def provenance(name):
    return json.loads(weights(name).with_suffix(".json").read_text(encoding="utf-8"))


def load(name):
    return load_model(provenance(name)["model"], weights=weights(name))


def test_each_has_its_provenance():
    assert NAMES == sorted(FOLDERS | {path.stem for path in FOLDER.glob("*.json")})


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_folder_brings_the_ranges_that_were_learned(name):
    made = load_model(str(FOLDER / name))
    assert made.input_ranges == provenance(name)["input_ranges"]
    assert set(made.input_ranges) <= {one for one, _ in made.module.named_modules()}


@pytest.mark.parametrize("name", NAMES)
def test_file_is_the_one_that_was_trained(name):
    said = provenance(name)
    recipe = {key: value for key, value in said["recipe"].items() if key != "hardening"}
    content = weights(name).read_bytes()
    assert said["file"] == weights(name).name
    assert said["sha256"] == hashlib.sha256(content).hexdigest()
    assert said["n_parameters"] == sum(p.numel() for p in load(name).module.parameters())
    # A field that came after this training has the value that changes nothing.
    assert {**Recipe().to_json(), **recipe} == Recipe(**recipe).to_json()
    assert [entry["epoch"] for entry in said["curve"]] == list(range(1, said["epochs"] + 1))


# Kept results that hold the digital network's answers to 2,000 images, and its place there.
ANSWERED = {
    "resnet20_cifar10_batch_s0": ("bn_crossbar_ideal.json", 0),
    "resnet20_cifar10_none_s0": ("bn_crossbar_ideal.json", 1),
    "resnet20_cifar100_batch_s0": ("bn_crossbar_cifar100.json", 0),
}


def measured(name, limit):
    module = load(name).module.to(memory_format=torch.channels_last)
    read = batches(load_data(provenance(name)["data"]), 50, limit)
    return evaluate(
        module, ((x.contiguous(memory_format=torch.channels_last), labels) for x, labels in read)
    )


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_accuracy_on_some_images_goes_with_the_one_that_was_measured(name):
    """500 or 2,000 of the 10,000, by the hypergeometric law at alpha 1e-6; the file's bytes are
    held to its sha256 above.

    Where answers were kept, they are the same image by image. Another processor may round
    otherwise, which can move an image at a class's border: one of 2,000 is allowed. So may small
    batches in channels_last, which take two thirds of the time.
    """
    file, place = ANSWERED.get(name, (None, 0))
    result = measured(name, 2000 if file else 500)
    right = round(10_000 * provenance(name)["test_accuracy"])
    low, high = stats.hypergeom.ppf([5e-7, 1 - 5e-7], 10_000, right, result.n_images)
    assert low <= result.n_correct <= high
    if file:
        _, kept = read_kept(RESULTS / file).networks[place]
        moved = result.values.numpy() != digital_answers(kept.digital_correct, result.n_images)
        assert moved.sum() <= 1
