"""How much a command says: `-q` and `-v`."""

import re
from pathlib import Path

import pytest

from analogsim.cli.main import COMMANDS, run
from tests.cli.test_command import command_named
from tests.cli.tiny import IMAGES, NET, ON

COMMAND = ["drift", "zoo:digits_cnn", "--data", "digits", "--limit", "12", "--times", "1s"]
COMMAND += ["--chips", "2", "--compensation", "none", "--workers", "1"]


def told(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    capsys.readouterr()
    assert run([*COMMAND, *words, "-o", str(folder)]) == 0
    captured = capsys.readouterr()
    return captured.out.replace(str(folder), "DIR"), captured.err


def test_quiet_has_results_alone_and_verbose_every_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual, notes = told([], tmp_path / "usual", capsys)
    assert "data: digits: test split, 360 images" in notes
    assert told(["-q"], tmp_path / "quiet", capsys) == (usual, "")
    results, said = told(["--verbose"], tmp_path / "verbose", capsys)
    assert results == usual
    assert said.startswith(notes)
    lines = [
        one for one in said.splitlines() if one.startswith("[") or one == said.splitlines()[-1]
    ]
    trials = [re.sub(r"^\[\d+\.\d s\] ", "", line) for line in lines[:-1]]
    assert trials == ["digital", "1/2 pcm chip 0", "2/2 pcm chip 1"]
    assert re.fullmatch(
        r"\d+\.\d s in all, with analogsim \S+, aihwkit \S+, torch \S+.*", lines[-1]
    )


def test_warnings_and_errors_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bits = ["--periphery", "standard?adc_bits=4", "-q", "-o", str(tmp_path / "o")]
    few = [word if word != "none" else "global" for word in COMMAND]
    assert run([*few[:7], "1d", *few[8:], *bits]) == 0
    assert capsys.readouterr().err.startswith("warning: compensation 'global' misleads")
    assert run([*COMMAND, "-q", "--seed", "-1", "-o", str(tmp_path / "p")]) == 2
    assert "seed must be at least 0, got -1" in capsys.readouterr().err


def test_both_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*COMMAND, "-q", "-v", "-o", str(tmp_path / "o")]) == 2
    assert "--quiet and --verbose must not stand together, got both" in capsys.readouterr().err


RESULTS_ALONE = {"presets", "zoo", "data", "figures", "doctor", "completion"}
"""They tell neither progress nor notes: there is nothing to leave out, and nothing is computed."""
USUAL = [*ON, "--limit", "12"]
ONE = [*USUAL, "--chips", "1", "--workers", "1"]
NETWORK, DATA = r"read: network \S+tiny\.py:net, code from \S+;", r"read: data from \S+tiny\.py"
PLAN = r"layer 4 \(Linear, 8 x 64\): arrays of rows x columns: 1 of 512 x 8 \(64 x 8 "
SHIPPED = (
    r"read: network zoo:digits_cnn; weights shipped with analogsim \(digits_cnn-batch\.saf",
    r"read: data from \S*sklearn",
    r"layer conv2 \(Conv2d, 32 x 16 x 3 x 3\): arrays of rows x columns: 1 of 512 x 32 \(144 x 32 ",
    r"layer bn1 .*: digital: norm",
)
EVERY = {
    "demo": (["--chips", "1", "--workers", "1"], SHIPPED),
    "convert": (["zoo:digits_cnn", "--data", "digits", "--dry-run"], SHIPPED),
    "drift": ([*ONE, "--times", "1s"], (NETWORK, DATA, PLAN, r"1/1 pcm chip 0")),
    "compare": ([*ONE, "--times", "1s", "--presets", "pcm,ideal"], (NETWORK, DATA, PLAN)),
    "attribute": ([*ONE, "--times", "1s", "--only", "sources", "--top", "1"], (NETWORK, PLAN)),
    "run": (["SPEC", "--workers", "1"], (r"read: spec from \S+spec\.toml", NETWORK, DATA, PLAN)),
    "noise": ([*USUAL, "--etas", "5%", "--draws", "1", "--workers", "1"], (NETWORK, DATA)),
    "train": (["zoo:digits_cnn", "--data", "digits", "--epochs", "1"], (SHIPPED[1],)),
    "harden": (
        [*ONE, "--times", "1s", "--epochs", "1", "--batch-size", "32", "--crop", "0"],
        (NETWORK, DATA, PLAN, r"network 2 of 2"),
    ),
    "centre": ([*USUAL[:3], "--images", "4"], (NETWORK, DATA)),
    "evaluate": (USUAL, (NETWORK, DATA)),
    "report": (["PART"], (r"read: run from \S+part",)),
    "merge": (["PART", "OTHER"], (r"read: run from \S+part\n", r"read: run from \S+other\n")),
    "export": (
        ["CHIP", "--network", NET, "--to", "zigzag", *USUAL[1:3]],
        (r"read: chip and network from", PLAN),
    ),
}
WITHOUT_FOLDER = {"convert", "evaluate", "report"}
AGAIN = {"merge", "export"}


def test_every_command_that_tells_has_both() -> None:
    for name in COMMANDS:
        options = {option for one in command_named(name).params for option in one.opts}
        assert (name in RESULTS_ALONE) != ({"-q", "-v"} <= options), name
    assert {*EVERY} == {*COMMANDS} - RESULTS_ALONE


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("there")
    for name, chips in (("part", "0-0"), ("other", "1-1")):
        words = ["drift", *USUAL, "--times", "1s", "--chips", chips, "--workers", "1", "-q"]
        assert run([*words, "-o", str(folder / name)]) == 0
    words = ["convert", *USUAL[:3], "-q", "-o", str(folder / "chip")]
    assert run(words) == 0
    (folder / "spec.toml").write_text(
        f'model = "{NET}"\ndata = "{IMAGES}"\npresets = ["pcm"]\ntimes = ["1s"]\n'
        "limit = 12\n[design]\nchips = 1\n"
    )
    names = {"PART": "part", "OTHER": "other", "CHIP": "chip", "SPEC": "spec.toml"}
    return {word: str(folder / name) for word, name in names.items()}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in {"demo", "train", "harden"} else name
        for name in EVERY
    ],
)
def test_quiet_says_nothing_and_verbose_what_is_read_and_where_it_lies(
    name: str, there: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, said = EVERY[name]
    command = [name, *(there.get(word, word) for word in words)]

    def out(folder: str) -> list[str]:
        return [] if name in WITHOUT_FOLDER else ["-o", str(tmp_path / folder)]

    capsys.readouterr()
    assert run([*command, "-q", *out("o")]) == 0
    assert capsys.readouterr().err == ""
    assert run([*command, "-v", *out("again" if name in AGAIN else "o")]) == 0
    told = capsys.readouterr().err
    if name == "drift":
        # The folder is finished: nothing is left to do in it.
        assert run([*command, "-v", *out("again")]) == 0
        told = capsys.readouterr().err
    for pattern in said:
        assert re.search(pattern, told), told
