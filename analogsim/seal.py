"""A checksum inside a JSON object, over the values of its other fields.

A flipped bit in a number leaves a file that reads well and says something else. The seal is over
the values, not the bytes: a file may be laid out anew. It protects against damage, not against
malice: who edits a file on purpose takes the seal out.
"""

import zlib
from typing import Any

from analogsim import schema

KEY = "crc32"


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """`content` with its seal as the last field. Raises ValueError for NaN or Infinity."""
    assert KEY not in content
    return {**content, KEY: _crc32(content)}


def unsealed(content: dict[str, Any]) -> dict[str, Any]:
    """`content` without its seal; what an earlier analogsim wrote has none.

    Raises:
        ValueError: the fields are not those that were sealed.
    """
    if KEY not in content:
        return content
    fields = {key: value for key, value in content.items() if key != KEY}
    if content[KEY] != _crc32(fields):
        raise ValueError(
            f"{KEY} {content[KEY]!r} where the fields have {_crc32(fields)!r}; it was damaged, or "
            f"edited without removing {KEY}"
        )
    return fields


def _crc32(content: dict[str, Any]) -> str:
    # Sorted, so that the order of the fields does not matter.
    return f"{zlib.crc32(schema.dumps(content, sort_keys=True).encode()):08x}"
