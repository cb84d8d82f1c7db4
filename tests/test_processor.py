"""What the processor has, against what the kernel says of it."""

import re
from pathlib import Path

import pytest
import torch

from analogsim import processor

CPUINFO = Path("/proc/cpuinfo")


@pytest.fixture
def uncached(monkeypatch):
    monkeypatch.setattr(processor, "has_bfloat16", processor.has_bfloat16.__wrapped__)


@pytest.mark.skipif(not CPUINFO.is_file(), reason="needs Linux's /proc/cpuinfo")
def test_bfloat16_is_what_the_kernel_lists():
    flags = re.search(r"^flags\s*:(.*)$", CPUINFO.read_text(), re.M)
    if flags is None:
        pytest.skip("needs an x86 processor")
    listed = set(flags.group(1).split())
    assert processor.has_bfloat16() == bool(listed & {"avx512_bf16", "amx_bf16"})


@pytest.mark.usefixtures("uncached")
@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, False),
        ({"neon": True}, False),
    ],
    ids=["avx512", "amx", "avx512-without", "arm"],
)
def test_either_instruction_set_counts(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert processor.has_bfloat16() is expected


@pytest.mark.usefixtures("uncached")
@pytest.mark.parametrize("expected", [True, False])
def test_older_torch_is_asked_by_its_private_name(monkeypatch, expected):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: expected)
    assert processor.has_bfloat16() is expected
