"""What can be done with a network's BatchNorm layers before it goes onto crossbars, and on them."""

from analogsim.batchnorm.affine import BATCHNORMS, BatchNorm, affine_of
from analogsim.batchnorm.fold import FoldResult, fold_batchnorm
from analogsim.batchnorm.layers import (
    L1BatchNorm1d,
    L1BatchNorm2d,
    TopKBatchNorm1d,
    TopKBatchNorm2d,
)
from analogsim.batchnorm.policy import POLICIES, RECALIBRATING, BatchNormPolicy, check_policy
from analogsim.batchnorm.recalibrate import (
    Recalibration,
    batchnorms,
    copy_statistics_,
    recalibrate_,
    recalibration_of,
)

__all__ = [
    "BATCHNORMS",
    "BatchNorm",
    "BatchNormPolicy",
    "FoldResult",
    "L1BatchNorm1d",
    "L1BatchNorm2d",
    "POLICIES",
    "RECALIBRATING",
    "Recalibration",
    "TopKBatchNorm1d",
    "TopKBatchNorm2d",
    "affine_of",
    "batchnorms",
    "check_policy",
    "copy_statistics_",
    "fold_batchnorm",
    "recalibrate_",
    "recalibration_of",
]
