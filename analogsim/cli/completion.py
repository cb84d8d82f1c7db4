"""`analogsim completion`: the script with which a shell completes our commands after Tab."""

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from analogsim.cli.command import Command

SHELLS = ("bash", "zsh", "fish")


class Bash(BashComplete):
    """click's, but for words with a colon or an equals sign, at which bash breaks words.

    `zoo:res` is three words to bash, which replaces the last one. So the line itself is read, and
    of what is found the part that bash takes for words before is left out.
    """

    name = "bash"
    source_template = BashComplete.source_template.replace(
        'COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD',
        'COMP_LINE="${COMP_LINE:0:COMP_POINT}"',
    )

    def source(self) -> str:
        """The script. click would run a bash to look at its version."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Words before the one under the cursor, and that one."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        begun = "" if not words or line[-1:].isspace() else words.pop()
        return words[1:], begun

    def format_completion(self, item: CompletionItem) -> str:
        """One line for the script."""
        _, begun = self.get_completion_args()
        if begun.startswith("-"):
            # click gives the value of `--option=value` alone.
            begun = begun.partition("=")[2]
        known = max(begun.rfind(":"), begun.rfind("=")) + 1
        return f"{item.type},{item.value[known:]}"


add_completion_class(Bash)


@click.command(cls=Command, example="analogsim completion bash")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script with which SHELL completes options, networks, devices and data sets.

    \b
    For this shell:   eval "$(analogsim completion bash)"      (or zsh)
                      analogsim completion fish | source
    For every one:    the same line in ~/.bashrc or ~/.zshrc, or
                      analogsim completion fish > ~/.config/fish/completions/analogsim.fish
    """
    from analogsim.cli.main import PROGRAM, VARIABLE, cli  # the group imports this module

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, PROGRAM, VARIABLE).source())
