"""What is said of networks and data sets without torch is what they are."""

import json
from pathlib import Path

import pytest

from analogsim.cli.main import run
from analogsim.inputs.cifar import CIFAR
from analogsim.inputs.digits import N_CLASSES, read_digits
from analogsim.inputs.known import DATA, NETWORKS, NORM_NAMES, shipped_norms
from analogsim.inputs.norms import NORMS
from analogsim.inputs.zoo import parse_zoo


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_parameters_that_are_said(name: str) -> None:
    built = parse_zoo(f"zoo:{name}").build()
    assert sum(one.numel() for one in built.parameters()) == NETWORKS[name].parameters
    shipped = [n for n in NORM_NAMES if parse_zoo(f"zoo:{name}?norm={n}").shipped_weights]
    assert list(shipped_norms(name)) == shipped
    assert shipped == (["batch", "none"] if name == "digits_cnn" else [])


def test_norms_are_those_that_are_made() -> None:
    assert tuple(NORMS) == NORM_NAMES


def test_data_sets_are_what_is_said() -> None:
    digits = DATA["digits"]
    assert digits.classes == N_CLASSES
    for split, count in digits.images.items():
        images, labels = read_digits(split)
        assert (len(labels), tuple(images.shape[1:])) == (count, digits.input_shape)
    assert set(DATA) == {"digits", *CIFAR}
    for name, cifar in CIFAR.items():
        files = {split: [file.name for file in found] for split, found in cifar.files.items()}
        assert [*files["train"], *files["test"]] == list(DATA[name].files)
        counts = {s: sum(one.count for one in found) for s, found in cifar.files.items()}
        assert counts == DATA[name].images


def test_a_data_set_is_found_or_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANALOGSIM_DATA", raising=False)
    folder = tmp_path / "cifar-100-python"

    def state(*words: str) -> tuple[dict[str, object], str]:
        assert run(["data", "--json", *words]) == 0
        sets = {one["name"]: one for one in json.loads(capsys.readouterr().out)["sets"]}
        assert sets["digits"]["there"]
        assert run(["data", *words]) == 0
        return sets["cifar100"], capsys.readouterr().out

    found, said = state()
    assert (found["place"], found["there"]) == (None, False)
    assert "not there: no --data-dir or ANALOGSIM_DATA; name the folder" in said
    found, said = state("--data-dir", str(tmp_path))
    assert found["missing"] == [str(folder)]
    assert f"not there: no {folder}; --download fetches it" in said
    folder.mkdir()
    (folder / "train").touch()
    monkeypatch.setenv("ANALOGSIM_DATA", str(tmp_path))
    found, said = state()
    assert (found["missing"], found["place"]) == (["test"], str(folder))
    (folder / "test").touch()
    found, said = state()
    assert found["there"]
    assert f"there: {folder}" in said


def test_the_zoo_says_parameters_weights_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "25,978 parameters, 10 classes, 1 x 8 x 8 images, 3 stages" in said
    assert "trained weights: norm=batch, norm=none" in said
    assert "trained weights: none, give --weights" in said
    assert "norm=batch|none|l1|topk|group" in said
