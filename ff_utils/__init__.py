"""The Forward-Forward algorithm: model, negative samplers, evaluators, training and results."""

from .config import RunConfig
from .data import load
from .errors import UserError
from .recipes import RECIPES, recipe
from .results import Run, Store
from .trainer import Trainer
from .training import train

__all__ = ["RECIPES", "Run", "RunConfig", "Store", "Trainer", "UserError", "load", "recipe", "train"]
