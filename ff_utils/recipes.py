"""The published recipes, and the command that trains a run from the nearest of them."""

from __future__ import annotations

import shlex

from .config import RunConfig
from .errors import UserError

#: The published recipes, by name. What a source leaves open takes the defaults of `RunConfig`.
#:
#: :meta hide-value:
RECIPES: dict[str, RunConfig] = {
    # A: θ and rate of its best run, with random negatives. It does not report those of its baseline.
    "paper": RunConfig(),
    # B: the author's code, whose rates are given there for an exponential average of the gradient
    # (ε = 0.01 on 0.9 old + 0.1 new: heavy-ball with lr = 0.001), and whose weight cost acts outside
    # that average. There λ = 0.03 is added to the derivative of the *row-summed* objective, as
    # here to the mean over the positive rows.
    "hinton": RunConfig(
        hidden=(1000, 1000, 1000),
        init="normal",
        normalization="rms",
        input_normalization="rms",
        theta=1000.0,
        layer_reduction="sum",
        peer_normalization=0.03,
        negatives="one_pass_sampled",
        batch_size=100,
        lr=0.001,
        weight_decay=0.01,
        weight_decay_form="decoupled",
        decay_from=30,
        decay_to=60,
    ),
}


def recipe(name: str, **changes) -> RunConfig:
    """One of the published recipes, with changes: `recipe("paper", theta=128)`.

    Raises `UserError` for a name or a change it does not know.
    """
    if name not in RECIPES:
        raise UserError(f"no recipe {name!r}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name].vary(**changes)


def nearest_recipe(config: RunConfig) -> str:
    """The name of the recipe from which the fewest fields differ."""
    return min(RECIPES, key=lambda name: len(config.differences(RECIPES[name])))


def command_of(config: RunConfig, epochs: int) -> str:
    """The shell command that trains this run, from the recipe it is nearest to."""
    name = nearest_recipe(config)
    words = ["python -m ff_utils train", f"--recipe {name}", f"--epochs {epochs}"]
    for field, value in config.differences(RECIPES[name]).items():
        flag = field.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, tuple):
            words.append(f"--{flag} {' '.join(map(str, value))}")
        else:
            words.append(f"--{flag} {shlex.quote(str(value))}")
    return " ".join(words)
