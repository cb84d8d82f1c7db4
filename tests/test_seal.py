"""The checksum inside a JSON object."""

import json
import zlib
from typing import Any

import pytest

from analogsim.seal import KEY, sealed, unsealed

CONTENT: dict[str, Any] = {"a": 1, "b": [1.5, None, "\u00e9"], "c": {"x": True}}


def test_the_checksum_is_that_of_the_sorted_json() -> None:
    text = '{"a": 1, "b": [1.5, null, "\\u00e9"], "c": {"x": true}}'
    assert sealed(CONTENT)[KEY] == f"{zlib.crc32(text.encode()):08x}"


def test_what_is_laid_out_anew_is_the_same() -> None:
    text = json.dumps(dict(reversed(sealed(CONTENT).items())), indent=7, ensure_ascii=False)
    assert unsealed(json.loads(text)) == CONTENT


def test_what_has_no_seal_is_left_alone() -> None:
    assert unsealed(CONTENT) == CONTENT


@pytest.mark.parametrize(
    "change", [{"a": 2}, {"a": 1.0}, {"b": [1.5, None]}, {"d": 0}, {KEY: "00000000"}, {KEY: None}]
)
def test_what_was_changed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"crc32 .* where the fields have '\w{8}'"):
        unsealed(sealed(CONTENT) | change)
