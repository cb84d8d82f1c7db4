"""Whatever decides a number and changes between a kill and the resumed command is refused."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch.nn import functional

from analogsim.cli.main import run
from analogsim.experiment.digest import digest_of
from analogsim.experiment.header import HEADER_FILE, read_header, write_header
from analogsim.experiment.records import RECORDS_FILE, read_records
from tests.cli.replaced import replaced
from tests.experiment.small import records
from tests.inputs.devices import CELL

FILES = {
    "net.py": "from layer import Net\n\ndef net():\n    return Net()\n",
    "layer.py": (
        "from torch import nn\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.net = nn.Sequential(\n            nn.Conv2d(1, 4, 3), nn.ReLU(),"
        " nn.Flatten(), nn.Linear(144, 10)\n        )\n\n"
        "    def forward(self, x):\n        return self.net(x)\n"
    ),
    "set.py": (
        "from pathlib import Path\nimport numpy as np\nimport torch\n\ndef d():\n"
        "    z = np.load(Path(__file__).with_name('d.npz'))\n"
        "    return torch.utils.data.TensorDataset(*map(torch.from_numpy, (z['x'], z['y'])))\n"
    ),
    "cell.py": CELL,
    "spec.toml": (
        'model = "net.py:net"\nweights = "w.safetensors"\ndata = "set.py:d"\n'
        'presets = ["cell.py:wide"]\ntimes = ["1s", "1d"]\n\n[design]\nchips = 1\n'
    ),
    "suite.toml": (
        'data = "set.py:d"\npresets = ["cell.py:wide"]\ntimes = ["1s", "1d"]\n\n'
        "[design]\nchips = 1\n\n"
        '[[networks]]\nlabel = "a"\nmodel = "net.py:net"\nweights = "w.safetensors"\n'
    ),
}
SHAPES = {"0.weight": (4, 1, 3, 3), "0.bias": (4,), "3.weight": (10, 144), "3.bias": (10,)}
OF = ["net.py:net", "--weights", "w.safetensors", "--data", "set.py:d", "-o", "out"]
CHIPS = [*OF, "--times", "1s,1d", "--chips", "1"]
STUDIES = {
    "drift": ["drift", *CHIPS, "--preset", "cell.py:wide"],
    "compare": ["compare", *CHIPS, "--presets", "cell.py:wide,pcm"],
    "matched": [
        *("compare", *replaced(CHIPS, "--times", "1s"), "--presets", "cell.py:wide"),
        *("--gaussian", "matched"),
    ],
    "attribute": ["attribute", *CHIPS, "--preset", "cell.py:wide", "--only", "sources"],
    "noise": ["noise", *OF, "--scopes", "weights", "--references", "std", "--draws", "2"],
    "run": ["run", "spec.toml", "-o", "out"],
    "suite": ["run", "suite.toml", "-o", "out"],
}


def edited(name: str) -> Callable[[], None]:
    def edit() -> None:
        with Path(name).open("a") as file:
            file.write("# edited\n")

    return edit


def other_weights() -> None:
    path = Path("w.safetensors")
    state = safetensors.numpy.load(path.read_bytes())
    state["net.0.weight"] *= np.float32(1.01)
    path.write_bytes(safetensors.numpy.save(state))


def other_data(*, x: float = 0.0, y: int = 0) -> Callable[[], None]:
    """Change one image, or one label, of those that the digest of few images does not see."""

    def change() -> None:
        kept = dict(np.load("d.npz"))
        kept["x"][2, 0, 3, 3] += np.float32(x)
        kept["y"][2] = (kept["y"][2] + y) % 10
        np.savez("d.npz", **kept)

    return change


KINDS: dict[str, tuple[Callable[[], None], str]] = {
    "network": (edited("net.py"), "network file net.py"),
    "neighbour": (edited("layer.py"), "network file layer.py"),
    "weights": (other_weights, "weights"),
    # There is no training split: the same images serve both.
    "image": (other_data(x=0.1), "images, images for input ranges"),
    "label": (other_data(y=1), "images"),
    "data": (edited("set.py"), "data file set.py"),
}


def answers(images: np.ndarray, state: dict[str, np.ndarray]) -> np.ndarray:
    """What the network says of images (n, 1, 8, 8): a study of it needs some that are right."""
    x, w, b, w_fc, b_fc = map(torch.from_numpy, (images, *state.values()))
    return (functional.conv2d(x, w, b).relu().flatten(1) @ w_fc.T + b_fc).argmax(1).numpy()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with all files and `out`, in which a study was done; made at the first call."""
    made: dict[str, Path] = {}

    def make(study: str) -> Path:
        if study not in made:
            folder = made[study] = tmp_path_factory.mktemp(study)
            for name, text in FILES.items():
                (folder / name).write_text(text)
            draw = np.random.default_rng(1)
            state = {
                f"net.{name}": draw.normal(size=shape, scale=0.3).astype(np.float32)
                for name, shape in SHAPES.items()
            }
            (folder / "w.safetensors").write_bytes(safetensors.numpy.save(state))
            images = draw.normal(size=(24, 1, 8, 8)).astype(np.float32)
            np.savez(folder / "d.npz", x=images, y=answers(images, state))
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                assert run([*STUDIES[study], *(["--workers", "1"])]) == 0
        return made[study]

    return make


