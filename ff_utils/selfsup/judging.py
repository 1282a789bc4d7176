"""What a comparison on one's own images says: a table, and whether to use Forward-Forward."""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import Tensor

from ..reporting.formats import in_figures
from ..reporting.report import side
from ..reporting.uncertainty import NORMAL_95, Estimate, paired_difference
from .own import BACKPROP, FORWARD, HYBRID, PIXELS, Comparison, Trained

MATTERS = 2.0  # Percentage points of transfer below which a difference is no reason to choose.


def in_points(found: Estimate) -> str:
    """A difference as prose has it."""
    mean, low, high = (in_figures(end, 1, signed=True) for end in (found.mean, found.low, found.high))
    return f"{mean} points ({low} to {high})"


def wrong(predictions: list[Tensor], labels: Tensor) -> np.ndarray:
    """For each image the share of these predictions [images] that are wrong."""
    return np.mean([(found != labels).numpy() for found in predictions], axis=0)


def difference(ours: list[Tensor], theirs: list[Tensor], labels: Tensor) -> Estimate:
    """Transfer error of `ours` less that of `theirs`, paired image by image, each image averaged over the seeds.

    The interval is that of the sampled images. Seeds enter through their mean; how far they spread is shown apart.
    """
    mean, sd = paired_difference(wrong(theirs, labels), wrong(ours, labels))
    return Estimate(mean, mean - NORMAL_95 * sd, mean + NORMAL_95 * sd, 1)


def accuracy(predictions: list[Tensor], labels: Tensor) -> str:
    """The mean accuracy in percent with its 95 % interval over test images."""
    right = 100 * (1 - wrong(predictions, labels))
    half = NORMAL_95 * right.std(ddof=1) / len(right) ** 0.5
    return f"{right.mean():.1f} ({max(0, right.mean() - half):.1f} to {min(100, right.mean() + half):.1f})"


def table(comparison: Comparison) -> pd.DataFrame:
    """A row per contestant and reference: accuracies in percent, time, memory."""
    rows = {}
    for name, runs in comparison.seeds.items():
        pretext = [100 - run.errors["test_pretext"] for run in runs if "test_pretext" in run.errors]
        transfers = [100 - run.errors["test_transfer"] for run in runs]
        grid = [100 - run.errors["val_transfer"] for run in comparison.grid[name].values()]
        rows[name] = {
            "pretext accuracy": f"{np.mean(pretext):.1f}" if pretext else "no pretext task",
            "transfer accuracy": accuracy([run.test for run in runs], comparison.labels),
            "over seeds": f"{min(transfers):.1f} to {max(transfers):.1f}",
            "over rates (validation)": f"{min(grid):.1f} to {max(grid):.1f}",
            "training (s)": f"{np.median([run.seconds for run in runs]):.1f}",
            "memory of a step (MB)": f"{max(run.bytes for run in runs) / 1e6:.1f}",
        }
    for name, reference in comparison.references.items():
        rows[name] = {"transfer accuracy": accuracy([reference.test], comparison.labels)}
    return pd.DataFrame(rows).T.fillna("")


def spread(runs: dict[float, Trained]) -> float:
    """How far the transfer of one contestant moves over the grid of rates, in percentage points on validation."""
    errors = [run.errors["val_transfer"] for run in runs.values()]
    return max(errors) - min(errors)


def recommend(comparison: Comparison) -> tuple[str, list[str]]:
    """What to do, in a sentence, and the reasons for it, one each."""
    labels = comparison.labels
    tests = {name: [run.test for run in runs] for name, runs in comparison.seeds.items()}
    validation = {
        name: np.mean([run.errors["val_transfer"] for run in runs]) for name, runs in comparison.seeds.items()
    }
    forward = min((FORWARD, HYBRID), key=validation.__getitem__)  # Chosen on validation, compared on test.
    gap = difference(tests[forward], tests[BACKPROP], labels)
    free = [comparison.references[comparison.free].test]
    gains = {name: difference(tests[name], free, labels) for name in (forward, BACKPROP)}
    worth = {name: found.sign < 0 for name, found in gains.items()}
    better = {-1: forward, 1: BACKPROP}.get(gap.sign)

    if not any(worth.values()):
        advice = f"Use neither: this sample shows no gain over what is free ({comparison.free})."
    elif better == BACKPROP and gap.mean >= MATTERS:
        advice = "Use backprop: what it learns carries over better."
    elif better == forward and -gap.mean >= MATTERS:
        advice = f"Forward-Forward is worth using here: {forward} carries over better than backprop."
    elif not worth[forward]:
        advice = f"Use backprop if any: Forward-Forward shows no gain over what is free ({comparison.free})."
    elif not worth[BACKPROP]:
        advice = f"Use {forward} if any: backprop shows no gain over what is free ({comparison.free})."
    else:
        advice = (
            "Transfer does not decide it: this sample shows no difference that matters. Backprop is the better known "
            "and better supported choice; take Forward-Forward if you need its local updates."
        )
    reasons = [
        f"Transfer error of *{forward}* less that of backprop: {in_points(gap)}. Of the two kinds of Forward-Forward "
        "this is the one with the lower validation error."
    ]
    pixels = comparison.free == PIXELS
    worse = f" Its features are worse than {'the pixels themselves' if pixels else 'those of the untrained net'}."
    costs = ("", " The interval does not exclude that training gains nothing.", worse)
    reasons += [
        f"Transfer error of *{name}* less that of what is free ({comparison.free}): {in_points(found)}."
        + side(found, costs)
        for name, found in gains.items()
    ]
    spreads = {name: spread(comparison.grid[name]) for name in (forward, BACKPROP)}
    reasons.append(
        "Over the grid of learning rates transfer moves by "
        + " and ".join(f"{moved:.1f} points for *{name}*" for name, moved in spreads.items())
        + ": the larger, the more tuning counts."
    )
    width = gap.high - gap.low
    if gap.sign == 0 and width > 2 * MATTERS:
        # Found in four samples of five: the difference is 1.96 + 0.84 standard deviations.
        needed = int(np.ceil(len(labels) * (width / (2 * NORMAL_95) * 2.8 / MATTERS) ** 2 / 100) * 100)
        reasons.append(
            f"The interval is {width:.1f} points wide with {len(labels)} test images. With about {needed:,} a "
            f"difference of {MATTERS:g} points is found four times in five."
        )
    return advice, reasons
