"""Commands on labels, outputs and data sets as people bring them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from analogsim.cli.main import run

ZOO = "zoo:digits_cnn"
CODE = '''
from types import SimpleNamespace

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from analogsim.inputs.models import load_model

torch.manual_seed(0)
BUNCH = load_digits()
IMAGES = torch.tensor(BUNCH.images[:120] / 16, dtype=torch.float32).unsqueeze(1)
IMAGES = (IMAGES - 0.30575) / 0.37622
LABELS = torch.tensor(BUNCH.target[:120])


class Digits(nn.Module):
    """The shipped network, and what is made of its logits."""

    def __init__(self, change):
        super().__init__()
        self.net, self.change = load_model("zoo:digits_cnn").module, change

    def forward(self, x):
        return self.change(self.net(x))


class Changing(Digits):
    def forward(self, x):
        return super().forward(x.sub_(0.1).add_(0.1))


class Items(Dataset):
    def __init__(self, label, noise=0.0):
        self.label, self.noise = label, noise

    def __len__(self):
        return 120

    def __getitem__(self, index):
        image = IMAGES[index]
        return image + self.noise * torch.rand_like(image), self.label(int(LABELS[index]))


def last(z):
    """One output: is it a 5, 6, 7, 8 or 9?"""
    return z[:, 5:].logsumexp(1) - z[:, :5].logsumexp(1)


object_ = lambda: Digits(lambda z: SimpleNamespace(logits=z))
pair = lambda: Digits(lambda z: (z, z.sum()))
odd = lambda: Digits(last)
sigmoid = lambda: Digits(lambda z: last(z).sigmoid())
shifted = lambda: Digits(lambda z: z.roll(1, 1))
constant = lambda: Digits(lambda z: 0 * z + torch.eye(10)[3])
double = lambda: Digits(lambda z: z).double()
changing = lambda: Changing(lambda z: z)

plain = lambda: Items(int)
column = lambda: Items(lambda n: torch.tensor([n]))
one_hot = lambda: Items(lambda n: torch.eye(10)[n])
tensors = lambda: TensorDataset(IMAGES, LABELS[:, None])
halves = lambda: TensorDataset(IMAGES, LABELS >= 5)
random = lambda: Items(int, noise=0.1)
soft = lambda: Items(lambda n: 0.9 * torch.eye(10)[n] + 0.01)
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("b.py").write_text(CODE)
    images = (load_digits().images[:120] * 255 / 16).round().astype(np.uint8)
    labels = load_digits().target[:120, np.newaxis]
    np.savez("m.npz", test_images=images, test_labels=labels)
    return tmp_path


def evaluated(
    capsys: pytest.CaptureFixture[str], model: str, data: str, *more: str
) -> dict[str, object]:
    capsys.readouterr()
    assert run(["evaluate", model, "--data", data, *more, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("model", "data", "more", "notes"),
    [
        (ZOO, "b.py:plain", (), []),
        (ZOO, "b.py:column", (), []),
        (ZOO, "b.py:one_hot", (), []),
        (ZOO, "b.py:tensors", (), []),
        (ZOO, "npz:m.npz", ("--mean", "0.30575", "--std", "0.37622"), []),
        ("b.py:object_", "b.py:plain", (), ["Scored is the output's .logits."]),
        (
            "b.py:pair",
            "b.py:tensors",
            (),
            ["The output has not a row for each", "Scored is tensor 0 of the output's 2."],
        ),
        ("b.py:changing", "b.py:tensors", (), ["The network writes into its input"]),
        ("b.py:double", "b.py:plain", (), []),
        ("b.py:odd", "b.py:halves", (), ["One output an image: above 0 is class 1, anything"]),
    ],
    ids=[
        *("plain", "column", "one-hot", "tensors", "medical npz", "object", "pair", "changing"),
        *("double", "one output"),
    ],
)
def test_the_accuracy_is_the_same_in_every_form(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    model: str,
    data: str,
    more: tuple[str, ...],
    notes: list[str],
) -> None:
    found = evaluated(capsys, model, data, *more)
    assert found["n_images"] == 120
    # The shipped network gets 118 or more of these right in each form.
    assert 118 <= found["n_correct"] <= 120  # type: ignore[operator]
    assert isinstance(found["notes"], list)
    assert len(found["notes"]) == len(notes)
    assert all(said.startswith(note) for said, note in zip(found["notes"], notes, strict=True))


SMALL = ("--times", "1s", "--chips", "1", "--workers", "1", "-o", "out")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("evaluate", ZOO, "--data", "b.py:random"), r"b\.py:random' image 0 must be the same"),
        (("convert", ZOO, "--data", "b.py:random", "--dry-run"), r"image 0 must be the same each"),
        (("drift", ZOO, "--data", "b.py:random", *SMALL), r"image 0 must be the same each time"),
        (
            ("noise", ZOO, "--data", "b.py:random", "--etas", "5%", "--draws", "1", "-o", "out"),
            r"image 0 must be the same each time it is read, got another at the second",
        ),
        (("evaluate", ZOO, "--data", "b.py:soft"), r"soft labels of the shape \(1, 10\) must be"),
        (("evaluate", "b.py:odd", "--data", "b.py:plain"), r"labels must be from 0 to 1, got \d"),
        (("evaluate", "b.py:odd", "--data", "digits"), r"as many classes as each other, got 2 and"),
        (("evaluate", "b.py:sigmoid", "--data", "b.py:halves"), r"as of a sigmoid; return the val"),
        (
            ("noise", "b.py:shifted", "--data", "b.py:plain", "--limit", "9", "-o", "out"),
            r"noise study must have a digital network whose accuracy is above 0, got 0 on 9 ima",
        ),
        (("drift", "b.py:sigmoid", "--data", "b.py:halves", *SMALL), r"as of a sigmoid; return"),
    ],
    ids=[
        *("evaluate random", "convert random", "drift random", "noise random", "soft labels"),
        *("one output, ten labels", "one output, ten classes", "sigmoid"),
        *("none right", "drift sigmoid"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_it_is(
    here: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], message: str
) -> None:
    assert run([*command]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.search(message, said.err)
    assert "Traceback" not in said.err
    assert not Path("out", "run.json").exists()


def test_a_doubtful_accuracy_is_pointed_out_by_evaluate(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "b.py:shifted", "--data", "b.py:plain"]) == 0
    said = capsys.readouterr()
    assert re.search(r"^b\.py:shifted: accuracy 0\.00 % \(0 of 120", said.out)
    assert re.search(
        r"^warning: The digital network's accuracy, 0 % of 120 images, is no better than guessing "
        r"among 10 classes: with its classes in another order \d+(\.\d+)? % would be right: number "
        r"them as in its training\.$",
        said.err,
        flags=re.MULTILINE,
    )


@pytest.mark.parametrize(
    "command",
    [
        ("drift", *SMALL),
        ("compare", "--presets", "pcm", "--gaussian", "matched", *SMALL),
        ("attribute", "--only", "sources", *SMALL),
        ("noise", "--etas", "5%", "--draws", "1", "-o", "out"),
    ],
    ids=lambda command: command[0],
)
def test_a_study_of_a_doubtful_network_warns_at_its_begin_and_notes_it(
    here: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    name, *more = command
    assert run([name, "b.py:constant", "--data", "b.py:plain", *more]) == 0
    said = capsys.readouterr().err
    warnings = re.findall(r"warning: (the digital network says class 3 for every image.*)", said)
    assert len(warnings) == 1
    notes = json.loads(Path("out/run.json").read_text())["notes"]
    assert f"Doubtful: {warnings[0]}." in notes


def test_a_study_reads_one_output_an_image(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drift", "b.py:odd", "--data", "b.py:halves", *SMALL]) == 0
    header = json.loads(Path("out/run.json").read_text())
    assert header["digital"]["n_correct"] >= 118
    assert "One output an image: above 0 is class 1, anything else class 0." in header["notes"]
    assert "warning" not in capsys.readouterr().err
