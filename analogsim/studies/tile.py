"""The law of the products where a spec leaves it out: a run that goes on keeps its own."""

import dataclasses
from pathlib import Path
from typing import TypeVar, get_args

from analogsim.crossbar.folder.chip_settings import is_chip_folder
from analogsim.crossbar.mapping.periphery import DEFAULT_TILE, TileKind
from analogsim.experiment.header import HEADER_FILE, read_header
from analogsim.spec.study import Spec

AnySpecOfChips = TypeVar("AnySpecOfChips", bound=Spec)


def with_tile(spec: AnySpecOfChips, folder: Path) -> AnySpecOfChips:
    """`spec` with a tile: its own, that of the run in `folder`, or today's default.

    The default was `torch` before `native` was there: such a run goes on by the law that it began
    with.

    Raises:
        InputError: the run's header is broken.
    """
    if spec.tile is not None or is_chip_folder(Path(spec.model)):
        # A chip's folder has its tile, too.
        return spec
    tile: str = DEFAULT_TILE
    if (folder / HEADER_FILE).is_file():
        kept = read_header(folder).spec.get("tile")
        tile = str(kept) if kept in get_args(TileKind) else tile
    return dataclasses.replace(spec, tile=tile)
