"""Does it run? Imports, one forward pass on each tile class, and what failures mean in words.

A broken pair of wheels fails in many ways and at many places, so each probe does the real thing
and catches whatever comes. torch and aihwkit are imported inside the probes: the doctor must be
able to say that their import fails.
"""

import importlib
from importlib.util import find_spec
from typing import Any, Literal

from analogsim.doctor.check import Check
from analogsim.doctor.versions import installed_version, mend_triple

TileKind = Literal["torch", "cpp"]

# Words in an upstream message -> what it means. Measured on the releases named.
_MEANINGS = (
    (
        "weights must be a CPU tensor",
        "the C++ tile of aihwkit 1.1.0 does not work with torch 2.13 or newer",
    ),
    (
        "tensor does not have a device",
        "the C++ tile of aihwkit 1.2.0 does not work with torch older than 2.13",
    ),
    ("undefined symbol", "the aihwkit wheel was built for another torch than the installed one"),
    ("torchvision::nms", "the torchvision wheel was built for another torch"),
)
_TILE_NAMES = {"torch": "torch tile", "cpp": "C++ tile"}
_DRIFT_TIME_S = 86400.0
_LARGEST_ERROR = 1e-5  # of a noiseless product, relative to its largest value
_LARGEST_ERROR_AFTER_DRIFT = 0.9  # PCM loses about half of its signal in a day, uncompensated


def explain(error: BaseException) -> str:
    """What a failure means, in words, with the first line of upstream's message."""
    text = str(error).strip()
    message = f"{type(error).__name__}: {text.splitlines()[0] if text else 'no message'}"
    for words, meaning in _MEANINGS:
        if words in text:
            return f"{meaning} ({message})"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error.name.partition('.')[0]} is not installed ({message})"
    return message


def check_import(name: str) -> Check:
    """Import one package, and catch everything that a broken wheel can raise."""
    try:
        importlib.import_module(name)
    except Exception as error:  # a broken wheel raises anything
        return Check(
            name=f"import {name}", status="problem", detail=explain(error), mend=mend_triple()
        )
    return Check(name=f"import {name}", status="ok", detail="works")


def check_tile(kind: TileKind) -> Check:
    """Run one tile: set, multiply, program, drift and multiply again.

    A torch tile that fails is a problem. A C++ tile that fails is a warning: it is needed for
    `--tile cpp` only.
    """
    name = _TILE_NAMES[kind]
    try:
        exact, drifted = run_tile(kind)
    except Exception as error:  # a broken pair of wheels raises anything
        detail = explain(error)
    else:
        if exact <= _LARGEST_ERROR and drifted <= _LARGEST_ERROR_AFTER_DRIFT:
            detail = f"product exact to {exact:.1g}; off by {drifted:.0%} a day after programming"
            return Check(name=name, status="ok", detail=detail)
        detail = (
            f"wrong results: the noiseless product is off by {exact:.2g}, a day after programming "
            f"by {drifted:.2g}"
        )
    if kind == "cpp":
        detail += "; --tile cpp cannot be used, the default --tile native does not need it"
    status: Literal["warning", "problem"] = "warning" if kind == "cpp" else "problem"
    return Check(name=name, status=status, detail=detail, mend=mend_triple())


def run_tile(kind: TileKind) -> tuple[float, float]:
    """Relative error of one tile's product against the digital one: as set, and after one day.

    The day's drift is aihwkit's own PCM noise, uncompensated. Raises whatever upstream raises.
    """
    import torch

    from analogsim.crossbar.forward.rpu_config import build_rpu_config
    from analogsim.crossbar.mapping.periphery import IDEAL

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights, x = torch.rand(3, 8) - 0.5, torch.randn(5, 8)
        config = build_rpu_config(IDEAL, kind)
        config.drift_compensation = None
        tile: Any = config.tile_class(3, 8, config, bias=False)
        tile.set_weights(weights)
        tile.eval()
        expected = x @ weights.T
        scale = expected.abs().max()
        exact = (tile(x) - expected).abs().max() / scale
        tile.program_weights()
        tile.drift_weights(_DRIFT_TIME_S)
        drifted = (tile(x) - expected).abs().max() / scale
    return float(exact), float(drifted)


def check_accelerators() -> tuple[Check, ...]:
    """What could make it faster. None of it is needed, so nothing here is worse than `info`."""
    return (
        Check(name="CUDA in torch", status="info", detail=_describe(_torch_cuda)),
        Check(name="CUDA in aihwkit", status="info", detail=_describe(_aihwkit_cuda)),
        Check(name="triton", status="info", detail=_triton()),
    )


def _describe(probe: Any) -> str:
    try:
        return str(probe())
    except Exception as error:  # a broken wheel raises anything
        return f"unknown: {explain(error)}"


def _torch_cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        return "not available: everything runs on the CPU"
    return f"{torch.cuda.device_count()} device(s), first {torch.cuda.get_device_name(0)}"


def _aihwkit_cuda() -> str:
    from aihwkit.simulator.rpu_base import cuda

    if cuda.is_compiled():
        return "the C++ tile is compiled for CUDA"
    return "the C++ tile is CPU-only, as in the wheels of the package registry"


def _triton() -> str:
    if find_spec("triton") is None:
        return "not installed; it is optional"
    return installed_version("triton") or "installed"
