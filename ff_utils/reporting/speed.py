"""The tables and figures of the chapter on speed.

`benchmarks/speed.py` measures and writes tables to `speed/` in the results folder, one folder for each kind of
processor; here they are read and drawn, side by side. Where one is missing, what is shown says so and names the
command.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes

from ..config import RunConfig
from ..cost import step_products
from ..files import results_folder
from .formats import as_table
from .style import GREY, LAYERS, LINES, WIDTH, say_open

SAMPLERS = {"random": "random", "label_search": "label\u00a0search", "shortlist": "shortlist\u00a0of\u00a02"}


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
    "labels summed in one pass": Rung("gradients of an image's labels summed in one pass", "7711ea2"),
}
ENGINE = list(RUNGS)[-1]


def folder() -> Path:
    """Where the measurements are, in one folder for each kind of processor."""
    return results_folder() / "speed"


def _machines() -> list[dict]:
    return [yaml.safe_load(path.read_text()) for path in sorted(folder().glob("*/machine.yaml"))]


def machines() -> pd.DataFrame:
    """The machines that were measured."""
    told = _machines()
    if not told:
        return _open()
    table = pd.DataFrame(told).set_index("processor")
    table["matrix unit"] = table.pop("matrix_unit").map({True: "for bf16", False: "none"})
    return table[["matrix unit", "threads", "torch", "python", "measured"]].rename_axis(None)


def measurements(name: str) -> pd.DataFrame:
    """The table `name` of the benchmark from every machine that has it, with a column `machine`; else empty."""
    parts = []
    for path in sorted(folder().glob(f"*/{name}.csv")):
        told = yaml.safe_load((path.parent / "machine.yaml").read_text())
        parts.append(pd.read_csv(path).assign(machine=told["processor"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def counted(name: str) -> pd.DataFrame:
    """The table `name` of the benchmark of what is no time and needs no second machine; empty where it is missing."""
    path = folder() / f"{name}.csv"
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def _open() -> pd.DataFrame:
    return pd.DataFrame({"open": ["make bench"]}, index=["measured by"])


def work(configs: dict[str, RunConfig]) -> pd.DataFrame:
    """Operations and bytes of one training step, from the shapes alone.

    Bytes: the optimiser's pass, which reads value, velocity and gradient of every weight and writes value,
    velocity and the copy for the products (20 bytes with products in bf16).
    """
    rows = {}
    for name, config in configs.items():
        sizes = (784, *config.hidden)
        weights = sum(a * b for a, b in pairwise(sizes))
        rows[name] = {
            "products": len(step_products(config)),
            "GFLOP": f"{sum(p.operations for p in step_products(config)) / 1e9:.1f}",
            "weights (million)": f"{weights / 1e6:.1f}",
            "optimiser's traffic (MB)": f"{20 * weights / 1e6:.0f}",
        }
    return pd.DataFrame(rows).T


def records(negatives: str) -> pd.DataFrame:
    """The record log of one sampler: what each change brought, in one paired run on each machine."""
    found = measurements("records")
    if found.empty:
        return _open()
    found = found[(found["negatives"] == negatives) & found["rung"].isin(RUNGS)]
    logs = {}
    for name, rows in found.groupby("machine"):
        rows = rows.set_index("rung")
        before = rows["milliseconds"].shift()
        logs[name] = pd.DataFrame(
            {
                "before (ms)": before.map("{:.1f}".format).where(before.notna(), ""),
                "after (ms)": rows["milliseconds"].map("{:.1f}".format),
                "of the limit": (rows["limit"] / rows["milliseconds"]).map("{:.3f}".format),
            }
        )
    table = pd.concat(logs, axis=1)
    table["commit"] = [RUNGS[rung].commit for rung in table.index]
    return table.rename(index={rung: RUNGS[rung].change for rung in table.index}).rename_axis(None)


def ratios() -> pd.DataFrame:
    """The engine against the limit and against autograd, and how far the limit itself is from autograd."""
    found = measurements("records")
    if found.empty:
        return _open()
    rows = []
    for machine, of_machine in found.groupby("machine"):
        for name, title in SAMPLERS.items():
            of = of_machine[of_machine["negatives"] == name].set_index("rung")
            single = of.loc["engine, float32 products"]
            rows.append(
                {"machine": machine, "negatives": title}
                | _against(
                    of["milliseconds"][ENGINE],
                    of["limit"][ENGINE],
                    of["milliseconds"]["autograd, in memory, float32"],
                    of["milliseconds"]["autograd, DataLoader, float32"],
                )
                | {"of the limit, float32": f"{single['limit'] / single['milliseconds']:.2f}"}
            )
    return as_table(rows, "machine")


def epoch_seconds(negatives: str, steps: int) -> str:
    """What `steps` steps of the engine at 4 × 2000 take on each machine, in words."""
    found = measurements("records")
    if found.empty:
        return "an open time"
    found = found[(found["negatives"] == negatives) & (found["rung"] == ENGINE)]
    threads = {machine["processor"]: machine["threads"] for machine in _machines()}
    return " and ".join(
        f"{steps * row['milliseconds'] / 1000:.0f} s on {row['machine']} ({threads[row['machine']]} threads)"
        for row in found.to_dict("records")
    )


def small() -> pd.DataFrame:
    """The same at 3 × 1000 and a batch of 100."""
    found = measurements("small")
    if found.empty:
        return _open()
    rows = [
        {"machine": row["machine"], "negatives": SAMPLERS[row["negatives"]]}
        | _against(row["engine"], row["limit"], row["in memory"], row["DataLoader"])
        for row in found.to_dict("records")
    ]
    return as_table(rows, "machine")


def _against(engine: float, limit: float, memory: float, loader: float) -> dict[str, str]:
    """The columns that compare the engine with its limit and with autograd, from milliseconds per step."""
    return {
        "engine (ms)": f"{engine:.1f}",
        "of the limit": f"{limit / engine:.3f}",
        "× autograd in memory": f"{memory / engine:.1f}",
        "× DataLoader": f"{loader / engine:.1f}",
        "bare products × autograd": f"{memory / limit:.1f}",
    }


def _say_open(*panels: Axes) -> None:
    for axes in panels:
        say_open(axes, "open: measured by make bench")


def _panels(found: pd.DataFrame, columns: int, height: float) -> tuple[list[str], np.ndarray]:
    """The machines of `found`, and for each a row of `columns` panels, or a column where there is but one a machine."""
    names = list(found["machine"].unique()) if len(found) else [""]
    if columns == 1:
        _, axes = plt.subplots(1, len(names), figsize=(WIDTH, height), squeeze=False)
        return names, axes.T
    _, axes = plt.subplots(len(names), columns, figsize=(WIDTH, height * len(names)), sharey=True, squeeze=False)
    return names, axes


def _steps(negatives: str) -> pd.DataFrame:
    """The milliseconds of the parts of a step: a row per machine, a column per part. Empty where none is measured."""
    found = measurements("parts")
    if found.empty:
        return found
    return found[found["negatives"] == negatives].pivot(index="machine", columns="part", values="milliseconds")


def product_shares(negatives: str) -> str:
    """The share of matrix products in a step of the engine on each machine, in words."""
    steps = _steps(negatives)
    if steps.empty:
        return "open"
    shares = 100 * steps["matrix products"] / steps.sum(axis=1)
    return " and ".join(f"{share:.0f} % on {machine}" for machine, share in shares.items())


def even_batch(negatives: str) -> str:
    """The batch size at which the optimiser's pass would take as long as the products, by machine, in words."""
    steps = _steps(negatives)
    if steps.empty:
        return "open"
    sizes = 256 * steps["optimiser"] / steps["matrix products"]
    return " and ".join(f"{size:.0f} images on {machine}" for machine, size in sizes.items())


