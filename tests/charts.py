"""How far a test's studies draw their charts: most of a small study's time goes into them.

Where images are looked at, all is done. In a few files charts are drawn, with all that is in them,
but not laid out and written. Elsewhere nothing is drawn: a chart's files hold no picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from matplotlib.figure import Figure

from analogsim.report import charts_folder, look

Level = Literal["images", "drawn", "nothing"]

LEVELS: dict[str, Level] = {
    "tests/report/": "images",
    "tests/cli/test_figures.py": "images",
    "tests/cli/test_report.py": "images",
    "tests/equivalent/test_words.py": "images",
    "tests/scopes/test_result.py": "images",
    "tests/suites/test_kept.py": "images",
    # Studies whose networks, names and measures are a user's; damaged folders; old ones; the docs.
    "tests/studies/": "drawn",
    "tests/fuzz/": "drawn",
    "tests/golden/": "drawn",
    "tests/docs/": "drawn",
    "tests/test_readme.py": "drawn",
    "tests/cli/test_just_works.py": "drawn",
}


def _blank(figure: object, style: object, *, format: str, **options: object) -> bytes:
    """Stands for the image of a chart that no test looks at."""
    return {"svg": b"<svg></svg>", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-1.4\n"}[format]


_OURS: dict[tuple[Any, str], Any] = {
    (look, "_save"): look._save,
    (look, "_MOST_LAYOUTS"): look._MOST_LAYOUTS,
    (charts_folder, "_figure"): charts_folder._figure,
}
_BLANK = _OURS | {(look, "_save"): _blank, (look, "_MOST_LAYOUTS"): 0}
_PARTS: dict[Level, dict[tuple[Any, str], Any]] = {
    "images": _OURS,
    "drawn": _BLANK,
    "nothing": _BLANK | {(charts_folder, "_figure"): lambda chart: Figure()},
}


def level_of(nodeid: str) -> Level:
    """How far a test's charts are drawn."""
    return next((level for start, level in LEVELS.items() if nodeid.startswith(start)), "nothing")


def draw(level: Level) -> None:
    """From now on studies draw so far."""
    for (module, name), part in _PARTS[level].items():
        setattr(module, name, part)


@contextmanager
def drawn() -> Iterator[None]:
    """Meanwhile charts are drawn, in a file where nothing is."""
    draw("drawn")
    try:
        yield
    finally:
        draw("nothing")
