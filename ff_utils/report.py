"""The tables and figures that the chapters of the search log show.

A `draw_` function draws one figure with pyplot and returns nothing, so that a notebook shows it once. Where
runs are missing, tables and figures say "open".
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .config import command_of
from .errors import explained
from .figures import NEGATIVE, POSITIVE
from .results import Run
from .studies import Collected, Study, expected, readable_time, stores
from .uncertainty import Estimate, over_seeds

VALIDATION, TEST = "val_label_search_error", "test_label_search_error"


def _table(rows: list[dict], name: str, index: list | None = None) -> pd.DataFrame:
    """A table with one header row: the first column's name stands in it, and numbers are as short as they can be."""
    frame = pd.DataFrame(rows, index=index) if index is not None else pd.DataFrame(rows).set_index(name)
    frame.index = [number(key) if isinstance(key, float) else key for key in frame.index]
    return frame.fillna("").rename_axis(columns={"theta": "θ"}.get(name, name))


def plan(study: Study) -> pd.DataFrame:
    """The cells of a study as a table: what varies, how long, with which seeds."""
    rows = [
        {
            **cell.settings,
            **({"θ / width": cell.config.per_layer("theta")[-1] / cell.config.hidden[-1]}
               if study.factor == "theta" else {}),
            "layers": " × ".join(map(str, cell.config.hidden)),
            "epochs": cell.epochs,
            "seeds": ", ".join(map(str, cell.seeds)),
        }
        for cell in study.cells
    ]  # fmt: skip
    return _table(rows, study.factor)


def roles(study: Study) -> pd.DataFrame:
    """Which hyperparameters the study is about, which are nuisance, and what the rest is held at."""
    base = study.profile.base.model_dump()
    held = {k: v for k, v in base.items() if k != study.factor and k not in study.nuisance}
    rows = [("scientific", study.factor, "varied")]
    rows += [("nuisance", name, "averaged over") for name in study.nuisance]
    rows += [("fixed", name, held[name]) for name in
             ("hidden", "lr", "momentum", "weight_decay", "layer_reduction", "init", "normalization",
              "input_normalization", "negatives", "peer_normalization", "batch_size", "bias")]  # fmt: skip
    return _table([dict(zip(("role", "hyperparameter", "value"), row, strict=True)) for row in rows], "role")


def status(collected: Collected) -> Markdown:
    """Which runs there are; for those there are not, the command that trains them and its time."""
    study, found, missing = collected.study, len(collected.table), collected.missing
    text = f"{found} of {found + len(missing)} runs of this study are in the results."
    if missing:
        seconds = readable_time(expected(missing, study.profile.training_images))
        commands = "\n".join(command_of(config, epochs) for config, epochs in missing[:3])
        more = f"\n# … and {len(missing) - 3} more" if len(missing) > 3 else ""
        text += (
            f" The others are shown as open; training them takes about {seconds} on this machine:\n\n"
            f"```shell\npython -m ff_utils study {study.name} --profile {study.profile.name}\n```\n\n"
            f"or one by one:\n\n```shell\n{commands}{more}\n```"
        )
    return Markdown(text)


def estimates(collected: Collected, metric: str, epoch: int | None = None) -> pd.Series:
    """The estimate of `metric` for each value of the study's factor, in the study's order."""
    values = collected.values(metric, epoch)
    images = {"smoke": 360}.get(collected.study.profile.name, 10_000)
    grouped = values.groupby(collected.study.factor, sort=False)[metric]
    order = [cell.settings[collected.study.factor] for cell in collected.study.cells]
    found = {key: over_seeds(group.tolist(), images) for key, group in grouped}
    return pd.Series({key: found[key] for key in order if key in found}, name=metric, dtype=object)


def choose(collected: Collected, metric: str = VALIDATION) -> tuple[object, list]:
    """The best value of the factor on `metric`, and all values within one standard error of it.

    None and an empty list where no run is in the results.
    """
    found = estimates(collected, metric)
    if found.empty:
        return None, []
    best = min(found.index, key=lambda key: found[key].mean)
    bar = found[best].mean + found[best].standard_error
    return best, [key for key in found.index if found[key].mean <= bar]


