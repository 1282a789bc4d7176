"""The runs of a study, brought together: found in the stores, or trained where they are missing.

    collected = collect(studies.get("theta", profile="quick"), "missing")

Runs at paper scale are read from the book's results; the small ones are trained when a chapter asks for them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pandas as pd

from .config import RunConfig
from .cost import expected_seconds
from .errors import UserError
from .results import Run, Store, project_folder, results_folder
from .studies import Study, profile_named
from .trainer import default_device, fastest_dtype
from .training import train

TRAIN = ("auto", "never", "missing", "all")


def check_parameters(profile: str, train_what: str) -> None:
    """Refuse values of a chapter's parameters that mean nothing, at its head. Raises `UserError`."""
    profile_named(profile)
    if train_what not in TRAIN:
        raise UserError(f"train: {train_what!r} is not one of {', '.join(TRAIN)}")


@dataclass(frozen=True)
class Collected:
    """The runs of a study that there are, and those there are not.

    `table` has one row per run found: the cell's settings, `seed`, `run` (its name) and `epochs`; `by_name`
    holds the runs; `missing` the (configuration, epochs) that the stores lack.
    """

    study: Study
    table: pd.DataFrame
    by_name: dict[str, Run]
    missing: list[tuple[RunConfig, int]]

    def values(self, metric: str, epoch: int | None = None) -> pd.DataFrame:
        """`table` with the column `metric`: its value at `epoch` (default: the study's length)."""
        rows = []
        for row in self.table.to_dict("records"):
            run, at = self.by_name[row["run"]], epoch or row["epochs"]
            if run.has(at, metric):
                rows.append(row | {metric: run.at(at, metric)})
        return pd.DataFrame(rows, columns=[*self.table.columns, metric])

    def trajectories(self, metrics: list[str]) -> pd.DataFrame:
        """One row per run and epoch with the cell's settings and `metrics`."""
        parts = []
        for row in self.table.to_dict("records"):
            metrics_there = self.by_name[row["run"]].metrics.loc[: row["epochs"]]
            parts.append(metrics_there.reindex(columns=metrics).reset_index().assign(**row))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["epoch", *metrics])

    def run_of(self, seed: int = 0, **settings) -> Run | None:
        """The run of one cell, or None where it is missing."""
        for row in self.table.to_dict("records"):
            if row["seed"] == seed and all(row[name] == value for name, value in settings.items()):
                return self.by_name[row["run"]]
        return None


def stores(profile: str) -> tuple[Store, list[Store]]:
    """Where runs of a profile are written, and where they are looked for.

    Runs at paper scale belong to the book's results. The small ones go to `build/results`, so that trying things
    out leaves the committed results alone; they are looked for in both. `FF_RESULTS` is one place for all.
    """
    main = Store(results_folder())
    if profile == "paper" or os.environ.get("FF_RESULTS"):
        return main, [main]
    own = Store(project_folder() / "build" / "results")
    return own, [main, own]


def collect(study: Study, train_what: str = "never", progress: bool | None = None) -> Collected:
    """Bring the runs of a study together.

    `train_what`: `never` takes what the stores hold; `missing` trains the rest; `all` does so without the
    committed results, from scratch; `auto` is `never` at paper scale and `missing` below, where the data can
    be had. Says what it trains and how long that takes.
    """
    check_parameters(study.profile.name, train_what)
    own, readable = stores(study.profile.name)
    if train_what == "auto":
        if study.profile.name == "paper":
            return collect(study, "never")
        try:
            return collect(study, "missing", progress)
        except UserError as error:
            print(f"not trained: {error}")
            return collect(study, "never")
    if train_what == "all":
        readable = [own]
    rows, by_name, missing = [], {}, []
    for cell, config in study.runs():
        found = (store.find(config, cell.epochs) for store in readable)
        if run := next((run for run in found if run), None):
            by_name[run.id] = run
            rows.append({**cell.settings, "seed": config.seed, "run": run.id, "epochs": cell.epochs})
        else:
            missing.append((config, cell.epochs))
    if missing and train_what != "never":
        train_all(missing, own, study.profile.training_images, progress)
        return collect(study, train_what, progress)
    table = pd.DataFrame(rows, columns=[study.factor, "seed", "run", "epochs"])
    return Collected(study, table, by_name, missing)


def expected(missing: list[tuple[RunConfig, int]], images: int) -> float:
    """The seconds that training `missing` is expected to take on this machine."""
    device = default_device()
    dtype = fastest_dtype(device)
    return sum(expected_seconds(config, epochs, images, dtype, device) for config, epochs in missing)


def readable_time(seconds: float) -> str:
    """Seconds as people say them: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def train_all(missing: list[tuple[RunConfig, int]], store: Store, images: int, progress: bool | None = None) -> None:
    """Train runs one after the other; each is stored as it ends, so stopping loses at most one minute."""
    print(
        f"training {len(missing)} runs, about {readable_time(expected(missing, images))} here; into {store.root}",
        flush=True,
    )
    for number, (config, epochs) in enumerate(missing, 1):
        run = train(config, epochs, store=store, progress=progress)
        print(f"{number} of {len(missing)}: {run.path}", flush=True)
