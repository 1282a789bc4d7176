"""What is inside runs: what each layer can do, which units are dead, which labels became negatives, what a step costs.

Tables are as chapters show them; where a run is missing (None) they say "open".
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ..config import RunConfig
from ..cost import step_products
from ..results import Run
from ..studies import Study
from ..studies.collecting import Collected, value
from .comparing import VALIDATION
from .formats import in_figures

HYSTERICAL = 5.0  # Times the mean activity of the layer, from which a unit counts as hysterical.


def layer_table(run: Run | None) -> pd.DataFrame:
    """What each layer of a run can do alone, at the last epoch. Empty where the run is missing."""
    if run is None:
        return pd.DataFrame()
    last = run.metrics.iloc[-1]
    rows = []
    for i, (theta, units) in enumerate(zip(run.config.per_layer("theta"), run.config.hidden, strict=True), 1):
        gap = last[f"layer{i}_goodness_positive"] - last[f"layer{i}_goodness_negative"]
        rows.append(
            {
                "layer": i,
                "error (%)": last[f"layer{i}_error"],
                "goodness gap / θ": gap / theta,
                "dead units (%)": 100 * last[f"layer{i}_dead_units"] / units,
            }
        )
    return pd.DataFrame(rows).set_index("layer")


def layers_of(runs: dict[str, Run | None]) -> pd.DataFrame:
    """For each run and layer, at its last epoch: the goodness gap in units of θ, and the layer's own error."""
    rows = {}
    for name, run in runs.items():
        table = layer_table(run)
        rows[name] = {
            f"layer {i}": f"{in_figures(row['goodness gap / θ'], 3)}; {row['error (%)']:.1f} %"
            for i, row in table.iterrows()
        } or {"layer 1": "open"}
    return pd.DataFrame(rows).T.fillna("")


def left_out(readings: dict[str, tuple[Run | None, int]]) -> pd.DataFrame:
    """Of runs after some epochs the validation error by label search, from the second layer on, and that of each layer.

    In percent; each layer's is that of a label search that uses it alone.
    """
    rows = {}
    for name, (run, epoch) in readings.items():
        layers = range(1, len(run.config.hidden) + 1) if run else ()
        metrics = {"label search": VALIDATION} | {f"layer {i} alone": f"layer{i}_error" for i in layers}
        found = {column: value(run, epoch, metric) if run else None for column, metric in metrics.items()}
        rows[name] = {column: "open" if error is None else f"{error:.2f}" for column, error in found.items()}
    return pd.DataFrame.from_dict(rows, orient="index").fillna("").rename_axis(columns="net")


def heads(runs: dict[str, Run | None], epochs: tuple[int, ...] = (1, 2, 5)) -> pd.DataFrame:
    """For each run how its head fares, and what makes that easy or hard.

    The validation error in one pass after some epochs and at the run's end, in percent; and the mean cosine between two
    images' features under the neutral label, layer by layer, at the run's end.
    """
    rows = {}
    for name, run in runs.items():
        if run is None:
            rows[name] = {"layer 1": "open"}
            continue
        errors = {f"error, epoch {epoch}": value(run, epoch, "val_one_pass_error") for epoch in epochs}
        errors["at the end"] = value(run, run.epochs, "val_one_pass_error")
        layers = range(1, len(run.config.hidden) + 1)
        alike = {f"layer {i}": value(run, run.epochs, f"layer{i}_neutral_alike") for i in layers}
        rows[name] = {column: f"{found:.1f} %" for column, found in errors.items() if found is not None}
        # Of a cosine near 1, what is left is what counts.
        rows[name] |= {layer: f"{found / 100:.4f}" for layer, found in alike.items() if found is not None}
    return pd.DataFrame(rows).T.fillna("").rename_axis(columns="head")


def decay_half_life(config: RunConfig, images: int) -> float:
    """After how many epochs weight decay alone would halve a weight; infinite without decay.

    Once momentum has added up, each step shrinks it by lr/(1 − momentum) · weight_decay if coupled. `images`: in
    the training set.
    """
    step = config.per_layer("lr")[-1] * config.weight_decay
    if config.weight_decay_form == "coupled":
        step /= 1 - config.momentum
    steps = -(-images // config.batch_size)
    return math.log(2) / (step * steps) if step else math.inf


def unit_activity(run: Run, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the units of hidden layer `layer` (from 1), at the last epoch at which it was kept: the mean activity and
    the fraction of validation images for which each is on, [units] both."""
    epoch = max(int(name.split("_")[1]) for name in run.diagnostics if name.startswith("activity_"))
    kept = (run.diagnostics[f"{kind}_{epoch}_layer{layer}"].astype(float) for kind in ("activity", "active"))
    return tuple(kept)


def unit_table(runs: dict[str, Run | None]) -> pd.DataFrame:
    """For each run and layer the shares of dead, hysterical and always active units, in percent."""
    rows = {}
    for name, run in runs.items():
        if run is None:
            rows[name, ""] = {"dead (%)": "open"}
            continue
        for layer in range(1, len(run.config.hidden) + 1):
            mean, active = unit_activity(run, layer)
            rows[name, f"layer {layer}"] = {
                "dead (%)": f"{100 * (active == 0).mean():.1f}",
                "hysterical (%)": f"{100 * (mean > HYSTERICAL * mean.mean()).mean():.1f}",
                "on for over 95 % of the images (%)": f"{100 * (active > 0.95).mean():.1f}",
            }
    frame = pd.DataFrame(rows).T.fillna("")
    frame.index = [" ".join(filter(None, key)) for key in frame.index]
    return frame


def effective_negatives(run: Run) -> np.ndarray:
    """By epoch, exp(entropy) of the negative label given the true one, mean over classes: 9 if uniform, 1 if fixed."""
    counts = run.diagnostics["negative_counts"].astype(float)
    share = counts / counts.sum(2, keepdims=True)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(2)
    return np.exp(entropy).mean(1)


def frequent_negatives(runs: dict[str, Run | None], count: int = 8) -> pd.DataFrame:
    """The most frequent pairs true → negative label of each run's last epoch, with their share of the class."""
    columns = {}
    for name, run in runs.items():
        if run is None:
            columns[name] = ["open"] + [""] * (count - 1)
            continue
        share = run.diagnostics["negative_counts"][-1].astype(float)
        share /= share.sum(1, keepdims=True)
        order = np.argsort(share, axis=None)[::-1][:count]
        pairs = zip(*np.unravel_index(order, share.shape), strict=True)
        columns[name] = [f"{true} → {negative} ({100 * share[true, negative]:.0f} %)" for true, negative in pairs]
    return pd.DataFrame(columns, index=range(1, count + 1)).rename_axis(columns="rank")


def cost_table(study: Study, collected: Collected) -> pd.DataFrame:
    """What one training step of each cell costs: its matrix products, counted, and at paper scale its epochs' time."""
    operations = {
        cell.settings[study.factor]: sum(product.operations for product in step_products(cell.config))
        for cell in study.cells
    }
    plainest, rows = min(operations.values()), []
    for key, count in operations.items():
        seconds = [run.metrics["seconds"].median() for run in collected.runs_of(**{study.factor: key}).values()]
        row = {"operations per step (10⁹)": f"{count / 1e9:.3g}", "times the least": f"{count / plainest:.2f}"}
        if study.profile.name == "paper":  # The small runs are over before their time means anything.
            row["median epoch (s)"] = f"{min(seconds):.0f}" if seconds else "open"
        rows.append({study.factor: key} | row)
    return pd.DataFrame(rows).set_index(study.factor).rename_axis(index=None, columns=study.factor)
