"""scikit-learn's handwritten digits, with one fixed split.

1,797 grey images of 8 x 8 pixels with values 0 to 16: E. Alpaydin and C. Kaynak, Optical
Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998 (its test part).
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from analogsim.inputs.images import MeanStd

N_CLASSES = 10
DIVISOR = 16.0
_FILE = Path("datasets", "data", "digits.csv.gz")
UInt8s = npt.NDArray[np.uint8]
# Over the pixels of the training split, after division by 16; a test computes them again.
MEAN_STD: MeanStd = ((0.30575,), (0.37622,))


def read_digits(split: str) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 8, 8) uint8 and labels (n,) of a split, in the data set's order.

    Every fifth image of the list sorted by class is for testing: 360 images, as many of each
    class as its share. No random numbers, so the split is the same with every library version.
    """
    values = _values()
    labels = values[:, -1].astype(np.int64)
    is_test = np.zeros(len(labels), dtype=bool)
    is_test[np.argsort(labels, kind="stable")[::5]] = True
    chosen = is_test if split == "test" else ~is_test
    images = values[chosen, :-1].reshape(-1, 1, 8, 8)
    return torch.from_numpy(images), torch.from_numpy(labels[chosen])


@cache
def _values() -> UInt8s:
    """(1797, 65): 64 pixels and the class of each image."""
    # The file beside the package: importing it takes three seconds of processor time and 100 MB.
    package = find_spec("sklearn")
    assert package is not None, "aihwkit requires scikit-learn"
    assert package.origin is not None, "it is a package with files"
    return np.loadtxt(Path(package.origin).parent / _FILE, delimiter=",", dtype=np.uint8)
