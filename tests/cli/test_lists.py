"""Options of several values: by comma, repeated, or both."""

import re

import click
import pytest
from click.testing import CliRunner

from analogsim.cli.lists import ListOption, times_option
from analogsim.cli.main import COMMANDS, cli, run
from analogsim.errors import InputError
from analogsim.spec.file import parse_spec

RUN = ["zoo:digits_cnn", "--data", "digits", "--print-spec"]
# Their values have commas of their own; `--set` parts its settings itself.
OWN_GRAMMAR = {"--effect", "--set"}


def spec(command: str, *words: str, capsys):
    assert run([command, *RUN, *words]) == 0
    return parse_spec(capsys.readouterr().out, "it")


@pytest.mark.parametrize(
    ("command", "option", "values", "key", "expected"),
    [
        ("compare", "--presets", ("pcm", "rram", "ideal"), "presets", ("pcm", "rram", "ideal")),
        ("compare", "--times", ("1s", "2d", "1d"), "times", (1.0, 172800.0, 86400.0)),
        ("drift", "--times", ("1s", "1y", "1h"), "times", (1.0, 31536000.0, 3600.0)),
        ("drift", "--bn", ("fold", "digital", "none"), "bn", ("fold", "digital", "none")),
        (
            "drift",
            "--compensation",
            ("none", "gain", "global"),
            "compensation",
            ("none", "gain", "global"),
        ),
        ("drift", "--yield-above", ("90%", "0.5", "95%"), "yield_above", (0.9, 0.5, 0.95)),
        ("drift", "--keep-digital", ("a.*", "b[1,2]", "c"), "keep_digital", ("a.*", "b[1,2]", "c")),
        ("drift", "--set", ("adc_bits=4", "6", "8"), "sweep", {"adc_bits": (4, 6, 8)}),
        ("noise", "--etas", ("1%", "20%", "5%"), "etas", (0.01, 0.2, 0.05)),
        (
            "noise",
            "--scopes",
            ("mean", "weights", "folded"),
            "scopes",
            ("mean", "weights", "folded"),
        ),
        ("noise", "--references", ("max", "std", "max"), "references", ("max", "std")),
        ("attribute", "--times", ("1s", "1y", "1h"), "times", (1.0, 31536000.0, 3600.0)),
        ("attribute", "--layers", ("a", "b*", "c"), "layers", ("a", "b*", "c")),
    ],
)
def test_commas_and_repetition_are_joined_in_order(command, option, values, key, expected, capsys):
    one, two, three = values
    again = three if option != "--set" else f"adc_bits={three}"
    for words in ((option, f"{one},{two},{three}"), (option, f"{one}, {two}", option, again)):
        assert getattr(spec(command, *words, capsys=capsys), key) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--bn", "fold,fold"), "--bn must name each treatment once, got fold, fold"),
        (("--times", "1h", "--times", "60min"), "got '60min' after '1h', which is the same 3600 s"),
        (("--bn", "fold,"), "--bn must be a comma-separated list .* got 'fold,'; leave the empty"),
        (("--yield-above", ""), "--yield-above must be .* got ''"),
        (("--compensation", "none,all"), "'all' is not one of"),
    ],
)
def test_wrong_lists_are_told(words, said, capsys):
    assert run(["drift", *RUN, *words]) == 2
    assert re.search(said, " ".join(capsys.readouterr().err.split()))


def test_every_option_of_several_values_is_a_list():
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        for option in command.params:
            if isinstance(option, click.Option) and option.multiple:
                own = set(option.opts) & OWN_GRAMMAR
                assert own or isinstance(option, ListOption), f"{name} {option.opts}"


def test_times_are_seconds_and_name_their_option():
    @click.command()
    @times_option("1s,1d", "When.", "times_s")
    def command(times_s: tuple[float, ...]) -> None:
        click.echo(f"{times_s}")

    runner = CliRunner()
    assert runner.invoke(command, []).output == "(1.0, 86400.0)\n"
    assert runner.invoke(command, ["--times", "1h"]).output == "(3600.0,)\n"
    error = runner.invoke(command, ["--times", "1q"]).exception
    assert isinstance(error, InputError)
    assert "--times unit must be one of" in str(error)
    assert "--times TIME,..." in runner.invoke(command, ["--help"]).output