@pytest.fixture
def enter(
    begun: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Go to an own copy of `begun`; gives the folder of its run."""

    def into(study: str) -> Path:
        shutil.copytree(begun(study), tmp_path, dirs_exist_ok=True)
        monkeypatch.chdir(tmp_path)
        return Path("out/a" if study == "suite" else "out")

    return into


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("change", "said"), KINDS.values(), ids=KINDS)
def test_a_change_is_refused_in_words_and_nothing_is_lost(
    enter: Callable[[str], Path],
    change: Callable[[], None],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = enter("drift")
    before = contents(out)
    change()
    capsys.readouterr()
    assert run(STUDIES["drift"]) == 2
    assert capsys.readouterr().err.rpartition("error: ")[2] == (
        "run folder out inputs must be those that it was made with, got other "
        f"{said}; restore them, or choose another folder\n"
    )
    assert contents(out) == before


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_refuses_each_of_them(
    enter: Callable[[str], Path], study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = enter(study)
    before = contents(out)
    for change, _ in KINDS.values():
        change()
    edited("cell.py")()
    capsys.readouterr()
    assert run(STUDIES[study]) == 2
    device, ranges = "device file cell.py of my-cell?sigma=0.2", "images for input ranges"
    names = ["weights", device, "images", "network file net.py", "network file layer.py", ranges]
    if study == "noise":
        names = [name for name in names if name not in (device, ranges)]
    assert capsys.readouterr().err.rpartition("error: ")[2] == (
        f"run folder {out} inputs must be those that it was made with, got other "
        f"{', '.join([*names, 'data file set.py'])}; restore them, or choose another folder\n"
    )
    assert contents(out) == before


def cut(out: Path) -> None:
    """As a kill near the end leaves it."""
    (out / "matched.json").unlink(missing_ok=True)
    for path in out.rglob(RECORDS_FILE):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def test_what_was_changed_back_goes_on(
    enter: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = enter("drift")
    whole = records(out)
    cut(out)
    edited("net.py")()
    assert run(STUDIES["drift"]) == 2
    Path("net.py").write_text(FILES["net.py"])
    capsys.readouterr()
    assert run(STUDIES["drift"]) == 0
    assert "fingerprints" not in capsys.readouterr().err
    assert records(out) == whole


def as_made_before(out: Path) -> None:
    """Turn a run's folder into one from before there were fingerprints."""
    header = read_header(out)
    spec = {key: value for key, value in header.spec.items() if key != "inputs"}
    digest = digest_of(spec)
    write_header(out, dataclasses.replace(header, spec=spec, spec_digest=digest))
    # Weight errors were not kept then.
    shutil.rmtree(out / "search" / "weights", ignore_errors=True)
    for path in out.rglob(RECORDS_FILE):
        old = [
            dataclasses.replace(trial, spec_digest=digest) for trial in read_records(path.parent)
        ]
        path.write_text("".join(trial.to_json() + "\n" for trial in old))


@pytest.mark.parametrize("study", ["drift", "matched", "attribute", "noise"])
def test_an_old_folder_is_read_and_goes_on_and_what_is_unknown_is_said(
    enter: Callable[[str], Path], study: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = enter(study)
    as_made_before(out)
    whole = {path: records(path.parent) for path in out.rglob(RECORDS_FILE)}
    header = (out / HEADER_FILE).read_bytes()
    if study == "drift":
        assert run(["report", str(out)]) == 0
    cut(out)
    capsys.readouterr()
    assert run(STUDIES[study]) == 0
    ranges = "" if study == "noise" else "images for input ranges, "
    assert (
        f"warning: run folder {out} was made without fingerprints of its inputs, so these could "
        "not be compared with those of its trials: images (but for 16), network file net.py, "
        f"network file layer.py, {ranges}data file set.py\n"
    ) in capsys.readouterr().err
    assert {path: records(path.parent) for path in whole} == whole
    if study != "matched":
        assert (out / HEADER_FILE).read_bytes() == header
    assert read_header(out).spec_digest == whole[out / RECORDS_FILE][0]["spec_digest"]
    # What the old digest sees is still refused.
    kept = dict(np.load("d.npz"))
    kept["x"][0, 0, 3, 3] += np.float32(0.1)
    np.savez("d.npz", **kept)
    assert run(STUDIES[study]) == 2
    assert "got other pixels of the images; restore" in capsys.readouterr().err


def test_the_training_images_that_set_the_input_ranges_count(
    enter: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    enter("drift")
    kept = np.load("d.npz")
    parts = {"x_test": kept["x"][:12], "y_test": kept["y"][:12]}
    parts |= {"x_train": kept["x"][12:], "y_train": kept["y"][12:]}
    np.savez("e.npz", **parts)
    command = ["drift", "net.py:net", "--data", "npz:e.npz", "--times", "1s", "--chips", "1"]
    assert run([*command, "-o", "e"]) == 0
    parts["x_train"][3, 0, 2, 2] += np.float32(0.1)
    np.savez("e.npz", **parts)
    capsys.readouterr()
    assert run([*command, "-o", "e"]) == 2
    assert "got other images for input ranges; restore them" in capsys.readouterr().err
    # More than one thing, beside another question.
    edited("net.py")()
    assert run([*command, "-o", "e", "--seed", "3"]) == 2
    said = capsys.readouterr().err
    assert "\n  seed: 0 -> 3\n" in said
    assert "\n  other inputs: network file net.py, images for input ranges\n" in said
    assert said.endswith("choose another folder\n")


def test_a_chip_s_folder_counts(
    enter: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Converted anew with other input ranges: the same weights, other numbers."""
    enter("drift")
    convert = ["convert", *OF[:-2], "-o", "chip"]
    assert run(convert) == 0
    command = ["drift", "chip", "--network", "net.py:net", "--data", "set.py:d", "--times", "1s"]
    command += ["--chips", "1", "-o", "of_chip"]
    assert run(command) == 0
    shutil.rmtree("chip")
    images = Path("d.npz").read_bytes()
    other_data(x=3.0)()
    assert run(convert) == 0
    Path("d.npz").write_bytes(images)
    capsys.readouterr()
    assert run(command) == 2
    assert "got other chip file chip.json; restore them" in capsys.readouterr().err
    edited("layer.py")()
    assert run(command) == 2
    assert "got other network file layer.py, chip file chip.json;" in capsys.readouterr().err
