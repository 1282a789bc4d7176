"""The figures of the self-supervised chapters; each function draws one with pyplot and returns nothing."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.axes import Axes
from torch import Tensor

from ..collecting import Collected
from ..figures import GREY, LAYERS, NEGATIVE, PIXELS, POSITIVE, WIDTH
from ..results import Run
from .embedding import tsne
from .pretext import Pretext
from .report import embedding, of_cell

METHOD_COLOURS = {"Forward-Forward": POSITIVE, "backprop": NEGATIVE}
MARKERS = {"Forward-Forward": "o-", "backprop": "s--"}


def _missing(ax: Axes) -> None:
    ax.text(0.5, 0.5, "open: its runs are not in the results", ha="center", transform=ax.transAxes)
    ax.set_axis_off()


def _show(ax: Axes, image: Tensor) -> None:
    """An image uint8 [height, width] or [3, height, width]."""
    if image.ndim == 3:
        ax.imshow(image.permute(1, 2, 0).numpy())
    else:
        ax.imshow(image.numpy(), cmap=PIXELS, vmin=0, vmax=255, interpolation="none")
    ax.set(xticks=[], yticks=[])
    sns.despine(ax=ax, left=True, bottom=True)


def draw_tasks(image: Tensor, tasks: dict[str, list[int]]) -> None:
    """One image changed by each task, a row per task: {task: classes to show}."""
    columns = max(map(len, tasks.values()))
    _, grid = plt.subplots(len(tasks), columns, figsize=(WIDTH * columns / 6, 1.25 * len(tasks)), squeeze=False)
    for row, (task, classes) in zip(grid, tasks.items(), strict=True):
        pretext = Pretext(task, tuple(image.shape))
        for ax in row:
            ax.set_axis_off()
        for ax, k in zip(row, classes, strict=False):
            ax.set_axis_on()
            _show(ax, pretext(image[None], torch.tensor([k]))[0])
            ax.set_title(f"class {k}", loc="center", pad=2)
        row[0].set_ylabel(task)


def draw_hybrids(images: Tensor, others: Tensor, made: dict[str, Tensor]) -> None:
    """Rows: images, the others they are made with, and the negatives made of them, by name. All uint8 [n, …]."""
    rows = {"image": images, "another": others, **made}
    _, grid = plt.subplots(len(rows), len(images), figsize=(WIDTH, 1.1 * len(rows)), squeeze=False)
    for line, (name, pictures) in zip(grid, rows.items(), strict=True):
        for ax, picture in zip(line, pictures, strict=True):
            _show(ax, picture)
        line[0].set_ylabel(name)


def draw_layers(runs: dict[str, Run | None], reference: float | None = None) -> None:
    """Transfer accuracy by layer, one line per run; `reference`: that of raw pixels."""
    _, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.2))
    there = {name: run for name, run in runs.items() if run is not None}
    if not there:
        _missing(ax)
        return
    styles = zip([POSITIVE, NEGATIVE, *LAYERS], ["o-", "s--", "^-.", "D:", "v-", "P--"], strict=True)
    for (name, run), (colour, style) in zip(there.items(), styles, strict=False):
        layers = range(1, len(run.config.hidden) + 1)
        values = [100 - run.metrics.iloc[-1][f"test_transfer_layer{i}_error"] for i in layers]
        ax.plot(layers, values, style, color=colour, ms=5, label=name)
    if reference is not None:
        ax.axhline(reference, color=GREY, lw=1, ls=":")
        ax.annotate("raw pixels", (1, reference), xytext=(0, 3), textcoords="offset points", fontsize=9, color=GREY)
    ax.set(xlabel="layer", ylabel="transfer accuracy (%)", xticks=list(layers))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def draw_embeddings(runs: dict[str, Run | None], layers: tuple[int, ...]) -> None:
    """t-SNE of the stored test images, a row per run, a column per layer (from 1), coloured by class."""
    there = {name: run for name, run in runs.items() if run is not None}
    if not there:
        _missing(plt.subplots(figsize=(WIDTH, 2))[1])
        return
    _, grid = plt.subplots(len(there), len(layers), figsize=(WIDTH, 2.3 * len(there)), squeeze=False)
    for row, (name, run) in zip(grid, there.items(), strict=True):
        for ax, layer in zip(row, layers, strict=True):
            components, labels = embedding(run, layer)
            scatter_classes(ax, tsne(components), labels)
            ax.set_title(f"layer {layer}")
        row[0].set_ylabel(name)


def scatter_classes(ax: Axes, places: np.ndarray, labels: Tensor) -> None:
    """Points in the plane; classes differ in colour, and in the number drawn at their centre."""
    palette = sns.color_palette("husl", int(labels.max()) + 1)
    ax.scatter(*places.T, s=4, c=[palette[k] for k in labels.tolist()], linewidths=0)
    for k in labels.unique().tolist():
        centre = np.median(places[(labels == k).numpy()], axis=0)
        ax.text(*centre, k, ha="center", va="center", fontsize=9, fontweight="bold")
    ax.set(xticks=[], yticks=[])


def draw_similarities(maps: dict[str, pd.DataFrame]) -> None:
    """CKA of layers with layers, a heat map per pair of nets."""
    if not maps:
        _missing(plt.subplots(figsize=(WIDTH, 2))[1])
        return
    _, row = plt.subplots(1, len(maps), figsize=(WIDTH, 2.9), squeeze=False)
    for ax, (name, values) in zip(row[0], maps.items(), strict=True):
        short = [text.removeprefix("layer ") for text in values.columns]
        sns.heatmap(values, vmin=0, vmax=1, cmap=PIXELS, annot=True, fmt=".2f", cbar=False, square=True, ax=ax,
                    xticklabels=short, yticklabels=short, annot_kws={"fontsize": 8})  # fmt: skip
        rows, columns = name.split(" against ") if " against " in name else (name, name)
        ax.set(xlabel=f"layer, {columns}", ylabel=f"layer, {rows}")


def draw_sensitivity(collected: Collected, metric: str = "val_transfer_error") -> None:
    """Transfer accuracy on validation over the grid of rates, a line per method."""
    _, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.2))
    for method, name in (("forward_forward", "Forward-Forward"), ("backprop", "backprop")):
        cells = [cell for cell in collected.study.cells if cell.settings["algorithm"] == method]
        found = {cell.settings["rate"]: of_cell(collected, metric, **cell.settings) for cell in cells}
        points = {rate: 100 - next(iter(one.values())).value for rate, one in found.items() if one}
        if points:
            ax.plot(points.keys(), points.values(), MARKERS[name], color=METHOD_COLOURS[name], label=name)
            ax.set_xticks(list(points), [f"{rate:g}" for rate in points])
    if not ax.lines:
        _missing(ax)
        return
    ax.set_xscale("log", base=2)
    ax.set_xticks(collected.study.keys, [f"{rate:g}" for rate in collected.study.keys])
    ax.set(xlabel="learning rate, relative to the one used", ylabel="transfer accuracy (%)")
    ax.legend()


def draw_rates(grids: dict[str, dict[float, float]]) -> None:
    """Accuracy by relative learning rate, a line per contestant."""
    _, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.0))
    for (name, grid), colour, style in zip(
        grids.items(), (POSITIVE, LAYERS[0], NEGATIVE), ("o-", "^-.", "s--"), strict=True
    ):
        ax.plot(grid.keys(), grid.values(), style, color=colour, label=name)
        ax.set_xscale("log", base=2)
        ax.set_xticks(list(grid), [f"{rate:g}" for rate in grid])
    ax.set(xlabel="learning rate, relative to the usual one", ylabel="transfer accuracy\non validation (%)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def draw_planes(features: dict[str, Tensor], labels: Tensor) -> None:
    """t-SNE of the features [n, units] of each contestant, side by side, coloured by class."""
    _, row = plt.subplots(1, len(features), figsize=(WIDTH, 2.7), squeeze=False)
    for ax, (name, found) in zip(row[0], features.items(), strict=True):
        scatter_classes(ax, tsne(found), labels)
        ax.set_title(name, fontsize=9)
