"""The runs that are timed: how long training takes to an error rate, without evaluation."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from ..results import Run
from ..studies.collecting import Collected
from .comparing import TEST, VALIDATION
from .formats import as_table
from .style import LAYERS, LINES, WIDTH, say_open


def training_seconds(run: Run, epochs: int) -> float:
    """Seconds of training of the first `epochs` epochs of a run, without evaluation."""
    return float(run.metrics.loc[:epochs, "train_seconds"].sum())


def time_to_accuracy(collected: Collected) -> pd.DataFrame:
    """One row for each aim and seed: how long, and which errors."""
    if collected.table.empty:
        return pd.DataFrame({"open": ["python -m ff_utils study speed-run"]}, index=["trained by"])
    rows = [
        {
            "aim": row["aim"],
            "seed": row["seed"],
            "epochs": row["epochs"],
            "training (s)": round(training_seconds(run, row["epochs"])),
            "with evaluation (s)": round(float(run.metrics.loc[: row["epochs"], "seconds"].sum())),
            "validation (%)": f"{run.at(row['epochs'], VALIDATION):.2f}",
            "test (%)": f"{run.at(row['epochs'], TEST):.2f}",
        }
        for row in collected.table.to_dict("records")
        for run in [collected.by_name[row["run"]]]
    ]
    return as_table(sorted(rows, key=lambda row: (row["epochs"], row["seed"])), "aim")


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
    marks = [m for m in (1, 1.36, 2, 2.5, 4, 6, 10, 20, 50) if axes.get_ylim()[0] <= m <= axes.get_ylim()[1]]
    axes.set_yticks(marks, [f"{m:g}" for m in marks])
    axes.minorticks_off()
    axes.legend()