def class_cost(negatives: str) -> str:
    """The milliseconds that a step takes longer for every further class, by machine, in words."""
    found = measurements("classes")
    found = found[found["negatives"] == negatives] if len(found) else found
    if found.empty:
        return "open"
    ends = found.sort_values("classes").groupby("machine")[["classes", "milliseconds"]]
    slopes = ends.last().sub(ends.first())
    costs = (slopes["milliseconds"] / slopes["classes"]).items()
    return " and ".join(f"{cost:.2g} ms on {machine}" for machine, cost in costs)


def draw_parts() -> None:
    """Where the time of a step goes, for each machine."""
    found = measurements("parts")
    names, axes = _panels(found, 1, 2.6)
    if found.empty:
        return _say_open(axes[0, 0])
    order = found["part"].unique()
    for ax, name in zip(axes[:, 0], names, strict=True):
        table = found[found["machine"] == name].pivot(index="negatives", columns="part", values="milliseconds")
        table, left = table.loc[list(SAMPLERS)], np.zeros(len(SAMPLERS))
        for part, colour, hatch in zip(order, LAYERS, ("", "//", "..", "xx"), strict=False):
            ax.barh(list(SAMPLERS.values()), table[part], left=left, color=colour, hatch=hatch, ec="white", label=part)
            left += table[part].to_numpy()
        ax.set(xlabel="milliseconds per step", title=name)
        ax.invert_yaxis()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].figure.legend(handles, labels, loc="outside upper center", ncol=2)


