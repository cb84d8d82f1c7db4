"""What can be done with a network's BatchNorm layers before it goes onto crossbars."""

from analogsim.batchnorm.fold import FoldResult, fold_batchnorm

__all__ = ["FoldResult", "fold_batchnorm"]
