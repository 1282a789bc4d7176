"""The figures of runs that the chapters of the search log show.

Every function draws one figure with pyplot and returns nothing, so that a notebook shows it once. Where runs
are missing, the figure says "open".
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .collecting import Collected, stores
from .errors import explained
from .figures import NEGATIVE, POSITIVE
from .report import VALIDATION, estimates
from .results import Run


def _open(axes: Axes) -> None:
    """Say on an empty figure that its runs are missing."""
    axes.text(0.5, 0.5, "open: no run of this figure is in the results", ha="center", transform=axes.transAxes)
    axes.set_axis_off()


def draw_errors(
    collected: Collected, *, log: bool = True, label: str | None = None, reference: dict | None = None
) -> None:
    """Validation error against the factor: every seed a dot, the mean a line, its standard error a bar.

    `reference`: vertical lines, {text: value}.
    """
    study = collected.study
    _, axes = plt.subplots(figsize=(7, 3.8))
    for metric, colour, name in (
        (VALIDATION, POSITIVE, "validation"),
        ("val_one_pass_error", "0.55", "validation, one-pass"),
    ):
        found = estimates(collected, metric)
        if found.empty:
            continue
        keys, means = list(found.index), [e.mean for e in found]
        bars = [e.standard_error for e in found]
        axes.errorbar(keys, means, bars, fmt="-o", color=colour, capsize=3, label=name)
        points = collected.values(metric)
        axes.scatter(points[study.factor], points[metric], s=14, color=colour, alpha=0.5, zorder=3)
    for text, value in (reference or {}).items():
        axes.axvline(value, color="0.4", linestyle=":", linewidth=1)
        axes.annotate(text, (value, 1), xycoords=("data", "axes fraction"), xytext=(4, -12), textcoords="offset points",
                      fontsize=9, color="0.3")  # fmt: skip
    axes.set(xlabel=label or study.factor, ylabel="error (%)", yscale="log")
    if log:
        keys = [cell.settings[study.factor] for cell in study.cells]
        axes.set_xscale("log", base=2)
        axes.set_xticks(keys, [f"{key:g}" for key in keys])
    axes.minorticks_off()
    axes.set_yticks(
        [ticks for ticks in (1, 2, 3, 5, 10, 20, 50, 100) if axes.get_ylim()[0] <= ticks <= axes.get_ylim()[1]]
    )
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()


def draw_learning(
    collected: Collected, metric: str, *, label: str | None = None, ylabel: str = "error (%)", log: bool = True
) -> None:
    """`metric` over the epochs, one line per value of the factor (mean over seeds; the shade spans them)."""
    study = collected.study
    data = collected.trajectories([metric]).dropna(subset=[metric])
    _, axes = plt.subplots(figsize=(7, 3.8))
    if data.empty:
        _open(axes)
        return
    palette = sns.color_palette("viridis", data[study.factor].nunique())
    sns.lineplot(
        data=data, x="epoch", y=metric, hue=study.factor, palette=palette, marker="o", errorbar=("pi", 100), ax=axes
    )
    axes.set(ylabel=ylabel, yscale="log" if log else "linear")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend(title=label or study.factor, loc="upper left", bbox_to_anchor=(1, 1))


def draw_goodness(runs: dict[str, Run]) -> None:
    """Goodness of positives and negatives over the epochs, relative to θ: a panel per layer, a row per run."""
    if not runs:
        _open(plt.subplots(figsize=(7, 2))[1])
        return
    layers = max(len(run.config.hidden) for run in runs.values())
    _, grid = plt.subplots(
        len(runs), layers, figsize=(7.4, 1.0 + 1.75 * len(runs)), sharex="row", sharey="row", squeeze=False
    )
    for axes_row, (name, run) in zip(grid, runs.items(), strict=True):
        for i, axes in enumerate(axes_row, 1):
            if i > len(run.config.hidden):
                axes.set_visible(False)
                continue
            theta = run.config.per_layer("theta")[i - 1]
            for kind, colour, style in (("positive", POSITIVE, "-"), ("negative", NEGATIVE, "--")):
                column = run.metrics[f"layer{i}_goodness_{kind}"] / theta
                axes.plot(column.index, column, style, color=colour, label=kind)
            axes.axhline(1, color="0.5", linewidth=0.8)
            axes.set_title(f"layer {i}", fontsize=9)
        axes_row[0].set_ylabel(f"{name}\ngoodness / θ", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("epoch", fontsize=9)
    grid[0][0].legend(fontsize=8)


def keep(name: str, profile: str) -> None:
    """Also save the figure just drawn, as `figures/<name>.png` in the results folder of `profile`."""
    folder = stores(profile)[0].root / "figures"
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        plt.gcf().savefig(folder / f"{name}.png", metadata={"Software": None})
