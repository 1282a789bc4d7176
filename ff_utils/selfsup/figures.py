"""The figures of the self-supervised chapters; each function draws one with pyplot and returns nothing."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from ..pretext import Pretext
from ..reporting.comparing import measured
from ..reporting.style import LAYERS, NEGATIVE, PIXELS, POSITIVE, WIDTH, say_open
from ..studies.collecting import Collected
from .embedding import tsne
from .report import Nets, embedding
from .words import RANKED_BY

METHOD_COLOURS = {"Forward-Forward": POSITIVE, "backprop": NEGATIVE}
MARKERS = {"Forward-Forward": "o-", "backprop": "s--"}


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


def draw_pretext_learning(collected: Collected) -> None:
    """Validation error on rotation over the epochs, a line per method: the mean over seeds; the shade spans them."""
    _, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.2))
    metrics = {"Forward-Forward": "val_label_search_error", "backprop": "val_softmax_error"}
    for method, (name, metric) in zip(("forward_forward", "backprop"), metrics.items(), strict=True):
        data = collected.trajectories(metric)
        first = data[(data.get("task") == "rotation") & (data.get("algorithm") == method)]
        first = first[first["dataset"] == collected.study.base.dataset]
        if len(first):
            by_epoch = first.groupby("epoch")[metric]
            mean = by_epoch.mean()
            ax.fill_between(mean.index, by_epoch.min(), by_epoch.max(), color=METHOD_COLOURS[name], alpha=0.2, lw=0)
            ax.plot(mean.index, mean, MARKERS[name], ms=4, color=METHOD_COLOURS[name], label=name)
    if not ax.lines:
        say_open(ax)
        return
    ax.set(xlabel="epoch", ylabel="validation error (%)", yscale="log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("{x:g}")
    ax.legend()


def draw_hybrids(images: Tensor, others: Tensor, made: dict[str, Tensor]) -> None:
    """Rows: images, the others they are made with, and the negatives made of them, by name. All uint8 [n, …]."""
    rows = {"image": images, "another": others, **made}
    _, grid = plt.subplots(len(rows), len(images), figsize=(WIDTH, 1.1 * len(rows)), squeeze=False)
    for line, (name, pictures) in zip(grid, rows.items(), strict=True):
        for ax, picture in zip(line, pictures, strict=True):
            _show(ax, picture)
        line[0].set_ylabel(name)


def _lines(ax: Axes, nets: Nets, column: str, of_error: bool = False) -> None:
    """A line per net of the metric `column`, which names the layer as {i}, over the layers: the mean over seeds."""
    styles = zip([POSITIVE, NEGATIVE, *LAYERS], ["o-", "s--", "^-.", "D:", "v-", "P--"], strict=True)
    for (name, runs), (colour, style) in zip(nets.items(), styles, strict=False):
        layers = range(1, len(runs[0].config.hidden) + 1)
        values = [np.mean([run.metrics.iloc[-1][column.format(i=i)] for run in runs]) for i in layers]
        ax.plot(layers, [100 - v for v in values] if of_error else values, style, color=colour, ms=5, label=name)
        ax.set(xlabel="layer", xticks=list(layers))


def _there(nets: Nets) -> Nets:
    return {name: runs for name, runs in nets.items() if runs}


def draw_layers(nets: Nets) -> None:
    """Transfer accuracy of each layer alone, one line per net."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.2))
    if not (there := _there(nets)):
        say_open(ax)
        return
    _lines(ax, there, "test_transfer_layer{i}_error", of_error=True)
    ax.set_ylabel("transfer accuracy (%)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def draw_by_layer(nets: Nets, what: str, label: str) -> None:
    """A measure of each layer, such as `dimension`, one line per net."""
    _, ax = plt.subplots(figsize=(WIDTH, 3.2))
    if not (there := _there(nets)):
        say_open(ax)
        return
    _lines(ax, there, f"layer{{i}}_{what}")
    ax.set_ylabel(label)
    ax.set_ylim(0, None)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def draw_decoding(nets: Nets) -> None:
    """R² of position and stroke width by layer, a panel each, one line per net."""
    _, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.0), sharey=True)
    for ax, (what, title) in zip(panels, {"position": "position", "stroke": "stroke width"}.items(), strict=True):
        if there := _there(nets):
            _lines(ax, there, f"layer{{i}}_{what}_r2")
            ax.set(title=title, ylim=(0, 1))
        else:
            say_open(ax)
    panels[0].set_ylabel("$R^2$")
    if there:
        panels[1].legend(loc="upper right")


