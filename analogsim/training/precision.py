"""In which arithmetic a training computes where nobody said it."""

from pathlib import Path

from analogsim import own_files
from analogsim.processor import has_bfloat16
from analogsim.schema import loads
from analogsim.training.plan import PLAN_FILE
from analogsim.training.recipe import PRECISIONS, Precision


def usual_precision(device: str, folder: Path) -> Precision:
    """What the training in `folder` began with; else bf16 where it is computed in hardware.

    So the same command goes on with a training that began on another machine.

    Args:
        device: `cpu` or `cuda`, which counts as having bfloat16.
        folder: where the training keeps its state; it need not be there yet.
    """
    began: object = None
    try:
        began = loads(own_files.read_text(folder / PLAN_FILE))["recipe"]["precision"]
    except (OSError, ValueError, LookupError, TypeError):
        # No training yet, or a plan that cannot be read: opening the folder says so.
        pass
    for known in PRECISIONS:
        if began == known:
            return known
    return "bf16" if device == "cuda" or has_bfloat16() else "fp32"
