"""Probes: real tiles run here, and the known upstream failures are said in words."""

from collections.abc import Callable

import pytest

from analogsim.doctor import probe
from analogsim.doctor.probe import TileKind, check_accelerators, check_import, check_tile, explain

KINDS: tuple[TileKind, ...] = ("torch", "cpp")
FAILURES = [
    pytest.param(
        RuntimeError("weights must be a CPU tensor"),
        "the C++ tile of aihwkit 1.1.0 does not work with torch 2.13 or newer",
        id="1.1.0-with-new-torch",
    ),
    pytest.param(
        RuntimeError("tensor does not have a device\nException raised from device_default"),
        "the C++ tile of aihwkit 1.2.0 does not work with torch older than 2.13",
        id="1.2.0-with-old-torch",
    ),
    pytest.param(
        ImportError("rpu_base.so: undefined symbol: decref_pyobject"),
        "built for another torch than the installed one",
        id="undefined-symbol",
    ),
    pytest.param(
        RuntimeError("operator torchvision::nms does not exist"),
        "the torchvision wheel was built for another torch",
        id="torchvision",
    ),
    pytest.param(
        ModuleNotFoundError("No module named 'torch._C'", name="torch._C"),
        "torch is not installed (ModuleNotFoundError: No module named 'torch._C')",
        id="missing",
    ),
    pytest.param(OSError(""), "OSError: no message", id="silent"),
]


def failing(error: Exception) -> Callable[[object], tuple[float, float]]:
    def run(_: object) -> tuple[float, float]:
        raise error

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_real_tile_multiplies_exactly_and_drifts(kind: TileKind) -> None:
    exact, drifted = probe.run_tile(kind)

    assert exact <= 1e-6
    assert 0.05 < drifted < 0.9  # PCM, one day, uncompensated: tens of per cent, never none
    assert check_tile(kind).status == "ok"
    assert check_tile(kind).mend == ""


@pytest.mark.parametrize(("error", "meaning"), FAILURES)
@pytest.mark.parametrize("kind", KINDS)
def test_failing_tile_is_explained_with_the_command(
    kind: TileKind, error: Exception, meaning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "run_tile", failing(error))

    check = check_tile(kind)

    assert check.status == {"torch": "problem", "cpp": "warning"}[kind]
    assert meaning in check.detail
    assert ("--tile cpp cannot be used" in check.detail) == (kind == "cpp")
    assert "-m pip install aihwkit==" in check.mend
    assert "torchvision" in check.mend


@pytest.mark.parametrize(
    ("errors", "words"),
    [((0.25, 0.3), "off by 0.25"), ((0.0, 1.5), "by 1.5"), ((float("nan"), 0.3), "off by nan")],
)
def test_wrong_results_are_a_problem(
    errors: tuple[float, float], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "run_tile", lambda kind: errors)

    check = check_tile("torch")

    assert check.status == "problem"
    assert "wrong results" in check.detail
    assert words in check.detail


def test_only_the_first_line_of_upstreams_message_is_shown() -> None:
    assert explain(RuntimeError("first\nsecond")) == "RuntimeError: first"


def test_imports_that_work_and_that_do_not() -> None:
    assert check_import("aihwkit").status == "ok"

    check = check_import("no_such_package")

    assert check.status == "problem"
    assert "no_such_package is not installed" in check.detail
    assert "-m pip install" in check.mend


def test_accelerators_are_never_worse_than_information(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {check.status for check in check_accelerators()} == {"info"}

    def broken() -> str:
        raise ImportError("undefined symbol: x")

    monkeypatch.setattr(probe, "_aihwkit_cuda", broken)
    monkeypatch.setattr(probe, "find_spec", lambda name: None)
    aihwkit, triton = check_accelerators()[1:]
    assert aihwkit.status == "info"
    assert "unknown: the aihwkit wheel was built" in aihwkit.detail
    assert triton.detail == "not installed; it is optional"
