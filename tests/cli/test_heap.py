import platform

import pytest

from analogsim.cli.heap import VARIABLE, keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_thresholds_are_set_unless_switched_off(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert keep_freed_memory()
    monkeypatch.setenv(VARIABLE, "default")
    assert not keep_freed_memory()


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    assert not keep_freed_memory()
