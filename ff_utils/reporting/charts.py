"""The figures of runs that the chapters of the search log show.

Every function draws one figure with pyplot and returns nothing, so that a notebook shows it once. Where runs
are missing, the figure says "open".
"""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import Patch

from ..errors import explained
from ..results import Run
from ..studies.collecting import Collected, column, stores
from .comparing import ONE_PASS, TEST, VALIDATION, change, estimates
from .formats import number
from .style import GREY, LAYERS, NEGATIVE, POSITIVE, WIDTH, epoch_ticks, error_ticks, say_open
from .uncertainty import NORMAL_95, binomial_sd, over_seeds


def draw_errors(collected: Collected, *, label: str, reference: dict | None = None) -> None:
    """Validation errors against the factor: every seed a dot, the mean a line, its standard error a bar.

    Numbers above 0 stand on a logarithmic axis, other values side by side. `reference`: vertical lines, {text: value}.
    """
    study, keys = collected.study, collected.study.keys
    numeric = all(isinstance(key, float) and key > 0 for key in keys)
    place = {key: key if numeric else position for position, key in enumerate(keys)}
    _, axes = plt.subplots(figsize=(WIDTH, 3.8))
    if collected.table.empty:
        say_open(axes)
        return
    for metric, colour, name in ((VALIDATION, POSITIVE, "label search"), (ONE_PASS, GREY, "one-pass")):
        found = estimates(collected, metric)
        at, means, bars = (
            [place[key] for key in found.index],
            [e.mean for e in found],
            [e.standard_error for e in found],
        )
        axes.errorbar(at, means, bars, fmt="-o" if numeric else "o", color=colour, capsize=3, label=name)
        points = collected.values(metric)
        axes.scatter(points[study.factor].map(place), points[metric], s=14, color=colour, alpha=0.5, zorder=3)
    for text, value in (reference or {}).items():
        axes.axvline(place.get(value, value), color=GREY, linestyle=":", linewidth=1)
        axes.annotate(text, (place.get(value, value), 1), xycoords=("data", "axes fraction"), xytext=(4, -12),
                      textcoords="offset points", fontsize=9, color=GREY)  # fmt: skip
    axes.set(xlabel=label, ylabel="validation error (%)", yscale="log", xscale="log" if numeric else "linear")
    axes.set_xticks(list(place.values()), [textwrap.fill(number(key), 16) for key in keys], fontsize=8)
    if len(keys) > 6 and not numeric:
        axes.tick_params(axis="x", labelrotation=40)
    axes.minorticks_off()
    error_ticks(axes.yaxis)
    axes.legend()


def draw_changes(collected: Collected, reference: object) -> None:
    """The change of the validation error by each value of the factor against `reference`, with 95 % intervals."""
    factor = collected.study.factor
    keys = [key for key in collected.study.keys if key != reference]
    found = {key: change(collected, {factor: reference}, {factor: key}) for key in keys}
    _, axes = plt.subplots(figsize=(WIDTH, 0.6 + 0.32 * len(keys)))
    if not any(found.values()):
        say_open(axes)
        return
    for row, key in enumerate(keys):
        if estimate := found[key]:
            bars = [[estimate.mean - estimate.low], [estimate.high - estimate.mean]]
            axes.errorbar(estimate.mean, row, xerr=bars, fmt="o", color=POSITIVE, capsize=3)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(keys)), [number(key) for key in keys])
    axes.invert_yaxis()
    axes.set(xlabel="change of the validation error (points)")


