"""Options that several commands share."""

import pytest

from analogsim.cli.main import run

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
