"""The runs of a study, brought together: found in the stores, or trained where they are missing.

    collected = collect(studies.get("theta", profile="quick"), "missing")

Runs at paper scale are read from the book's results; the small ones are trained when a chapter asks for them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ..config import RunConfig
from ..cost import expected_seconds
from ..errors import UserError
from ..files import project_folder, results_folder
from ..goodness import goodness_named
from ..negatives import sampler
from ..registry import of_package
from ..results import Run, Store
from ..trainer import default_device, fastest_dtype
from ..training import train
from . import Planned, Study, profile_named
from .cluster import distribute, side_by_side

TRAIN = ("auto", "never", "missing", "all")
SMALL = 300  # Units in a layer: products of nets up to this width gain little from a second core.
START = 30  # Seconds of training from which on it pays to start processes.


def check_parameters(profile: str, train_what: str) -> None:
    """Refuse values of a chapter's parameters that mean nothing, at its head. Raises `UserError`."""
    profile_named(profile)
    if train_what not in TRAIN:
        raise UserError(f"train: {train_what!r} is not one of {', '.join(TRAIN)}")


def column(run: Run, metric: str) -> pd.Series:
    """`metric` of a run by epoch, NaN where it was not measured.

    `dead_units` is derived: the share of all hidden units that are silent on every validation image, in percent.
    """
    if metric == "dead_units":
        columns = [column(run, f"layer{i}_dead_units") for i in range(1, len(run.config.hidden) + 1)]
        return 100 * sum(columns) / sum(run.config.hidden)
    return run.metrics.get(metric, pd.Series(float("nan"), run.metrics.index))


def value(run: Run, epoch: int, metric: str) -> float | None:
    """`metric` of a run after `epoch`, None where it was not measured then."""
    found = column(run, metric).get(epoch)
    return None if pd.isna(found) else float(found)


def wrong_images(run: Run, epoch: int, metric: str) -> np.ndarray | None:
    """Which images a run gets wrong after `epoch`, boolean [images]; None where its predictions are not stored.

    `metric` is the name of the error, such as `test_label_search_error`.
    """
    name = f"{metric.removesuffix('_error')}_{epoch}"
    if name not in run.predictions:
        return None
    truth = "classes" if "transfer" in metric else "labels"  # Those of the data set; those the net was trained on.
    return run.predictions[name] != run.predictions[f"{metric.split('_')[0]}_{truth}"]


@dataclass(frozen=True)
class Collected:
    """The runs of a study that there are, and those there are not.

    `table` has one row per run found: the cell's settings, `seed`, `run` (its name) and `epochs`; `by_name`
    holds the runs; `missing` what the stores lack.
    """

    study: Study
    table: pd.DataFrame
    by_name: dict[str, Run]
    missing: list[Planned]

    def values(self, metric: str, epoch: int | None = None) -> pd.DataFrame:
        """`table` with the column `metric`: its value at `epoch` (default: the cell's length)."""
        rows = []
        for row in self.table.to_dict("records"):
            found = value(self.by_name[row["run"]], epoch or row["epochs"], metric)
            if found is not None:
                rows.append(row | {metric: found})
        return pd.DataFrame(rows, columns=[*self.table.columns, metric])

    def trajectories(self, metric: str) -> pd.DataFrame:
        """One row per run and epoch at which `metric` was measured, with the cell's settings and `metric`."""
        rows = []
        for row in self.table.to_dict("records"):
            measured = column(self.by_name[row["run"]], metric).loc[: row["epochs"]].dropna()
            rows += [{"epoch": epoch, metric: found, **row} for epoch, found in measured.items()]
        return pd.DataFrame(rows, columns=["epoch", metric, *self.table.columns])

    def trained(self, **settings) -> dict[int, tuple[Run, int]]:
        """The runs of one cell, each with the cell's length, by seed.

        What `settings` leave open is as in the base, or nearest to it.
        """
        base = self.study.base
        named = [c for c in self.study.cells if all(c.settings.get(name) == v for name, v in settings.items())]
        nearest = min((len(base.differences(cell.config)) for cell in named), default=0)
        chosen = [cell.settings for cell in named if len(base.differences(cell.config)) == nearest]
        # Of cells that differ in length alone, the longer: it contains the others.
        rows = [row for row in self.table.to_dict("records") if {name: row[name] for name in self.names} in chosen]
        rows.sort(key=lambda row: row["epochs"])
        return {row["seed"]: (self.by_name[row["run"]], row["epochs"]) for row in rows}

    def runs_of(self, **settings) -> dict[int, Run]:
        """The runs of one cell, by seed; see `trained`."""
        return {seed: run for seed, (run, _) in self.trained(**settings).items()}

    def only(self, values: Sequence) -> Collected:
        """The same with these values of the factor alone, to draw or to compare: `missing` stays that of all."""
        factor = self.study.factor
        cells = tuple(cell for cell in self.study.cells if cell.settings[factor] in values)
        table = self.table[self.table[factor].isin(values)]
        return replace(self, study=replace(self.study, cells=cells), table=table)

    def run_of(self, seed: int = 0, **settings) -> Run | None:
        """The run of one cell and seed, or None where it is missing."""
        return self.runs_of(**settings).get(seed)

    @property
    def names(self) -> list[str]:
        """The names of the settings that set the cells apart."""
        return list(self.study.cells[0].settings)