def draw_learning(
    collected: Collected,
    metric: str,
    *,
    label: str,
    ylabel: str = "validation error (%)",
    log: bool = True,
    log_epochs: bool = False,
) -> None:
    """`metric` over the epochs, a line per value that has runs (mean over seeds; the shade spans them).

    `log` and `log_epochs` make the axes logarithmic; the latter suits runs of very different lengths.
    """
    study, data = collected.study, collected.trajectories(metric)
    data = data.assign(shown=data[study.factor].map(number))
    keys = [number(key) for key in study.keys if number(key) in set(data["shown"])]
    below = max(map(len, keys), default=0) > 30  # Beside the axes, long names would leave them no room.
    _, axes = plt.subplots(figsize=(WIDTH, 3.6 + (0.12 * len(keys) if below else 0)))
    if data.empty:
        say_open(axes)
        return
    # An ordered palette for what is ordered; names are to be told apart.
    ordered = all(isinstance(key, (int, float)) for key in study.keys)
    palette = sns.color_palette("viridis" if ordered or len(keys) > 10 else "colorblind", len(keys))
    sns.lineplot(data=data, x="epoch", y=metric, hue="shown", hue_order=keys, style="shown", style_order=keys,
                 palette=palette, markers=["o"] * len(keys), dashes=True, markersize=5, errorbar=("pi", 100),
                 ax=axes)  # fmt: skip
    axes.set(ylabel=ylabel, yscale="log" if log else "linear")
    if log_epochs:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    else:
        epoch_ticks(axes.xaxis)
    if log:
        error_ticks(axes.yaxis)
    else:
        axes.set_ylim(0, max(1, axes.get_ylim()[1]))
        if not data[metric].any():
            axes.text(0.5, 0.5, "0 throughout", ha="center", transform=axes.transAxes)
            axes.figure.set_figheight(1.6)
    place = {"bbox_to_anchor": (0, -0.16), "ncols": 2} if below else {"bbox_to_anchor": (1, 1)}
    axes.legend(title=label, title_fontsize=9, loc="upper left", **place)


def draw_effective_rate(studies: dict[str, Collected]) -> None:
    """Validation error against lr / (1 − momentum), the step size that momentum adds up to, for several studies."""
    _, axes = plt.subplots(figsize=(WIDTH, 3.4))
    drawn = False
    for (name, collected), marker, colour in zip(studies.items(), "os^", LAYERS, strict=False):
        configs = {cell.settings[collected.study.factor]: cell.config for cell in collected.study.cells}
        found = estimates(collected, VALIDATION)
        rates = [configs[key].per_layer("lr")[-1] / (1 - configs[key].momentum) for key in found.index]
        points = sorted(zip(rates, (e.mean for e in found), strict=True))
        if points:
            drawn = True
            axes.plot(*zip(*points, strict=True), marker=marker, color=colour, label=name)
    if not drawn:
        say_open(axes)
        return
    axes.set(xlabel="learning rate / (1 − momentum)", ylabel="validation error (%)", xscale="log", yscale="log")
    low, high = axes.get_xlim()
    axes.set_xticks([rate for rate in (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2) if low <= rate <= high])
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter("{x:g}")
    error_ticks(axes.yaxis)
    axes.legend(title="varied", title_fontsize=9)


