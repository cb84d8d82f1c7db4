"""What a shell may offer after Tab: devices, networks, data sets, files. Never imports torch."""

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from analogsim.inputs.names import DATA_NAMES, ZOO_NAMES
from device_models.effects.registry import EFFECTS
from device_models.registry import DEVICES

FORMAT_NAMES = ("neurosim", "zigzag", "accelforge")
PERIPHERY_NAMES = ("standard", "ideal", "isaac", "prime", "sonos", "hermes")

Items = list[CompletionItem]


def presets(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Names of devices; behind a question mark, their options."""
    return [_plain(text) for text in _devices(incomplete)]


def effects(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Names of effects."""
    return [_plain(name) for name in EFFECTS if name.startswith(incomplete)]


def formats(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Names of the tools that `export` writes for."""
    return [_plain(name) for name in FORMAT_NAMES if name.startswith(incomplete)]


def models(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Networks of the zoo, and files: Python code and folders that convert wrote."""
    zoo = [_plain(text) for text in _beginning(("zoo:" + n for n in ZOO_NAMES), incomplete)]
    return zoo if incomplete.startswith("zoo:") else [*_files(incomplete), *zoo]


def data(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Data sets; after `folder:` folders, after `npz:` also such files."""
    for prefix, ending in (("folder:", None), ("npz:", ".npz")):
        if incomplete.startswith(prefix):
            found = _below(incomplete.removeprefix(prefix), ending)
            return [_plain(prefix + text) for text in found]
    names = _beginning((*DATA_NAMES, "folder:", "npz:"), incomplete)
    return [*_files(incomplete), *map(_plain, names)]


def peripheries(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """The named peripheries, and files."""
    return [*_files(incomplete), *map(_plain, _beginning(PERIPHERY_NAMES, incomplete))]


def _devices(incomplete: str) -> list[str]:
    name, question, query = incomplete.partition("?")
    if not question or name not in DEVICES:
        return [known for known in DEVICES if known.startswith(incomplete)]
    before, ampersand, last = query.rpartition("&")
    given = {item.partition("=")[0] for item in before.split("&")}
    return [
        f"{name}?{before}{ampersand}{option.name}="
        for option in fields(DEVICES[name])
        if option.name.startswith(last) and option.name not in given
    ]


def _beginning(names: Iterator[str] | tuple[str, ...], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _plain(text: str) -> CompletionItem:
    return CompletionItem(text)


def _files(incomplete: str) -> Items:
    """The shell's own completion of files. First: bash's script forgets what stands before it."""
    return [CompletionItem(incomplete, type="file")]


def _below(text: str, ending: str | None) -> list[str]:
    """Folders, and files with an ending, whose path begins with `text`."""
    folder, name = os.path.split(text)
    try:
        entries = sorted(Path(folder or ".").iterdir())
    except OSError:
        return []
    return [
        os.path.join(folder, entry.name) + ("/" if entry.is_dir() else "")  # noqa: PTH118 - the user's own spelling of the folder is kept
        for entry in entries
        if entry.name.startswith(name)
        and (name.startswith(".") or not entry.name.startswith("."))
        and (entry.is_dir() or (ending is not None and entry.name.endswith(ending)))
    ]
