"""What the benchmarks share: interleaved timing, ratios, one JSON line."""

import argparse
import ctypes
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import torch


def arguments(description: str) -> argparse.ArgumentParser:
    """Options of every benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON line only")
    parser.add_argument("--repeats", type=int, default=7, help="interleaved rounds (default 7)")
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default 2)")
    return parser


def start(threads: int) -> bool:
    """Set torch's threads and, on glibc, keep large temporaries in the heap; True if done.

    Without this every forward pass maps and unmaps its temporaries anew; it is set for both
    sides of every comparison.
    """
    torch.set_num_threads(threads)
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return False
    mmap_threshold, trim_threshold, top_pad = -3, -1, -2
    return all(
        libc.mallopt(parameter, value) == 1
        for parameter, value in (
            (mmap_threshold, 1 << 30),
            (trim_threshold, (1 << 31) - 1),
            (top_pad, 64 << 20),
        )
    )


def interleave(
    sides: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each side in every round, all sides in turn, after one round of warm-up."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side()
    for _ in range(repeats):
        for name, side in sides.items():
            begin = clock()
            side()
            times[name].append(clock() - begin)
    return times


def ratios(times: Mapping[str, list[float]], ours: str, theirs: str) -> dict[str, float]:
    """How many times faster `ours` is: quartiles of the ratios round by round."""
    values = [b / a for a, b in zip(times[ours], times[theirs], strict=True)]
    low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {
        "median": round(median, 3),
        "quartile_1": round(low, 3),
        "quartile_3": round(high, 3),
        "best_over_best": round(min(times[theirs]) / min(times[ours]), 3),
        "n": len(values),
    }


def seconds(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {"median_s": median, "quartile_1_s": low, "quartile_3_s": high}


def machine() -> dict[str, Any]:
    """What decides a time."""
    names = ("torch", "aihwkit", "aihwkit_lightning", "numpy")
    cpu = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            x.partition(":")[2].strip() for x in info.read_text().splitlines() if "model name" in x
        ]
        cpu = models[0] if models else cpu
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        **{name: version(name) for name in names if find_spec(name) is not None},
    }


def emit(result: dict[str, Any], *, as_json: bool) -> None:
    """One JSON line on stdout; without --json also the ratios, readable, on stderr."""
    sys.stdout.write(json.dumps(result) + "\n")
    if not as_json:
        for name, value in result.get("ratios", {}).items():
            sys.stderr.write(
                f"{name}: {value['median']} [{value['quartile_1']}, {value['quartile_3']}]\n"
            )
