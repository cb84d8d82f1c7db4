"""Colours at a terminal; without one the same text without them."""

import io
from types import SimpleNamespace

import click
import pytest

from analogsim.cli import colour

TABLE = """Accuracy in %, zoo:digits_cnn on 360 images of digits, BN digital

preset   time  compensation  accuracy  these images   new images  points  chips
digital                         99.17                97.58-99.83
pcm       1 s  none             98.56   98.18-98.93  97.30-99.58   -0.61      5
pcm       1 d  none             95.00   94.00-96.00  92.10-97.10   -4.17      5
pcm       1 y  none             12.61    9.94-15.28   9.12-16.84  -86.56      5

95.0 % (80.0 to 100.0) of chips reach 90.0 %: pcm, 1 y, none"""
LAYERS = """layer  kind         where    why
conv1  Conv2d       analog   a convolution
bn1    BatchNorm2d  digital  no matrix product"""
CHECKS = "ok       torch   2.12\nwarning  cifar   none\n         to mend: x\nproblem  aihwkit none"

CASES = [(colour.result_table, TABLE), (colour.layer_table, LAYERS), (colour.findings, CHECKS)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not sys itself, whose streams pytest changes between a fixture and its test.
    streams = SimpleNamespace(stdout=Terminal(), stderr=Terminal())
    monkeypatch.setattr(colour, "sys", streams)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize(("paint", "text"), CASES)
@pytest.mark.usefixtures("terminal")
def test_without_its_colours_the_text_is_the_same(paint, text) -> None:
    painted = paint(text)
    assert painted != text
    assert click.unstyle(painted) == text


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")], ids=lambda v: v[0])
@pytest.mark.usefixtures("terminal")
def test_whoever_wants_none_gets_none(
    monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]
) -> None:
    monkeypatch.setenv(*variable)
    assert all(paint(text) == text for paint, text in CASES)
    assert colour.error("x") == "error: x"


def test_a_pipe_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert all(paint(text) == text for paint, text in CASES)


@pytest.mark.usefixtures("terminal")
def test_losses_are_green_yellow_and_red() -> None:
    lines = colour.result_table(TABLE).split("\n")
    assert lines[2] == click.style(TABLE.split("\n")[2], bold=True)
    for line, number, fg in zip(
        lines[4:7], ("-0.61", "-4.17", "-86.56"), ("green", "yellow", "red"), strict=True
    ):
        assert click.style(number, fg=fg) in line
    # The digital row has no points, and the yield's line is no row.
    assert lines[3] == TABLE.split("\n")[3]
    assert lines[8] == TABLE.split("\n")[8]


@pytest.mark.usefixtures("terminal")
def test_other_colours() -> None:
    assert colour.layer_table(LAYERS).split("\n")[2] == click.style(LAYERS.split("\n")[2], dim=True)
    assert colour.findings(CHECKS).startswith(click.style("ok", fg="green", bold=False))
    assert click.unstyle(colour.error("x")) == "error: x"
    assert colour.error("x").startswith("\x1b[")


@pytest.mark.usefixtures("terminal")
def test_a_text_without_a_table_is_left_alone() -> None:
    assert colour.result_table("nothing") == "nothing"
