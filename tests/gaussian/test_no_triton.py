"""Where Triton is not installed."""

import sys

import pytest

from analogsim.errors import InputError
from analogsim.gaussian.lazy import import_launch


def test_missing_triton_is_said_in_words(monkeypatch):
    for module in [m for m in sys.modules if m.partition(".")[0] == "triton"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "triton", None)
    for module in ("draws.kernels", "gaussian.launch"):
        monkeypatch.delitem(sys.modules, f"analogsim.{module}", raising=False)
        monkeypatch.delattr(f"analogsim.{module}", raising=False)
    with pytest.raises(InputError, match=r"must have Triton, got ImportError: .*triton.*; install"):
        import_launch()