@functools.lru_cache(maxsize=4)
def _store(root: Path) -> Store:
    """One store per folder, so that a run is read and checked once."""
    return Store(root)


def stores(profile: str) -> tuple[Store, list[Store]]:
    """Where runs of a profile are written, and where they are looked for.

    Runs at paper scale belong to the book's results. The small ones go to `build/results`, so that trying things
    out leaves the committed results alone; they are looked for in both. `FF_RESULTS` is one place for all.
    """
    main = _store(results_folder())
    if profile == "paper" or os.environ.get("FF_RESULTS"):
        return main, [main]
    own = _store(project_folder() / "build" / "results")
    return own, [main, own]


def matching(planned: Planned, readable: list[Store]) -> list[Run]:
    """Every run that answers to what is planned; in each store the oldest first."""
    return [run for store in readable for run in store.matching(*planned)]


def find(planned: Planned, readable: list[Store]) -> Run | None:
    """The run that answers best to what is planned: one that has its test error there, else the longest."""
    found = matching(planned, readable)
    return max(found, key=lambda run: (run.has(planned.epochs, "test_label_search_error"), run.epochs), default=None)


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
    rows, by_name, missing = [], {}, {}  # Cells may share a run.
    for cell, planned in study.runs():
        if run := find(planned, readable):
            by_name[run.id] = run
            rows.append({**cell.settings, "seed": planned.config.seed, "run": run.id, "epochs": cell.epochs})
        else:
            missing[planned] = None
    if missing and train_what != "never":
        train_all(list(missing), own, study.profile.training_images, progress)
        return collect(study, train_what, progress)
    names = study.cells[0].settings if study.cells else {study.factor: None}
    table = pd.DataFrame(rows, columns=[*names, "seed", "run", "epochs"])
    return Collected(study, table, by_name, list(missing))


def expected(missing: list[Planned], images: int) -> float:
    """The seconds that training `missing` is expected to take on this machine."""
    device = default_device()
    dtype = fastest_dtype(device)
    return sum(expected_seconds(planned.config, planned.epochs, images, dtype, device) for planned in missing)


def readable_time(seconds: float) -> str:
    """Seconds as people say them: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def counted(runs: Sequence) -> str:
    """How many runs these are, in words."""
    return f"{len(runs)} run{'s' * (len(runs) != 1)}"


def _known_everywhere(config: RunConfig) -> bool:
    return of_package(sampler(config.negatives)) and of_package(goodness_named(config.goodness))


def train_all(
    missing: list[Planned],
    store: Store,
    images: int,
    progress: bool | None = None,
    executor: Executor | None = None,
) -> None:
    """Train runs on the workers of `executor`, or here: small nets side by side, then others one after the other.

    Each is stored as it ends.
    """
    if executor:
        print(f"training {counted(missing)} elsewhere; into {store.root}", flush=True)
        return distribute(missing, store, executor, progress)
    threads = torch.get_num_threads()
    # Other processes know the package's samplers and goodness alone, and not the caller's.
    small = [
        planned for planned in missing if max(planned.config.hidden) <= SMALL and _known_everywhere(planned.config)
    ]
    seconds = expected(small, images)
    if default_device().type == "cpu" and min(threads, len(small)) > 1 and seconds > START:
        print(f"training {counted(small)}, {threads} at a time, about {readable_time(seconds)}; "
              f"into {store.root}", flush=True)  # fmt: skip
        with side_by_side(threads) as executor:
            distribute(small, store, executor, progress)
        missing = [planned for planned in missing if planned not in small]
    if missing:
        seconds = expected(missing, images)
        print(f"training {counted(missing)}, about {readable_time(seconds)}; into {store.root}", flush=True)
    for number, (config, epochs, dtype) in enumerate(missing, 1):
        # Another chapter may be at the same run, which this one then finds in the store.
        run = train(config, epochs, store=store, progress=progress, dtype=dtype and getattr(torch, dtype), wait=True)
        print(f"{number} of {len(missing)}: {run.path}", flush=True)
