"""Result files that a report reads again notice a number that changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analogsim.errors import InputError
from analogsim.experiment.layers_file import read_layers
from analogsim.experiment.sealed import opened, write_sealed
from analogsim.report.attribution import read_losses
from analogsim.report.comparison import read_comparison
from tests.report.full_folder import attribution, comparison, layers_file


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("matched.json", comparison("pcm", "rram"), read_comparison),
        ("attribution.json", attribution(), read_losses),
        ("layers.json", layers_file("pcm", "rram"), read_layers),
    ],
    ids=["matched", "attribution", "layers"],
)
def test_one_changed_number_is_noticed(
    tmp_path: Path, name: str, content: Any, read: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(content))
    # As an earlier analogsim wrote it: without a seal.
    known = read(tmp_path)
    assert known
    write_sealed(path, content)
    assert read(tmp_path) == known
    sealed = json.loads(path.read_text())
    path.write_text(json.dumps(sealed | {"seed": 12345}))
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert f"{path} must be as it was written, got crc32 '{sealed['crc32']}'" in str(caught.value)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(InputError, match=f"{name} must be readable JSON"):
        read(tmp_path)


def test_what_to_do_is_said() -> None:
    with pytest.raises(InputError, match=r"f must be as .* got crc32 '0'.*; mend it"):
        opened({"a": 1, "crc32": "0"}, where="f", todo="mend it")
