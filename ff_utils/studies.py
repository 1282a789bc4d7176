"""Each chapter's intervention, declared: a base, the settings that vary, the seeds, the length.

    study = get("theta", profile="quick")
    runs = collect(study, train="missing")

A *profile* is the scale at which a study runs: `smoke` (scikit-learn's digits, tiny nets, seconds),
`quick` (MNIST, small nets, minutes) and `paper` (the published size).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pandas as pd

from .config import RunConfig, recipe
from .cost import expected_seconds
from .errors import UserError
from .results import Run, Store, project_folder, results_folder
from .trainer import default_device, fastest_dtype
from .training import train

PAPER_WIDTH = 2000  # Units per layer in source A; thresholds scale with the width.


@dataclass(frozen=True)
class Profile:
    """A scale. `base` is the recipe of source A with random negatives, at that size."""

    name: str
    base: RunConfig
    epochs: int
    seeds: tuple[int, ...]
    training_images: int

    @property
    def width(self) -> int:
        return self.base.hidden[0]

    def theta(self, paper_theta: float) -> float:
        """The threshold that has the same share of the width as `paper_theta` has at 2000 units."""
        return round(paper_theta * self.width / PAPER_WIDTH, 3)


PROFILES = {
    profile.name: profile
    for profile in (
        # The digits are few: with so few steps the deeper layers need a higher rate to move at all.
        Profile(
            "smoke",
            recipe("paper", dataset="digits", hidden=(100, 100, 100), theta=5.6, lr=(0.01, 0.3, 0.3),
                   layer_reduction="sum", batch_size=50),
            epochs=30, seeds=(0,), training_images=1_077,
        ),
        Profile(
            "quick",
            recipe("paper", hidden=(300,) * 4, theta=16.8, layer_reduction="sum"),
            epochs=3, seeds=(0, 1, 2), training_images=50_000,
        ),
        Profile(
            "paper", recipe("paper", layer_reduction="sum"), epochs=60, seeds=(0, 1, 2), training_images=50_000
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One condition of a study: what sets it apart, and the configuration of its first seed."""

    settings: dict[str, object]
    config: RunConfig
    epochs: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Study:
    """A list of independent runs that answer one question.

    `factor` is the setting on the horizontal axis. `scientific`, `nuisance` and `fixed` name the
    hyperparameters by their role: studied, tuned so that the comparison is fair, and held.
    """

    name: str
    question: str
    factor: str
    profile: Profile
    cells: tuple[Cell, ...]
    nuisance: tuple[str, ...] = ()
    fixed: dict[str, object] = field(default_factory=dict)

    def runs(self) -> Iterator[tuple[Cell, RunConfig]]:
        """Every run of the study, seed by seed, so that one seed of all cells comes first."""
        for i in range(max(len(cell.seeds) for cell in self.cells)):
            for cell in self.cells:
                if i < len(cell.seeds):
                    yield cell, cell.config.vary(seed=cell.seeds[i])


def _vary(profile: Profile, factor: str, values, **changes) -> tuple[Cell, ...]:
    """One cell per value of `factor` around the profile's base."""
    return tuple(
        Cell({factor: value}, profile.base.vary(**{factor: value}, **changes), profile.epochs, profile.seeds)
        for value in values
    )


def theta(profile: Profile) -> Study:
    grids = {"smoke": (32, 112, 256), "quick": (16, 32, 64, 112, 256)}
    grid = grids.get(profile.name, (16, 32, 64, 112, 128, 192, 256, 512))
    return Study(
        name="theta",
        question="Which threshold θ lets training get under way?",
        factor="theta",
        profile=profile,
        cells=_vary(profile, "theta", [profile.theta(value) for value in grid]),
        nuisance=("seed",),
    )


def first_light(profile: Profile) -> Study:
    """Both published recipes as they stand, before any search."""
    width = (profile.width // 2,) * 3
    hinton = recipe("hinton", dataset=profile.base.dataset, hidden=width, theta=float(width[0]))
    if profile.name == "smoke":
        hinton = hinton.vary(batch_size=20)
    epochs = {"smoke": (30, 30), "quick": (10, 10)}.get(profile.name, (60, 20))
    paper = profile.base
    return Study(
        name="first-light",
        question="Do the two recipes, as far as they are published, train at all?",
        factor="recipe",
        profile=profile,
        cells=(
            Cell({"recipe": "hinton"}, hinton, epochs[0], (0,)),
            Cell({"recipe": "paper"}, paper, epochs[1], profile.seeds),
            Cell({"recipe": "paper, loss averaged"}, paper.vary(layer_reduction="mean"), epochs[1], (0,)),
        ),
    )


def pilot(profile: Profile) -> Study:
    """What source A leaves open, one change at a time, before its base is settled on validation.

    With hard negatives, which its best runs use, after one epoch of random ones.
    """
    base = profile.base.vary(negatives="label_search", warmup=1)
    changes = {
        "none": {},
        "loss averaged over layers": {"layer_reduction": "mean"},
        "peer normalisation 0.03": {"peer_normalization": 0.03},
        "normal first weights": {"init": "normal"},
        "momentum 0.5": {"momentum": 0.5},
        "weight decay 1e-4": {"weight_decay": 1e-4},
    }
    epochs = {"smoke": 10, "quick": 3}.get(profile.name, 10)
    return Study(
        name="pilot",
        question="Which values of the hyperparameters that source A does not report are worth a base?",
        factor="change",
        profile=profile,
        cells=tuple(Cell({"change": name}, base.vary(**change), epochs, (0,)) for name, change in changes.items()),
    )


# In the order in which `study all` trains them.
STUDIES: dict[str, Callable[[Profile], Study]] = {"first-light": first_light, "pilot": pilot, "theta": theta}


def profile_named(name: str) -> Profile:
    if name not in PROFILES:
        raise UserError(f"profile: no profile {name!r}; the profiles are {', '.join(PROFILES)}")
    return PROFILES[name]


def get(name: str, profile: str = "paper") -> Study:
    """The study `name` at the scale of `profile`. Raises `UserError` for a name it does not know."""
    if name not in STUDIES:
        raise UserError(f"no study {name!r}; the studies are {', '.join(STUDIES)}")
    return STUDIES[name](profile_named(profile))


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
