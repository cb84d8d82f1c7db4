"""Train a network in digital, so that there is something to put on analog hardware."""

from analogsim.training.precision import usual_precision
from analogsim.training.recipe import Recipe, default_recipe
from analogsim.training.run import train
from analogsim.training.task import Training, measure

__all__ = ["Recipe", "Training", "default_recipe", "measure", "train", "usual_precision"]