def draw_embeddings(nets: Nets, layers: tuple[int, ...]) -> None:
    """t-SNE of the stored test images, a row per net, a column per layer (from 1), coloured by class. First seed."""
    if not (there := _there(nets)):
        say_open(plt.subplots(figsize=(WIDTH, 2))[1])
        return
    _, grid = plt.subplots(len(there), len(layers), figsize=(WIDTH, 2.3 * len(there)), squeeze=False)
    for row, (name, runs) in zip(grid, there.items(), strict=True):
        for ax, layer in zip(row, layers, strict=True):
            components, labels = embedding(runs[0], layer)
            scatter_classes(ax, tsne(components), labels)
            ax.set_title(f"layer {layer}")
        row[0].set_ylabel(name)


def scatter_classes(ax: Axes, places: np.ndarray, labels: Tensor) -> None:
    """Points in the plane; classes differ in colour, and in the number drawn at their centre."""
    palette = sns.color_palette("husl", int(labels.max()) + 1)
    ax.scatter(*places.T, s=4, c=[palette[k] for k in labels.tolist()], linewidths=0)
    for k in labels.unique().tolist():
        centre = np.median(places[(labels == k).numpy()], axis=0)
        halo = [withStroke(linewidth=2, foreground="white")]
        ax.text(*centre, k, ha="center", va="center", fontsize=9, fontweight="bold", path_effects=halo)
    ax.set(xticks=[], yticks=[])


def draw_similarities(maps: dict[str, pd.DataFrame]) -> None:
    """CKA of layers with layers, a heat map per pair of nets."""
    if not maps:
        say_open(plt.subplots(figsize=(WIDTH, 2))[1])
        return
    _, row = plt.subplots(1, len(maps), figsize=(WIDTH, 2.9), squeeze=False)
    for ax, (name, values) in zip(row[0], maps.items(), strict=True):
        short = [text.removeprefix("layer ") for text in values.columns]
        sns.heatmap(values, vmin=0, vmax=1, cmap=PIXELS, annot=True, fmt=".2f", cbar=False, square=True, ax=ax,
                    xticklabels=short, yticklabels=short, annot_kws={"fontsize": 8})  # fmt: skip
        for text, value in zip(ax.texts, values.to_numpy().flat, strict=True):
            text.set_color("black" if value > 0.45 else "white")  # Where the two have about the same contrast.
        rows, columns = name.split(" against ") if " against " in name else (name, name)
        ax.set(xlabel=f"layer, {columns}", ylabel=f"layer, {rows}")
        ax.tick_params(axis="y", rotation=0)


def draw_sensitivity(collected: Collected) -> None:
    """Transfer accuracy on validation over the grid of rates, a line per method."""
    _, ax = plt.subplots(figsize=(WIDTH * 0.8, 3.2))
    for method, name in (("forward_forward", "Forward-Forward"), ("backprop", "backprop")):
        cells = [cell for cell in collected.study.cells if cell.settings["algorithm"] == method]
        found = {cell.settings["rate"]: measured(collected, cell.settings, RANKED_BY) for cell in cells}
        points = {rate: 100 - next(iter(one.values())).value for rate, one in found.items() if one}
        if points:
            ax.plot(points.keys(), points.values(), MARKERS[name], color=METHOD_COLOURS[name], label=name)
    if not ax.lines:
        say_open(ax)
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