def result_table(collected: Collected) -> pd.DataFrame:
    """Errors per cell with their intervals, chosen on validation; the test error stands beside."""
    study = collected.study
    validation, test = estimates(collected, VALIDATION), estimates(collected, TEST)
    one_pass = estimates(collected, "val_one_pass_error")
    best, tied = choose(collected)
    rows = []
    for cell in study.cells:
        key = cell.settings[study.factor]
        if key not in validation:
            rows.append({"validation error (%)": "open", "chosen": ""})
            continue
        rows.append(
            {
                "validation error (%)": str(validation[key].of_an_error()),
                "test error (%)": str(test[key].of_an_error()),
                "one-pass validation error (%)": str(one_pass[key].of_an_error()) if key in one_pass else "",
                "seeds": validation[key].seeds,
                "chosen": "best" if key == best else "within one standard error" if key in tied else "",
            }
        )
    keys = [cell.settings[study.factor] for cell in study.cells]
    return _table(rows, study.factor, keys)


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


def _open(axes: Axes) -> None:
    """Say on an empty figure that its runs are missing."""
    axes.text(0.5, 0.5, "open: no run of this figure is in the results", ha="center", transform=axes.transAxes)
    axes.set_axis_off()


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


def timing(collected: Collected) -> Markdown:
    """On what and how long the runs of a study were trained."""
    runs = list(collected.by_name.values())
    if not runs:
        return Markdown("No run of this study is in the results yet.")
    devices = sorted(
        {f"{r.provenance['device']}, {r.provenance['threads']} threads, {r.provenance['dtype']}" for r in runs}
    )
    # By the median epoch: a run may have been stopped or slowed for a while.
    total = sum(run.metrics["seconds"].median() * run.epochs for run in runs)
    return Markdown(
        f"{len(runs)} runs, {readable_time(total)} in all, {readable_time(total / len(runs))} each on average, on "
        + "; ".join(devices) + "."
    )  # fmt: skip


def keep(name: str, profile: str) -> None:
    """Also save the figure just drawn, as `figures/<name>.png` in the results folder of `profile`."""
    folder = stores(profile)[0].root / "figures"
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        plt.gcf().savefig(folder / f"{name}.png", metadata={"Software": None})


def number(value: float | None) -> str:
    """A number as prose has it; "open" for None, which stands for a missing run."""
    return "open" if value is None else f"{value:g}"


def interval(estimate: Estimate | None) -> str:
    """An interval as prose has it, 2.43 % (2.31 to 2.55); "open" for None."""
    if estimate is None:
        return "open"
    shown = estimate.of_an_error()
    return f"{shown.mean:.2f} % ({shown.low:.2f} to {shown.high:.2f})"


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


def milestones(runs: dict[str, Run | None], epochs: tuple[int, ...], metric: str = VALIDATION) -> pd.DataFrame:
    """`metric` of each run at these epochs; empty where it was not measured, "open" where the run is missing."""
    rows = {
        name: {
            f"epoch {epoch}": "open"
            if run is None
            else f"{run.at(epoch, metric):.2f}"
            if run.has(epoch, metric)
            else ""
            for epoch in epochs
        }
        for name, run in runs.items()
    }
    return pd.DataFrame(rows).T


def layers_of(runs: dict[str, Run | None]) -> pd.DataFrame:
    """For each run and layer, at its last epoch: the goodness gap in units of θ, and the layer's own error."""
    rows = {}
    for name, run in runs.items():
        table = layer_table(run)
        rows[name] = {
            f"layer {i}": f"{row['goodness gap / θ']:.3f}; {row['error (%)']:.1f} %" for i, row in table.iterrows()
        } or {"layer 1": "open"}
    return pd.DataFrame(rows).T.fillna("")
