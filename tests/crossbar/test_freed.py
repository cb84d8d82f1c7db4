"""Freed memory goes back to the system where the C library can do that."""

import platform
from collections.abc import Iterator

import pytest

from analogsim.crossbar import freed


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    freed._malloc_trim.cache_clear()
    yield
    freed._malloc_trim.cache_clear()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_freed_pages_are_given_back() -> None:
    freed.give_back()
    # Too small to be mapped one by one; the last one keeps the heap's end where it is.
    pieces = [bytearray(50_000) for _ in range(400)]
    last = pieces.pop()
    pieces.clear()
    assert freed.give_back()
    assert len(last) == 50_000


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freed.platform, "libc_ver", lambda: ("", ""))
    assert not freed.give_back()
