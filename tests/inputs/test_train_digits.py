"""Training the shipped network, shortened."""

import json
from pathlib import Path

import pytest
import torch

from analogsim.inputs import load_data, load_model
from analogsim.inputs.train_digits import Recipe, _shift, accuracy, main, train_digits


def test_two_epochs_already_learn_and_repeat_bit_for_bit() -> None:
    torch.manual_seed(9)
    before = torch.get_rng_state()
    first = train_digits("batch", Recipe(epochs=2))
    second = train_digits("batch", Recipe(epochs=2))
    assert torch.equal(torch.get_rng_state(), before)
    other = second.state_dict()
    assert all(torch.equal(tensor, other[key]) for key, tensor in first.state_dict().items())
    # Chance is 0.1; with n = 360, its 1e-4 upper bound is below 0.17.
    assert accuracy(first, load_data("digits")) > 0.8


def test_the_script_writes_weights_that_load_and_their_provenance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--out", str(tmp_path), "--epochs", "1"])
    assert "digits_cnn-batch.safetensors: test accuracy 0." in capsys.readouterr().out
    for norm in ("batch", "none"):
        stated = json.loads((tmp_path / f"digits_cnn-{norm}.json").read_text())
        assert stated["recipe"]["epochs"] == 1
        weights = tmp_path / stated["file"]
        module = load_model(stated["model"], weights=weights).module
        assert accuracy(module, load_data("digits")) == stated["test_accuracy"]


def test_shifted_images_keep_what_stays_inside() -> None:
    torch.manual_seed(0)
    image = torch.arange(16.0).view(1, 1, 4, 4).expand(200, 1, 4, 4)
    shifted = _shift(image, 1, -1.0)
    padded = torch.nn.functional.pad(image[:1], (1,) * 4, value=-1.0)[0, 0]
    windows = [padded[r : r + 4, c : c + 4] for r in range(3) for c in range(3)]
    seen = [next(n for n, w in enumerate(windows) if torch.equal(w, s[0])) for s in shifted]
    # 200 draws of 9 windows: one is missing with a chance below 9 * (8 / 9) ** 200 = 1e-9.
    assert set(seen) == set(range(9))
