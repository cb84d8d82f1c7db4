"""Completion after Tab, through click's own interface and in a real bash."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from analogsim.cli.complete import FORMAT_NAMES, PERIPHERY_NAMES
from analogsim.cli.completion import SHELLS, Bash
from analogsim.cli.main import COMMANDS, PROGRAM, VARIABLE, cli, run
from analogsim.crossbar.mapping.periphery import PERIPHERIES
from analogsim.export import FORMATS
from analogsim.inputs.cifar import CIFAR
from analogsim.inputs.names import DATA_NAMES, ZOO_NAMES
from analogsim.inputs.zoo import ZOO
from device_models.registry import DEVICES

ROOT = Path(__file__).parents[2]


def offered(*words: str) -> list[str]:
    """What is offered for the last word, files left aside."""
    shell = Bash(cli, {}, PROGRAM, VARIABLE)
    items = shell.get_completions(list(words[:-1]), words[-1])
    return [item.value for item in items if item.type == "plain"]


def test_the_lists_are_the_library_s() -> None:
    assert tuple(ZOO) == ZOO_NAMES
    assert ("digits", *CIFAR) == DATA_NAMES
    assert set(PERIPHERIES) == set(PERIPHERY_NAMES)
    assert tuple(FORMATS) == FORMAT_NAMES


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("dr",), ["drift"]),
        (("",), list(COMMANDS)),
        (("drift", "zoo:resnet5"), ["zoo:resnet56"]),
        (("train", "zoo:v"), ["zoo:vgg16"]),
        (("evaluate", "zoo:d"), ["zoo:digits_cnn"]),
        (("presets", ""), list(DEVICES)),
        (("presets", "rram-"), ["rram-cmo"]),
        (("convert", "x", "--preset", "gau"), ["gaussian"]),
        (("drift", "x", "--preset", "pcm?g_"), ["pcm?g_max_us="]),
        (("drift", "x", "--preset", "pcm?t_0_s=1&t_"), ["pcm?t_0_s=1&t_read_s="]),
        (("compare", "x", "--presets", "pcm,rram?int"), ["pcm,rram?interpolate="]),
        (("drift", "x", "--preset", "id"), ["ideal"]),
        (("compare", "x", "--presets", "pcm,rr"), ["pcm,rram", "pcm,rram-cmo"]),
        (("compare", "x", "--presets", "pcm,p"), ["pcm,pcm-hermes"]),
        (("drift", "x", "--data", "cifar1"), ["cifar10", "cifar100"]),
        (("drift", "x", "--periphery", "st"), ["standard"]),
        (("drift", "x", "--compensation", "e"), ["exact"]),
        (("export", "x", "--to", "z"), ["zigzag"]),
        (("completion", "z"), ["zsh"]),
        (("drift", "x", "--yield"), ["--yield-above"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_offered(words: tuple[str, ...], expected: list[str]) -> None:
    assert offered(*words) == expected


def test_folders_and_files_after_a_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("images", "imagine", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "images" / "a.npz").touch()
    (tmp_path / "images" / "a.png").touch()
    assert offered("drift", "x", "--data", "folder:im") == ["folder:images/", "folder:imagine/"]
    assert offered("drift", "x", "--data", "npz:images/") == ["npz:images/a.npz"]
    assert offered("drift", "x", "--data", "folder:none/") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # bash replaces what stands after its last word break.
        ("analogsim drift zoo:resnet5", "plain,resnet56"),
        ("analogsim drift x --data=cifar100", "plain,cifar100"),
        ("analogsim drift x --data=folder:tests/cl", "plain,tests/cli/"),
        ("analogsim dri", "plain,drift"),
        ("analogsim drift x --preset ", "plain,ideal"),
    ],
)
def test_bash_gets_what_it_replaces(
    monkeypatch: pytest.MonkeyPatch, line: str, expected: str
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COMP_LINE", line)
    shell = Bash(cli, {}, PROGRAM, VARIABLE)
    assert shell.complete().splitlines()[-1 if "=" in line else 0] == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_for_each_shell(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"{VARIABLE}={shell}_complete" in script
    found = get_completion_class(shell)
    assert found is not None
    if shell == "bash":
        assert found is Bash
        assert "COMP_LINE=" in script


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2
    assert "'tcsh' is not one of" in capsys.readouterr().err


def test_no_torch_is_imported_meanwhile() -> None:
    spy = (
        "import json, sys\n"
        "from analogsim.cli.main import run\n"
        "try:\n    run([])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps([n for n in ('torch', 'aihwkit') if n in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", spy],
        env={**os.environ, VARIABLE: "bash_complete", "COMP_LINE": "analogsim drift zoo:vg"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    found, heavy = done.stdout.splitlines()
    assert found == "plain,vgg16"
    assert json.loads(heavy) == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_in_bash(tmp_path: Path) -> None:
    program = tmp_path / "analogsim"
    code = "from analogsim.cli.main import main; main()"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -c "{code}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    line = "analogsim compare zoo:digits_cnn --presets pcm,rram-"
    script = (
        'eval "$(analogsim completion bash)"\n'
        f'COMP_LINE="{line}"; COMP_POINT={len(line)}; _analogsim_completion analogsim\n'
        'echo "${COMPREPLY[@]}"; complete -p analogsim\n'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "pcm,rram-cmo"
    assert "_analogsim_completion" in done.stdout.splitlines()[1]
