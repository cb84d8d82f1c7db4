"""Options that several commands share."""

import pytest

from analogsim.cli.main import run
from analogsim.studies import prepare

COMMAND = ["drift", "zoo:digits_cnn", "--data", "digits", "--periphery", "ideal", "--print-spec"]


@pytest.mark.parametrize("forward", [[], ["--forward", "native"], ["--forward", "native-bf16"]])
def test_dtype_is_short_for_a_forward(forward, capsys):
    assert run([*COMMAND, *forward, "--dtype", "bf16"]) == 0
    assert 'forward = "native-bf16"' in capsys.readouterr().out


def test_without_dtype_the_forward_stays(capsys):
    assert run([*COMMAND, "--forward", "native-bf16"]) == 0
    assert 'forward = "native-bf16"' in capsys.readouterr().out
    assert run(COMMAND) == 0
    assert "native-bf16" not in capsys.readouterr().out


def test_dtype_against_tiles_is_refused(capsys):
    assert run([*COMMAND, "--forward", "tile", "--dtype", "bf16"]) == 2
    assert "--dtype bf16 must be used with native products, got --forward tile" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("in_hardware", [True, False])
def test_emulated_bfloat16_is_said_to_be_slow(in_hardware, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(prepare, "has_bfloat16", lambda: in_hardware)
    chip = str(tmp_path / "chip")
    words = ["zoo:digits_cnn", "--data", "digits", "--periphery", "ideal", "--dtype", "bf16"]
    assert run(["convert", *words, "-o", chip]) == 0
    said = capsys.readouterr().err
    assert ("warning: this processor has no bfloat16 instructions" in said) is not in_hardware
    # A folder keeps how its products are computed.
    words = [chip, "--data", "digits", "--times", "1s", "--limit", "20"]
    assert run(["drift", *words, "-o", str(tmp_path / "d")]) == 0
    again = capsys.readouterr().err
    assert ("no bfloat16 instructions" in again) is not in_hardware
