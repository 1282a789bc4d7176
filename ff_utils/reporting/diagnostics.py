"""What is inside runs: what each layer can do, which units are dead, which labels became negatives, what a step costs.

Tables and figures are as chapters show them; where a run is missing (None) they say "open".
"""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ..config import RunConfig
from ..cost import step_products
from ..data import excerpt
from ..errors import UserError
from ..results import Run
from ..studies import Study
from ..studies.collecting import Collected, value, wrong_images
from .comparing import TEST, VALIDATION
from .formats import in_figures
from .style import GREY, LAYERS, LINES, NEGATIVE, PIXELS, POSITIVE, WIDTH, draw_image, epoch_ticks, say_open

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


def _there(runs: dict[str, Run | None]) -> dict[str, Run]:
    return {name: run for name, run in runs.items() if run}


def draw_goodness(runs: dict[str, Run | None]) -> None:
    """Goodness of positives and negatives over the epochs, relative to θ: a panel per layer, a row per run."""
    there = _there(runs)
    if not there:
        say_open(plt.subplots(figsize=(WIDTH, 2))[1])
        return
    layers = max(len(run.config.hidden) for run in there.values())
    figure, grid = plt.subplots(
        len(there), layers, figsize=(WIDTH, 1.0 + 1.75 * len(there)), sharex="row", sharey="row", squeeze=False
    )
    for axes_row, (name, run) in zip(grid, there.items(), strict=True):
        for i, axes in enumerate(axes_row, 1):
            if i > len(run.config.hidden):
                axes.set_visible(False)
                continue
            theta = run.config.per_layer("theta")[i - 1]
            for kind, colour, style in (("positive", POSITIVE, "-"), ("negative", NEGATIVE, "--")):
                column = run.metrics[f"layer{i}_goodness_{kind}"] / theta
                axes.plot(column.index, column, style, color=colour, label=kind)
            axes.axhline(1, color=GREY, linewidth=0.8)
            axes.set_title(f"layer {i}", fontsize=9)
        axes_row[0].set_ylabel(f"{name}\ngoodness / θ", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("epoch", fontsize=9)
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=8)


def draw_activity(runs: dict[str, Run | None]) -> None:
    """The distribution of the units' mean activities in each layer, in units of the layer's mean; one line per run."""
    there = _there(runs)
    if not there:
        say_open(plt.subplots(figsize=(WIDTH, 2))[1])
        return
    layers = len(next(iter(there.values())).config.hidden)
    _, panels = plt.subplots(1, layers, figsize=(WIDTH, 2.9), sharex=True, sharey=True, squeeze=False)
    edges = np.linspace(-3, 1.5, 28)
    for i, axes in enumerate(panels[0], 1):
        for (name, run), colour, style in zip(there.items(), (NEGATIVE, POSITIVE, *LAYERS), LINES, strict=False):
            mean, _ = unit_activity(run, i)
            relative = np.log10(np.maximum(mean / mean.mean(), 1e-3))  # Dead units stand at the left edge.
            axes.hist(relative, edges, weights=np.full(len(mean), 100 / len(mean)), histtype="step", color=colour,
                      linestyle=style, linewidth=1.6, label=name)  # fmt: skip
        axes.set(title=f"layer {i}", xticks=[-3, -2, -1, 0, 1], xlabel="activity")
        axes.set_xticklabels(["dead", "0.01", "0.1", "1", "10"], fontsize=8)
    panels[0][0].set_ylabel("units (%)")
    panels[0][-1].legend(fontsize=8)


def draw_counts(run: Run | None, epochs: tuple[int, ...]) -> None:
    """Which labels became negatives: true × negative label in percent of the images of a class, at some epochs."""
    if run is None:
        say_open(plt.subplots(figsize=(WIDTH, 2))[1])
        return
    counts = run.diagnostics["negative_counts"].astype(float)
    figure, panels = plt.subplots(1, len(epochs), figsize=(WIDTH, 2.9), sharey=True, squeeze=False)
    for axes, epoch in zip(panels[0], epochs, strict=True):
        share = 100 * counts[epoch - 1] / counts[epoch - 1].sum(1, keepdims=True)
        shown = axes.imshow(share, cmap=PIXELS, vmin=0, vmax=60)
        axes.set(title=f"epoch {epoch}", xlabel="negative label", xticks=range(0, 10, 2), yticks=range(10))
    panels[0][0].set_ylabel("true label")
    figure.colorbar(shown, ax=panels[0].tolist(), shrink=0.75, label="share (%)", extend="max")


def draw_concentration(runs: dict[str, Run | None]) -> None:
    """The effective number of negative labels per class over the epochs, one line per run."""
    _, axes = plt.subplots(figsize=(WIDTH, 3.0))
    there = _there(runs)
    if not there:
        say_open(axes)
        return
    for (name, run), colour, marker in zip(there.items(), sns.color_palette("colorblind"), "os^Dv", strict=False):
        values = effective_negatives(run)
        axes.plot(range(1, len(values) + 1), values, marker=marker, markersize=4, color=colour, label=name)
    axes.set(xlabel="epoch", ylabel="effective number of\nwrong labels", ylim=(1, 9.4))
    epoch_ticks(axes.xaxis)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


PICTURED = (6, 15)  # Rows and columns of pictures that a page has room for.


def mistakes(run: Run, epoch: int) -> np.ndarray:
    """The first test images that a run gets wrong by label search after `epoch`, as many as `draw_mistakes` shows.

    Indices, [mistakes]; none where the run's predictions are not stored.
    """
    wrong = wrong_images(run, epoch, TEST)
    return np.flatnonzero(wrong)[: math.prod(PICTURED)] if wrong is not None else np.array([], dtype=int)


def draw_mistakes(run: Run | None, epoch: int) -> None:
    """The `mistakes` of a run after `epoch`, each with its label → the run's. Needs these images."""
    shown = mistakes(run, epoch) if run else []
    if len(shown) == 0:
        return say_open(plt.subplots(figsize=(WIDTH, 1))[1])
    try:
        images = excerpt(run.config.dataset, "test", shown).images
    except UserError:
        return say_open(plt.subplots(figsize=(WIDTH, 1))[1], f"the images of {run.config.dataset} are not here")
    truth, taken = run.predictions["test_labels"], run.predictions[f"test_label_search_{epoch}"]
    columns = PICTURED[1]
    lines = -(-len(shown) // columns)
    _, axes = plt.subplots(lines, columns, figsize=(WIDTH, 0.72 * lines), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, i, image in zip(axes.flat, shown, images, strict=False):
        draw_image(ax, image / 255)
        ax.set_title(f"{truth[i]} → {taken[i]}", loc="center", pad=2, fontsize=7)
