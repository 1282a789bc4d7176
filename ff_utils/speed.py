"""The tables and figures of the chapter on speed.

`benchmarks/speed.py` measures and writes tables to `speed/` in the results folder; here they are read and drawn.
Where one is missing, what is shown says so and names the command.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml

from .charts import say_open
from .collecting import Collected
from .comparing import TEST, VALIDATION
from .config import RunConfig
from .cost import step_products
from .figures import GREY, LAYERS, LINES, WIDTH
from .results import Run, results_folder

SAMPLERS = {"random": "random", "label_search": "label search", "shortlist": "shortlist of 2"}


class Rung(NamedTuple):
    """One change of the record log: in words, and the commit with which it came into this repository."""

    change: str
    commit: str


RUNGS = {
    "autograd, DataLoader, float32": Rung("autograd, DataLoader, float32", "781e150"),
    "autograd, in memory, float32": Rung("data in memory", "781e150"),
    "autograd, in memory, bf16 products": Rung("products in bf16 (autocast)", "781e150"),
    "closed form, bf16 products": Rung("closed form instead of autograd", "719cf18"),
    "compiled element-wise work": Rung("element-wise work compiled", "719cf18"),
    "label-search passes reused": Rung("passes of the label search reused", "719cf18"),
    "pixels shared between labels": Rung("pixels shared between labels", "719cf18"),
    "freed memory kept": Rung("freed memory kept", "781e150"),
    "labels summed in one pass": Rung("gradients of an image's labels summed in one pass", "94e25b3"),
}
ENGINE = list(RUNGS)[-1]


def measured(name: str) -> pd.DataFrame:
    """The table `name` of the benchmark; empty where it is missing."""
    path = results_folder() / "speed" / f"{name}.csv"
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def machine() -> str:
    """The machine of the measurements, in words."""
    path = results_folder() / "speed" / "machine.yaml"
    if not path.exists():
        return "open: `make bench` measures"
    found = yaml.safe_load(path.read_text())
    return f"{found['threads']} threads of {found['processor']}, PyTorch {found['torch']}, {found['measured']}"


def _open() -> pd.DataFrame:
    return pd.DataFrame({"open": ["make bench"]}, index=["measured by"])


def work(configs: dict[str, RunConfig]) -> pd.DataFrame:
    """Operations and bytes of one training step, from the shapes alone.

    Bytes: the optimiser's pass, which reads value, velocity and gradient of every weight and writes value,
    velocity and the copy for the products (22 bytes with products in bf16).
    """
    rows = {}
    for name, config in configs.items():
        sizes = (784, *config.hidden)
        weights = sum(a * b for a, b in pairwise(sizes))
        rows[name] = {
            "products": len(step_products(config)),
            "GFLOP": f"{sum(p.operations for p in step_products(config)) / 1e9:.1f}",
            "weights (million)": f"{weights / 1e6:.1f}",
            "optimiser's traffic (MB)": f"{22 * weights / 1e6:.0f}",
        }
    return pd.DataFrame(rows).T


def records(negatives: str) -> pd.DataFrame:
    """The record log of one sampler: what each change brought, in one paired run."""
    found = measured("records")
    if found.empty:
        return _open()
    found = found[(found["negatives"] == negatives) & found["rung"].isin(RUNGS)]
    before = found["milliseconds"].shift()
    return pd.DataFrame(
        {
            "change": found["rung"].map(lambda rung: RUNGS[rung].change),
            "before (ms)": before.map("{:.1f}".format).where(before.notna(), ""),
            "after (ms)": found["milliseconds"].map("{:.1f}".format),
            "of the limit": (found["limit"] / found["milliseconds"]).map("{:.3f}".format),
            "commit": found["rung"].map(lambda rung: RUNGS[rung].commit),
        }
    ).set_index("change")


def ratios() -> pd.DataFrame:
    """The engine against the limit and against autograd, and how far the limit itself is from autograd."""
    found = measured("records")
    if found.empty:
        return _open()
    rows = []
    for name, title in SAMPLERS.items():
        of = found[found["negatives"] == name].set_index("rung")
        engine, memory, loader, single = (
            of["milliseconds"][rung]
            for rung in (ENGINE, "autograd, in memory, float32", "autograd, DataLoader, float32",
                         "engine, float32 products")
        )  # fmt: skip
        limit, single_limit = of["limit"][ENGINE], of["limit"]["engine, float32 products"]
        rows.append({
            "negatives": title,
            "engine (ms)": f"{engine:.0f}",
            "of the limit": f"{limit / engine:.3f}",
            "of the limit, float32": f"{single_limit / single:.2f}",
            "× autograd in memory": f"{memory / engine:.1f}",
            "× DataLoader": f"{loader / engine:.1f}",
            "bare products × autograd": f"{memory / limit:.1f}",
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("negatives")


def small() -> pd.DataFrame:
    """The same at 3 × 1000 and a batch of 100."""
    found = measured("small")
    if found.empty:
        return _open()
    rows = [
        {
            "negatives": SAMPLERS[row["negatives"]],
            "engine (ms)": f"{row['engine']:.1f}",
            "of the limit": f"{row['limit'] / row['engine']:.2f}",
            "× autograd in memory": f"{row['in memory'] / row['engine']:.1f}",
            "× DataLoader": f"{row['DataLoader'] / row['engine']:.1f}",
            "bare products × autograd": f"{row['in memory'] / row['limit']:.1f}",
        }
        for row in found.to_dict("records")
    ]
    return pd.DataFrame(rows).set_index("negatives")


def _empty(axes) -> bool:
    say_open(axes, "open: measured by make bench")
    return True


def draw_parts() -> None:
    """Where the time of a step goes."""
    found = measured("parts")
    _, axes = plt.subplots(figsize=(WIDTH, 2.4))
    if found.empty and _empty(axes):
        return
    table = found.pivot(index="negatives", columns="part", values="milliseconds").loc[list(SAMPLERS)]
    left = np.zeros(len(table))
    order = found["part"].unique()
    for part, colour, hatch in zip(order, LAYERS, ("", "//", "..", "xx"), strict=False):
        axes.barh([SAMPLERS[n] for n in table.index], table[part], left=left, color=colour, hatch=hatch, ec="white",
                  label=part)  # fmt: skip
        left += table[part].to_numpy()
    axes.invert_yaxis()
    axes.set(xlabel="milliseconds per step")
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, 1.32), ncol=2)


def draw_scaling() -> None:
    """The fraction of the limit against width and batch size."""
    found = measured("scaling")
    _, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.9), sharey=True)
    if found.empty:
        for ax in axes:
            _empty(ax)
        return
    found["fraction"] = found["limit"] / found["engine"]
    for ax, column, held, label in (
        (axes[0], "width", found["batch"] == 256, "units per layer (batch 256)"),
        (axes[1], "batch", found["width"] == 2000, "batch size (2000 units)"),
    ):
        for (name, rows), colour, line in zip(found[held].groupby("negatives"), LAYERS, LINES, strict=False):
            rows = rows.sort_values(column)
            ax.plot(rows[column], rows["fraction"], line, marker="o", color=colour, label=SAMPLERS[name])
        ax.axhline(1, color=GREY, linestyle=":", linewidth=1)
        ticks = sorted(found[held][column])
        ax.set(xlabel=label, xscale="log", ylim=(0, 1.05))
        ax.set_xticks(ticks, [str(t) for t in ticks])
        ax.minorticks_off()
    axes[0].set_ylabel("fraction of the limit")
    axes[1].legend(loc="lower right")


def draw_classes() -> None:
    """The cost of a step against the number of classes."""
    found = measured("classes")
    _, axes = plt.subplots(figsize=(WIDTH * 0.8, 2.9))
    if found.empty and _empty(axes):
        return
    for (name, rows), colour, line in zip(found.groupby("negatives", sort=False), LAYERS, LINES, strict=False):
        axes.plot(rows["classes"], rows["milliseconds"], line, marker="o", color=colour, label=name.replace("_", " "))
    ticks = sorted(found["classes"].unique())
    axes.set(xlabel="classes", ylabel="milliseconds per step", xscale="log", yscale="log")
    axes.set_xticks(ticks, [str(t) for t in ticks])
    low, high = axes.get_ylim()
    marks = [t for t in (50, 100, 200, 500, 1000) if low <= t <= high]
    axes.set_yticks(marks, [str(t) for t in marks])
    axes.minorticks_off()
    axes.legend()


def draw_hits() -> None:
    """How often the exactly hardest label is among the k that the head proposes."""
    found = measured("shortlist")
    _, axes = plt.subplots(figsize=(WIDTH * 0.8, 2.9))
    if found.empty and _empty(axes):
        return
    for (epoch, rows), colour, line in zip(found.groupby("epoch"), LAYERS * 2, LINES * 2, strict=False):
        axes.plot(rows["k"], rows["found"], line, marker="o", color=colour, label=f"epoch {epoch}")
    axes.set(xlabel="labels searched, $k$", ylabel="hardest label among them (%)", ylim=(0, 102))
    axes.legend(loc="lower right")


def agreement() -> pd.DataFrame:
    """Validation errors of small nets trained by every rung: mean and range over seeds, and whether bits agree."""
    found = measured("agreement")
    if found.empty:
        return _open()
    table = found.pivot_table(index="rung", columns=["negatives", "seed"], values="error", sort=False)
    rows = {}
    for name in table.index:
        cells = {}
        for negatives in ("random", "label_search"):
            errors = table.loc[name, negatives]
            cells[SAMPLERS[negatives]] = f"{errors.mean():.2f} ({errors.min():.2f} to {errors.max():.2f})"
        rows[name] = cells
    return pd.DataFrame(rows).T


def evaluation_share() -> pd.DataFrame:
    """What evaluation takes of a run of 60 epochs at the default cadence."""
    found = measured("evaluation")
    if found.empty:
        return _open()
    table = found.pivot(index="negatives", columns="part", values="seconds")[list(found["part"].unique())]
    share = 100 * (1 - table["training"] / table.sum(axis=1))
    table = table.map("{:.0f} s".format)
    table["evaluation's share"] = share.map("{:.1f} %".format)
    return table.rename(index=SAMPLERS)


def training_seconds(run: Run) -> float:
    """Seconds of training of a whole run, without evaluation."""
    return float(run.metrics["train_seconds"].sum())


def time_to_accuracy(collected: Collected) -> pd.DataFrame:
    """One row for each aim and seed: how long, and which errors."""
    rows = [
        {
            "aim": row["aim"],
            "seed": row["seed"],
            "epochs": row["epochs"],
            "training (s)": round(training_seconds(run)),
            "with evaluation (s)": round(float(run.metrics["seconds"].sum())),
            "validation (%)": run.at(row["epochs"], VALIDATION),
            "test (%)": run.at(row["epochs"], TEST),
        }
        for row in collected.table.to_dict("records")
        for run in [collected.by_name[row["run"]]]
    ]
    table = pd.DataFrame(rows)
    return table.sort_values(["epochs", "seed"]).set_index("aim") if rows else _open()


def draw_times(collected: Collected) -> None:
    """Test and validation error of every speed run against its training time."""
    _, axes = plt.subplots(figsize=(WIDTH * 0.8, 3.0))
    if collected.table.empty:
        say_open(axes, "open: python -m ff_utils study speed-run")
        return
    aims = list(dict.fromkeys(collected.table["aim"]))
    for aim, colour, line in zip(aims, LAYERS, LINES, strict=False):
        for n, row in enumerate(collected.table[collected.table["aim"] == aim].to_dict("records")):
            run = collected.by_name[row["run"]]
            curve = run.metrics.loc[: row["epochs"]]
            seconds = curve["train_seconds"].cumsum()
            shown = curve[VALIDATION].dropna()
            axes.plot(seconds[shown.index], shown, line, color=colour, alpha=0.7, label=None if n else f"aim {aim}")
            axes.plot(seconds.iloc[-1], run.at(row["epochs"], TEST), "o", color=colour, mec="black", mew=0.6)
    axes.set(xlabel="seconds of training", ylabel="error (%)", yscale="log")
    marks = [m for m in (1, 1.36, 1.5, 2, 2.5, 4, 6, 10, 20, 50) if axes.get_ylim()[0] <= m <= axes.get_ylim()[1]]
    axes.set_yticks(marks, [f"{m:g}" for m in marks])
    axes.minorticks_off()
    axes.legend()
