"""scikit-learn's handwritten digits, with one fixed split.

1,797 grey images of 8 x 8 pixels with values 0 to 16: E. Alpaydin and C. Kaynak, Optical
Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998 (its test part).
"""

import numpy as np
import torch
from torch import Tensor

from analogsim.inputs.images import MeanStd

N_CLASSES = 10
DIVISOR = 16.0
# Over the pixels of the training split, after division by 16; a test computes them again.
MEAN_STD: MeanStd = ((0.30575,), (0.37622,))


def read_digits(split: str) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 8, 8) uint8 and labels (n,) of a split, in the data set's order.

    Every fifth image of the list sorted by class is for testing: 360 images, as many of each
    class as its share. No random numbers, so the split is the same with every library version.
    """
    # Imported here: it takes half a second and 100 MB, which no other data need.
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # has no types

    digits = load_digits()
    labels = np.asarray(digits.target, dtype=np.int64)
    is_test = np.zeros(len(labels), dtype=bool)
    is_test[np.argsort(labels, kind="stable")[::5]] = True
    chosen = is_test if split == "test" else ~is_test
    images = np.asarray(digits.images, dtype=np.uint8)[chosen, np.newaxis]
    return torch.from_numpy(images), torch.from_numpy(labels[chosen])
