"""Freed memory goes back to the system where the C library can do that."""

import platform
from collections.abc import Iterator

import pytest
import torch

from analogsim.crossbar.chip import blocks
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.crossbar.forward import freed
from analogsim.crossbar.mapping import size
from tests.crossbar.nets import small_inputs, small_net


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


@pytest.mark.parametrize("stream", ["aihwkit", "philox"])
def test_a_large_chip_that_computes_keeps_nothing_for_its_next_drift(
    stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stream == "philox":
        pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
    monkeypatch.setattr(size, "LARGE", 1)
    given_back = []
    monkeypatch.setattr("analogsim.crossbar.chip.chip.give_back", lambda: given_back.append(True))
    x = small_inputs()
    chip = program(convert(small_net(), "pcm", "ideal", stream=stream))
    given_back.clear()
    chip.drift_(1.0)
    # Between parts; the streamed drift also at its end.
    assert len(given_back) == len(chip.parts) - 1 + (stream == "philox")
    kept = [b for part in chip.parts for b in part.blocks if isinstance(b, blocks.Block)]
    assert all(block.prepared for block in kept)
    given_back.clear()
    with torch.no_grad():
        chip(x)
        assert not any(block.prepared for block in kept)
        # Before the first pass, and after it, when the weights are packed.
        assert len(given_back) == 2
        chip(x)
        assert len(given_back) == 2
        fresh = program(convert(small_net(), "pcm", "ideal", stream=stream))
        assert torch.equal(chip.drift_(86_400.0)(x), fresh.drift_(86_400.0)(x))
