"""Small CIFAR copies for tests."""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analogsim.inputs import cifar

COUNT = 20


def small_cifar10(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    labels: Sequence[int] | None = None,
    data: object = None,
    protocol: int = 2,
) -> Path:
    """Write a test split of COUNT images and make the reader expect that many.

    Returns:
        the batch file.
    """
    files = {
        split: tuple(replace(file, count=COUNT) for file in row)
        for split, row in cifar.CIFAR["cifar10"].files.items()
    }
    small = replace(cifar.CIFAR["cifar10"], files=files)
    monkeypatch.setattr(cifar, "CIFAR", {**cifar.CIFAR, "cifar10": small})
    batch = {
        b"data": pixels() if data is None else data,
        b"labels": [n % 10 for n in range(COUNT)] if labels is None else labels,
    }
    path = folder / "cifar-10-batches-py" / "test_batch"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(batch, protocol))
    return path


def pixels() -> np.ndarray:
    """(COUNT, 3072) bytes."""
    return np.random.default_rng(0).integers(0, 256, (COUNT, 3072), dtype=np.uint8)
