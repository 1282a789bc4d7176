"""What the runs of a study say: an estimate per cell, the choice among them, and differences between two.

All errors are in percent, all differences in percentage points. A difference is paired by seed, since runs of
one seed share their random numbers; with a single seed it is paired by image.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from ..results import Run
from ..studies import Cell
from ..studies.collecting import Collected, value, wrong_images
from .uncertainty import NORMAL_95, Estimate, binomial_sd, over_seeds, paired_difference

VALIDATION, TEST = "val_label_search_error", "test_label_search_error"
ONE_PASS = "val_one_pass_error"
# For validation, and for the test no fewer.
IMAGES = {"digits": 360, "mnist": 10_000, "fashion_mnist": 10_000, "cifar10": 10_000, "svhn": 10_000}


def estimates(collected: Collected, metric: str, epoch: int | None = None, seeds: set[int] | None = None) -> pd.Series:
    """The estimate of `metric` for each value of the study's factor, in the study's order.

    `seeds` restricts it to these.
    """
    values = collected.values(metric, epoch)
    if seeds is not None:
        values = values[values["seed"].isin(seeds)]
    images = IMAGES[collected.study.base.dataset] if metric.endswith("_error") else None
    grouped = values.groupby(collected.study.factor, sort=False)[metric]
    found = {key: over_seeds(group.tolist(), images) for key, group in grouped}
    return pd.Series({key: found[key] for key in collected.study.keys if key in found}, name=metric, dtype=object)


def complete(collected: Collected, metric: str) -> pd.Series:
    """The same over the seeds that all cells have, so that no cell is favoured by its seeds; else empty."""
    values = collected.values(metric)
    by_key = [set(values.loc[values[collected.study.factor] == key, "seed"]) for key in collected.study.keys]
    return estimates(collected, metric, seeds=set.intersection(*by_key) if by_key else set())


def choose(collected: Collected, metric: str = VALIDATION) -> tuple[object, list]:
    """The best value of the factor on `metric`, and all values within one standard error of it.

    Compared over the seeds that all cells have. None and an empty list where there is none.
    """
    found = complete(collected, metric)
    if found.empty:
        return None, []
    best = min(found.index, key=lambda key: found[key].mean)
    bar = found[best].mean + found[best].standard_error
    return best, [key for key in found.index if found[key].mean <= bar]


def picks(collected: Collected) -> dict[int, object]:
    """By seed, the value of the factor that a search with this one run per value would have taken."""
    values, factor = collected.values(VALIDATION), collected.study.factor
    whole = {seed: part for seed, part in values.groupby("seed") if set(part[factor]) == set(collected.study.keys)}
    return {seed: part.loc[part[VALIDATION].idxmin(), factor] for seed, part in whole.items()}


def best_nonzero(collected: Collected) -> object | None:
    """The value of the factor other than 0 with the least validation error, over the seeds that all cells have."""
    found = complete(collected, VALIDATION)
    return min((key for key in found.index if key != 0), key=lambda key: found[key].mean, default=None)


def best_cell(collected: Collected) -> Cell | None:
    """The cell with the least mean validation error over the seeds it has; None where no run is there."""
    found = estimates(collected, VALIDATION)
    cells = [cell for cell in collected.study.cells if cell.settings[collected.study.factor] in found]
    return min(cells, key=lambda cell: found[cell.settings[collected.study.factor]].mean, default=None)


class Measured(NamedTuple):
    """The value of a metric in one run after some epoch."""

    run: Run
    epoch: int
    metric: str
    value: float


def measured(
    collected: Collected, settings: dict, metric: str = VALIDATION, epoch: int | None = None
) -> dict[int, Measured]:
    """`metric` of one cell after `epoch` (default: the cell's length), by seed, where it was measured.

    A setting given as `chosen` takes the best of the factor's values other than 0 on validation.
    """
    settings = {name: best_nonzero(collected) if key == "chosen" else key for name, key in settings.items()}
    found = {
        seed: Measured(run, epoch or length, metric, value(run, epoch or length, metric))
        for seed, (run, length) in collected.trained(**settings).items()
    }
    return {seed: one for seed, one in found.items() if one.value is not None}


def difference(before: dict[int, Measured], after: dict[int, Measured]) -> Estimate | None:
    """`after` minus `before` over the seeds that both have; None where they share none."""
    shared = sorted(before.keys() & after.keys())
    if not shared:
        return None
    changes = [after[seed].value - before[seed].value for seed in shared]
    if len(shared) > 1:
        return over_seeds(changes, None)
    half = NORMAL_95 * _paired_sd(before[shared[0]], after[shared[0]])
    return Estimate(changes[0], changes[0] - half, changes[0] + half, 1)


def _paired_sd(*ends: Measured) -> float:
    """The sampling error of a difference of errors: paired where both predictions are stored.

    Infinite for what is no error of images: one seed can't say how far it would vary.
    """
    if not all(end.metric.endswith("_error") for end in ends):
        return float("inf")
    wrong = [wrong_images(end.run, end.epoch, end.metric) for end in ends]
    if any(side is None for side in wrong):
        return sum(binomial_sd(end.value, IMAGES[end.run.config.dataset]) ** 2 for end in ends) ** 0.5
    return paired_difference(*wrong)[1]


def change(collected: Collected, before: dict, after: dict, metric: str = VALIDATION) -> Estimate | None:
    """What going from the cell `before` to the cell `after` changes in `metric`."""
    return difference(measured(collected, before, metric), measured(collected, after, metric))