def draw_curve(run: Run | None, until: int, *, published: dict[int, tuple[float | None, float]] | None = None) -> None:
    """One learning curve as the source draws it: training loss, and both validation errors, up to epoch `until`.

    `published`: {epoch: (validation, test)} of the source, marked by crosses; None is left out. A second panel then
    enlarges that part of the curve.
    """
    figure, panels = plt.subplots(1, 2 if published else 1, figsize=(WIDTH, 3.6), squeeze=False)
    if run is None:
        for axes in panels[0]:
            say_open(axes)
        return
    for axes in panels[0]:
        for metric, colour, style, name in (
            (VALIDATION, POSITIVE, "-", "validation, label search"),
            (ONE_PASS, GREY, "--", "validation, one-pass"),
            (TEST, NEGATIVE, "", "test, label search"),
        ):
            if metric == ONE_PASS and axes is not panels[0, 0]:
                continue  # What is enlarged lies far below it.
            found = column(run, metric).loc[:until].dropna()
            marker = "" if style else "D"
            axes.plot(found.index, found, linestyle=style or "none", marker=marker, color=colour, label=name)
        for part, (colour, name) in enumerate(((POSITIVE, "validation"), (NEGATIVE, "test"))):
            theirs = {epoch: values[part] for epoch, values in (published or {}).items() if values[part] is not None}
            if theirs:
                style = {"ms": 8, "mew": 2, "color": colour, "label": f"{name}, the source's"}
                axes.plot(list(theirs), list(theirs.values()), "x", **style)
        axes.set(xlabel="epoch", yscale="log")
    if published:
        start = 0.75 * min(published)
        ours = [column(run, metric).loc[start:until].dropna() for metric in (VALIDATION, TEST)]
        errors = [error for part in ours for error in part]
        errors += [error for values in published.values() for error in values if error is not None]
        axes.set(title="its end, enlarged", xlim=(start, 1.05 * until), ylim=(0.9 * min(errors), 1.15 * max(errors)))
        axes.set_yscale("linear")  # Over so short a range, and with more ticks.
    panels[0, 0].set_ylabel("error (%)")
    error_ticks(panels[0, 0].yaxis)
    for axes in panels[0]:
        epoch_ticks(axes.xaxis)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def draw_steps(table: pd.DataFrame) -> None:
    """Bars of the steps of the search: validation and test error, the source's hollow and ours filled.

    `table`: one row per step with the columns `val`, `test`, `our val`, `our test`; NaN is left out.
    """
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.4), sharey=True)
    places = np.arange(len(table))
    for axes, part, colour, title in zip(panels, ("val", "test"), (POSITIVE, NEGATIVE), ("validation", "test"),
                                         strict=True):  # fmt: skip
        axes.barh(places - 0.2, table[part], 0.38, fill=False, edgecolor=colour, linewidth=1.4)
        axes.barh(places + 0.2, table[f"our {part}"], 0.38, color=colour)
        for place, (theirs, ours) in enumerate(zip(table[part], table[f"our {part}"], strict=True)):
            for offset, error in ((-0.2, theirs), (0.2, ours)):
                shown = "open" if np.isnan(error) and offset > 0 else "" if np.isnan(error) else f" {error:.2f}"
                axes.text(0 if np.isnan(error) else error, place + offset, shown, va="center", fontsize=8)
        axes.set(xlabel="error (%)", title=title)
        axes.margins(x=0.15)
    panels[0].set_yticks(places, table.index)
    panels[0].invert_yaxis()
    kinds = [Patch(fill=False, edgecolor=GREY, linewidth=1.4), Patch(color=GREY)]
    figure.legend(kinds, ["the source's", "ours"], loc="outside upper right", ncols=2)


def draw_seeds(groups: dict[str, list[float]], images: int) -> None:
    """Every seed of some settings as a dot, with the mean and both errors: over seeds (t) and of sampled images."""
    _, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.75 * len(groups)))
    if not any(groups.values()):
        say_open(axes)
        return
    for place, errors in enumerate(groups.values()):
        if errors:
            estimate = over_seeds(errors, images)
            sampling = NORMAL_95 * binomial_sd(estimate.mean, images)
            axes.errorbar(estimate.mean, place + 0.16, xerr=sampling, fmt="none", color=GREY, capsize=4,
                          label="sampled images, 95 %")  # fmt: skip
            if not estimate.one_seed:
                shown = estimate.of_an_error()
                ends = [[shown.mean - shown.low], [shown.high - shown.mean]]
                axes.errorbar(shown.mean, place - 0.16, xerr=ends, fmt="none", color=POSITIVE, capsize=4,
                              label="mean over seeds, 95 %")  # fmt: skip
            axes.plot(errors, [place] * len(errors), "o", color=POSITIVE, label="seeds")
    axes.set_yticks(range(len(groups)), groups)
    axes.set(xlabel="error (%)", ylim=(len(groups) - 0.5, -0.5))
    drawn = {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}  # Each once.
    axes.legend(drawn.values(), drawn.keys(), loc="upper left", bbox_to_anchor=(1, 1))


def keep(name: str, profile: str) -> None:
    """Also save the figure just drawn, as `figures/<name>.png` in the results folder of `profile`."""
    folder = stores(profile)[0].root / "figures"
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        plt.gcf().savefig(folder / f"{name}.png", metadata={"Software": None})
