"""The tables and the numbers in prose that the chapters of the search log show.

Where runs are missing, both say "open". The figures are in `charts`.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from IPython.display import Markdown

from .collecting import Collected, collect, expected, readable_time
from .comparing import ONE_PASS, TEST, VALIDATION, choose, estimates, picks
from .config import RunConfig, command_of
from .cost import step_products
from .results import Run, Store
from .studies import Study
from .uncertainty import Estimate

SYMBOLS = {
    "theta": "θ", "lr": "learning rate", "weight_decay": "weight decay", "peer_normalization": "λ",
    "negatives": "negatives", "jitter": "jitter (pixels)",
}  # fmt: skip


def _table(rows: list[dict], name: str, index: list | None = None) -> pd.DataFrame:
    """A table with one header row: the first column's name stands in it, and numbers are as short as they can be."""
    frame = pd.DataFrame(rows, index=index) if index is not None else pd.DataFrame(rows).set_index(name)
    frame.index = [number(key) if isinstance(key, float) else key for key in frame.index]
    return frame.fillna("").rename(columns=SYMBOLS).rename_axis(columns=SYMBOLS.get(name, name))


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


FIXED = (
    "hidden", "theta", "lr", "momentum", "weight_decay", "layer_reduction", "init", "normalization",
    "input_normalization", "negatives", "warmup", "peer_normalization", "jitter", "batch_size", "bias",
)  # fmt: skip


def roles(study: Study) -> pd.DataFrame:
    """Which hyperparameters the study is about, which are nuisance, and what the rest is held at."""
    varied = {name for cell in study.cells for name in study.base.differences(cell.config)}
    rows = [("scientific", name, "varied") for name in sorted(varied) or [study.factor]]
    rows += [("nuisance", name, "averaged over") for name in study.nuisance]
    rows += [("fixed", name, getattr(study.base, name)) for name in FIXED if name not in varied]
    return _table([dict(zip(("role", "hyperparameter", "value"), row, strict=True)) for row in rows], "role")


def status(collected: Collected) -> Markdown:
    """Which runs there are; for those there are not, the command that trains them and its time."""
    study, found, missing = collected.study, len(collected.table), collected.missing
    command = f"python -m ff_utils study {study.name} --profile {study.profile.name}"
    text = f"{found} of {found + len(missing)} runs of this study are in the results."
    if missing:
        seconds = readable_time(expected(missing, study.profile.training_images))
        commands = "\n".join(command_of(planned.config, planned.epochs) for planned in missing[:3])
        more = f"\n# … and {len(missing) - 3} more" if len(missing) > 3 else ""
        text += (
            f" The others are shown as open; training them takes about {seconds} on this machine:\n\n"
            f"```shell\n{command}\n```\n\n"
            f"or one by one:\n\n```shell\n{commands}{more}\n```"
        )
    if longer := study.extended().cells:
        there = collect(study.extended())
        text += (
            f"\n\nAt {longer[0].epochs} epochs {len(there.table)} of {len(there.table) + len(there.missing)} runs are "
            f"in the results; the others are open. After the shorter ones, `{command}` goes on to them."
        )
    return Markdown(text)


def in_words(collected: Collected) -> dict[str, str]:
    """What a chapter's prose says of its study: the choice, the base, the worst value, and single searches."""
    best, tied = choose(collected)
    validation = estimates(collected, VALIDATION)
    base = collected.study.base_key
    worst = max(validation.index, key=lambda key: validation[key].mean, default=None)
    taken = [f"{number(value)} from seed {seed}" for seed, value in picks(collected).items()]
    return {
        "best": number(best),
        "best_error": interval(validation.get(best)),
        "tied": ", ".join(map(number, tied)) or "open",
        "base": number(base),
        "base_error": interval(validation.get(base)),
        "worst": number(worst),
        "worst_error": interval(validation.get(worst)),
        "picks": ", ".join(taken) or "open",
        "epochs": str(collected.study.cells[0].epochs),
        "seeds": str(len(collected.study.cells[0].seeds)),
    }


def result_table(collected: Collected) -> pd.DataFrame:
    """Errors per cell with their intervals, chosen on validation; the test error stands beside."""
    study = collected.study
    found = {
        "validation error (%)": estimates(collected, VALIDATION),
        "test error (%)": estimates(collected, TEST),
        "one-pass validation error (%)": estimates(collected, ONE_PASS),
    }
    best, tied = choose(collected)
    rows = []
    for key in study.keys:
        shown = {name: str(errors[key].of_an_error()) for name, errors in found.items() if key in errors}
        if validation := found["validation error (%)"].get(key):
            chosen = "best" if key == best else "within one standard error" if key in tied else ""
            rows.append(shown | {"seeds": validation.seeds, "chosen": chosen})
        else:
            rows.append({"validation error (%)": "open"})
    return _table(rows, study.factor, study.keys)


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


def number(value: object) -> str:
    """A number, or a word, as prose has it; "open" for None, which stands for a missing run."""
    return "open" if value is None else value if isinstance(value, str) else f"{value:g}"


