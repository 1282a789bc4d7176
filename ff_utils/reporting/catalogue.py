"""The pages about the runs as such: the table of all of them, their times, and the best of them."""

from __future__ import annotations

from html import escape
from math import log10

import pandas as pd

from ..config import RunConfig
from ..recipes import RECIPES, command_of, nearest_recipe
from ..results import Run, Store
from ..studies.collecting import readable_time
from .comparing import VALIDATION
from .formats import DATASETS, layers, number

CURVE = (96, 28)  # Pixels of the small curves,
CURVE_POINTS = 30
CURVE_RANGE = (0.5, 100.0)  # and the errors in percent at their lower and upper edge: the same for all runs.


def seconds_of(run: Run) -> float:
    """The time of a run, by its median epoch: it may have been stopped or slowed for a while."""
    return float(run.metrics["seconds"].median() * run.epochs)


def readout(run: Run) -> str | None:
    """The readout that stands for a run: the first it has of these, None without any."""
    names = ("label_search", "softmax", "one_pass", "transfer")
    return next((name for name in names if run.has(run.epochs, f"val_{name}_error")), None)


def negatives(config: RunConfig) -> str:
    """What makes a negative: how its wrong label is picked, or how another image is made."""
    if config.algorithm != "forward_forward":
        return "none"
    return (config.negatives if config.contrast == "label" else config.contrast).replace("_", " ")


def contents(config: RunConfig) -> str:
    """What a run trains, on what, and against which negatives."""
    task = "" if config.pretext == "none" else f", {config.pretext}"
    if config.algorithm == "forward_forward":
        how = f"{negatives(config)} negatives"
    else:
        how = "untrained" if config.algorithm == "none" else config.algorithm.replace("_", " ")
    return f"{DATASETS[config.dataset]}{task}, {layers(config)}, {how}"


def hardware(run: Run) -> str:
    """What a run was computed on."""
    device, threads = run.provenance["device"].replace("(R)", ""), run.provenance["threads"]
    return f"{device}, {threads} thread{'s' * (threads != 1)}, {run.provenance['dtype']}"


def searchable(store: Store) -> str:
    """The table of all runs as HTML, to which the book's script adds a filter and sorting."""
    header = ("run", "trained", "epochs", "validation (%)", "test (%)", "readout", "time", "curve")
    head = "".join(f'<th scope="col">{name}</th>' for name in header)
    rows = "\n".join(_row(run) for run in store.runs())
    return f'<table class="dataframe searchable">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>'


def _row(run: Run) -> str:
    config, recipe = run.config, nearest_recipe(run.config)
    changed = config.differences(RECIPES[recipe])
    settings = ", ".join(f"{name} = {_value(value)}" for name, value in changed.items()) or "as published"
    summary = f"{contents(config)}, θ {_brief(config.theta)}, lr {_brief(config.lr)}, seed {config.seed}"
    seconds, name = seconds_of(run), readout(run)
    measured = ["", "", ""]
    if name:
        errors = (f"{run.at(run.epochs, f'{part}_{name}_error'):.2f}" for part in ("val", "test"))
        measured = [*errors, _curve(run.metrics[f"val_{name}_error"].dropna())]
    cells = [
        f"<details><summary>{escape(summary)}</summary>"
        f"<p>Recipe {recipe}: {escape(settings)}. On {escape(hardware(run))}.</p>"
        f"<pre>{escape(command_of(config, run.epochs))}</pre></details>",
        str(run.epochs),
        *measured[:2],
        name.replace("_", " ") if name else "",
        f'<span data-value="{seconds:.1f}">{readable_time(seconds)}</span>',
        measured[2],
    ]
    data = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr id="run-{run.id}"><th scope="row">{run.id.replace("-", "-<wbr>")}</th>{data}</tr>'


def _value(value: object) -> str:
    """A field as people write it: 0.04, or 2000 2000 for one value per layer."""
    if isinstance(value, tuple):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _brief(value: float | tuple[float, ...]) -> str:
    """The same to three figures, and once where it is the same in all layers."""
    values = [number(float(f"{one:.3g}")) for one in (value if isinstance(value, tuple) else (value,))]
    return values[0] if len(set(values)) == 1 else " ".join(values)


def _curve(errors: pd.Series) -> str:
    """A small picture of `errors`, indexed by epoch, on a logarithmic scale."""
    width, height = CURVE
    low, high = map(log10, CURVE_RANGE)
    shown = errors.iloc[:: -(-len(errors) // CURVE_POINTS)]
    span = max(errors.index[-1] - errors.index[0], 1)
    points = []
    for epoch, error in shown.items():
        level = (log10(min(max(error, CURVE_RANGE[0]), CURVE_RANGE[1])) - low) / (high - low)
        points.append(f"{width * (epoch - errors.index[0]) / span:.0f},{height * (1 - level):.1f}")
    said = f"Validation error from {errors.iloc[0]:.2f} to {errors.iloc[-1]:.2f} percent"
    return (
        f'<svg role="img" aria-label="{said}" viewBox="-2 -2 {width + 4} {height + 4}" width="{width}" '
        f'height="{height}"><polyline points="{" ".join(points)}"/></svg>'
    )


def trajectories(store: Store) -> list[Run]:
    """The stored runs without those that a longer one went on from, so that each trained epoch counts once."""
    ends = {(run.config, run.provenance["started"]): run for run in sorted(store.runs(), key=lambda run: run.epochs)}
    return list(ends.values())


def times(store: Store) -> pd.DataFrame:
    """Time by kind of run: data, layers, negatives, hardware; with the median epoch and the sum over trajectories."""
    rows = [
        {
            "data": DATASETS[run.config.dataset],
            "layers": layers(run.config),
            "negatives": negatives(run.config),
            "hardware": hardware(run),
            "epochs": run.epochs,
            "seconds per epoch": run.metrics["seconds"].median(),
            "seconds": seconds_of(run),
        }
        for run in trajectories(store)
        if run.config.algorithm != "none"
    ]
    if not rows:
        return pd.DataFrame({"runs": ["open: no run is stored"]}, index=["all"])
    kinds = pd.DataFrame(rows).groupby(["data", "layers", "negatives", "hardware"])
    table = kinds.agg(
        runs=("epochs", "size"), epochs=("epochs", "sum"), each=("seconds per epoch", "median"), sum=("seconds", "sum")
    )
    table["each"] = [f"{each:#.3g}".rstrip(".") for each in table["each"]]
    table["sum"] = [readable_time(total) for total in table["sum"]]
    named = table.rename(columns={"each": "seconds per epoch", "sum": "time in all"}).reset_index()
    return named.set_index("data").rename_axis(index=None, columns="data")


def chapter_times(store: Store) -> pd.DataFrame:
    """Seconds to execute each chapter as `make times` measured them; "not measured" where it did not."""
    path = store.root / "chapter_times.csv"
    if not path.exists():
        return pd.DataFrame({"seconds": ["not measured"]}, index=["all"])
    times = pd.read_csv(path, dtype=str).pivot(index="chapter", columns=["profile", "machine"], values="seconds")
    times.columns = [f"{profile}, {machine}" for profile, machine in times.columns]
    return times.fillna("not measured").rename_axis(index=None, columns="chapter")


def best(store: Store) -> Run | None:
    """The run on MNIST with the lowest last validation error; the test error takes no part in the choice."""
    runs = [
        run for run in store.runs()
        if run.config.dataset == "mnist" and run.config.pretext == "none" and run.has(run.epochs, VALIDATION)
    ]  # fmt: skip
    return min(runs, key=lambda run: run.at(run.epochs, VALIDATION), default=None)