def draw_scaling() -> None:
    """The fraction of the limit against width and batch size, for each machine."""
    found = measurements("scaling")
    names, axes = _panels(found, 2, 2.7)
    if found.empty:
        return _say_open(*axes.flat)
    found["fraction"] = found["limit"] / found["engine"]
    for name, row in zip(names, axes, strict=True):
        rows = found[found["machine"] == name]
        for ax, column, held, label in (
            (row[0], "width", rows["batch"] == 256, "units per layer (batch 256)"),
            (row[1], "batch", rows["width"] == 2000, "batch size (2000 units)"),
        ):
            for (negatives, line_rows), colour, line in zip(
                rows[held].groupby("negatives"), LAYERS, LINES, strict=False
            ):
                line_rows = line_rows.sort_values(column)
                ax.plot(line_rows[column], line_rows["fraction"], line, marker="o", color=colour,
                        label=SAMPLERS[negatives])  # fmt: skip
            ax.axhline(1, color=GREY, linestyle=":", linewidth=1)
            ticks = sorted(rows[held][column].unique())
            ax.set(xlabel=label, xscale="log", ylim=(0, 1.05))
            ax.set_xticks(ticks, [str(t) for t in ticks])
            ax.minorticks_off()
        row[0].set(ylabel="fraction of the limit", title=name)
    axes[0, 1].legend(loc="lower right")


def draw_classes() -> None:
    """The cost of a step against the number of classes, for each machine."""
    found = measurements("classes")
    names, axes = _panels(found, 1, 2.9)
    if found.empty:
        return _say_open(axes[0, 0])
    for name, ax in zip(names, axes[:, 0], strict=True):
        lines = found[found["machine"] == name].groupby("negatives", sort=False)
        for (negatives, rows), colour, line in zip(lines, LAYERS, LINES, strict=False):
            label = negatives.replace("_", " ")
            ax.plot(rows["classes"], rows["milliseconds"], line, marker="o", color=colour, label=label)
        ticks = sorted(found["classes"].unique())
        ax.set(xlabel="classes", xscale="log", yscale="log", title=name)
        ax.set_xticks(ticks, [str(t) for t in ticks])
        low, high = ax.get_ylim()
        marks = [t for t in (20, 30, 50, 75, 100, 200, 500, 1000) if low <= t <= high]
        ax.set_yticks(marks, [str(t) for t in marks])
        ax.minorticks_off()
    axes[0, 0].set_ylabel("milliseconds per step")
    axes[0, 0].legend()


def draw_hits() -> None:
    """How often the exactly hardest label is among the k that the head proposes."""
    found = counted("shortlist")
    _, axes = plt.subplots(figsize=(WIDTH * 0.8, 2.9))
    if found.empty:
        return _say_open(axes)
    epochs = found.groupby("epoch")
    colours = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(epochs)))
    for (epoch, rows), colour, marker in zip(epochs, colours, "os^Dv", strict=False):
        axes.plot(rows["k"], rows["found"], "-", marker=marker, color=colour, label=f"epoch {epoch}")
    axes.plot(range(1, 10), [100 * k / 9 for k in range(1, 10)], ":", color=GREY, label="chance")
    axes.set(xlabel="labels searched, $k$", ylabel="hardest label among them (%)", ylim=(0, 102))
    axes.legend(loc="lower right")


def agreement() -> pd.DataFrame:
    """Validation errors of small nets trained by every rung: mean and range over seeds."""
    found = counted("agreement")
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
    found = measurements("evaluation")
    if found.empty:
        return _open()
    table = found.assign(negatives=found["negatives"].map(SAMPLERS))
    table = table.pivot(index=["machine", "negatives"], columns="part", values="seconds")[list(found["part"].unique())]
    share = 100 * (1 - table["training"] / table.sum(axis=1))
    table = table.map("{:.0f} s".format)
    table["evaluation's share"] = share.map("{:.1f} %".format)
    return as_table(table.reset_index().to_dict("records"), "machine")