def interval(estimate: Estimate | None) -> str:
    """An interval as prose has it, 2.43 % (2.31 to 2.55); "open" for None."""
    if estimate is None:
        return "open"
    shown = estimate.of_an_error()
    return f"{shown.mean:.2f} % ({shown.low:.2f} to {shown.high:.2f})"


def points(change: Estimate | None) -> str:
    """A difference as prose has it, −0.18 points (−0.40 to +0.04); "open" for None."""
    if change is None:
        return "open"
    mean, low, high = (f"{v:+.2f}".replace("-", "−") for v in (change.mean, change.low, change.high))
    return f"{mean} points ({low} to {high})"


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


def catalogue(store: Store) -> pd.DataFrame:
    """One row for each stored run: what it trained, its last errors in percent, and its time in minutes."""
    rows = [
        {
            "data": run.config.dataset,
            "layers": " × ".join(map(str, run.config.hidden)),
            "negatives": run.config.negatives,
            "epochs": run.epochs,
            "validation": f"{run.at(run.epochs, VALIDATION):.2f}",
            "test": f"{run.at(run.epochs, TEST):.2f}",
            "minutes": f"{run.metrics['seconds'].median() * run.epochs / 60:.1f}",
        }
        for run in store.runs()
    ]
    return pd.DataFrame(rows, index=[run.id for run in store.runs()])


def commands(store: Store) -> pd.DataFrame:
    """The command that trains each stored run."""
    return pd.DataFrame(
        {"command": [command_of(run.config, run.epochs) for run in store.runs()]},
        index=[run.id for run in store.runs()],
    )


def layers_of(runs: dict[str, Run | None]) -> pd.DataFrame:
    """For each run and layer, at its last epoch: the goodness gap in units of θ, and the layer's own error."""
    rows = {}
    for name, run in runs.items():
        table = layer_table(run)
        rows[name] = {
            f"layer {i}": f"{row['goodness gap / θ']:.3f}; {row['error (%)']:.1f} %" for i, row in table.iterrows()
        } or {"layer 1": "open"}
    return pd.DataFrame(rows).T.fillna("")


HYSTERICAL = 5.0  # Times the mean activity of the layer, from which a unit counts as hysterical.


def decay_half_life(config: RunConfig, images: int) -> float:
    """After how many epochs weight decay alone would halve a weight; infinite without decay.

    Once momentum has added up, each step shrinks it by lr/(1 − momentum) · weight_decay if coupled. `images`: in
    the training set.
    """
    step = config.per_layer("lr")[-1] * config.weight_decay
    if config.weight_decay_form == "coupled":
        step /= 1 - config.momentum
    steps = -(-images // config.batch_size)
    return math.log(2) / (step * steps) if step else math.inf


def unit_activity(run: Run, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the units of hidden layer `layer` (from 1), at the last epoch at which it was kept: the mean activity and
    the fraction of validation images for which each is on, [units] both."""
    epoch = max(int(name.split("_")[1]) for name in run.diagnostics if name.startswith("activity_"))
    kept = (run.diagnostics[f"{kind}_{epoch}_layer{layer}"].astype(float) for kind in ("activity", "active"))
    return tuple(kept)


def unit_table(runs: dict[str, Run | None]) -> pd.DataFrame:
    """For each run and layer the shares of dead, hysterical and always active units, in percent."""
    rows = {}
    for name, run in runs.items():
        if run is None:
            rows[name, ""] = {"dead (%)": "open"}
            continue
        for layer in range(1, len(run.config.hidden) + 1):
            mean, active = unit_activity(run, layer)
            rows[name, f"layer {layer}"] = {
                "dead (%)": f"{100 * (active == 0).mean():.1f}",
                "hysterical (%)": f"{100 * (mean > HYSTERICAL * mean.mean()).mean():.1f}",
                "on for 95 % of the images (%)": f"{100 * (active > 0.95).mean():.1f}",
            }
    frame = pd.DataFrame(rows).T.fillna("")
    frame.index = [" ".join(filter(None, key)) for key in frame.index]
    return frame


def effective_negatives(run: Run) -> np.ndarray:
    """By epoch, exp(entropy) of the negative label given the true one, mean over classes: 9 if uniform, 1 if fixed."""
    counts = run.diagnostics["negative_counts"].astype(float)
    share = counts / counts.sum(2, keepdims=True)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(2)
    return np.exp(entropy).mean(1)


def cost_table(study: Study, collected: Collected) -> pd.DataFrame:
    """What one training step of each cell costs: its matrix products, counted, and the time it took where known."""
    operations = {
        cell.settings[study.factor]: sum(product.operations for product in step_products(cell.config))
        for cell in study.cells
    }
    plainest, rows = min(operations.values()), []
    for key, count in operations.items():
        seconds = [run.metrics["seconds"].median() for run in collected.runs_of(**{study.factor: key}).values()]
        rows.append(
            {
                study.factor: key,
                "operations per step (10⁹)": f"{count / 1e9:.1f}",
                "times the least": f"{count / plainest:.2f}",
                "median epoch (s)": f"{min(seconds):.0f}" if seconds else "open",
            }
        )
    return _table(rows, study.factor)
