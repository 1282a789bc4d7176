"""The results of a study, as tables and as the numbers in a chapter's prose.

Where runs are missing, both say "open". The figures are in `charts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..results import Run
from ..studies import get
from ..studies.collecting import Collected, collect, value
from . import published
from .comparing import ONE_PASS, TEST, VALIDATION, change, choose, difference, estimates, measured, picks
from .formats import SYMBOLS, as_table, in_figures, layers, number, p_value
from .uncertainty import Estimate


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
        "tied": "; ".join(number(key) for key in tied if key != best) or ("no other" if tied else "open"),
        "base": number(base),
        "base_error": interval(validation.get(base)),
        "worst": number(worst),
        "worst_error": interval(validation.get(worst)),
        "picks": "; ".join(taken) or "open",
        "epochs": str(collected.study.cells[0].epochs),
        "seeds": str(len(collected.study.cells[0].seeds)),
    }


def result_table(collected: Collected, choice: bool = True) -> pd.DataFrame:
    """Errors per cell with their intervals. `choice`: with what validation would choose, where there is a choice."""
    study = collected.study
    found = {
        "validation error (%)": estimates(collected, VALIDATION),
        "test error (%)": estimates(collected, TEST),
        "one-pass validation error (%)": estimates(collected, ONE_PASS),
    }
    best, tied = choose(collected)
    rows = []
    for key in study.keys:
        if validation := found["validation error (%)"].get(key):
            shown = {name: _of_seeds(errors.get(key), validation.seeds) for name, errors in found.items()}
            chosen = "best" if key == best else "within one standard error" if key in tied else ""
            rows.append(shown | {"seeds": validation.seeds} | ({"chosen": chosen} if choice and tied else {}))
        else:
            rows.append({"validation error (%)": "open"})
    return as_table(rows, study.factor, study.keys)


def _of_seeds(found: Estimate | None, seeds: int) -> str:
    """An error with its interval; its own number of seeds where that is not `seeds`."""
    if found is None:
        return ""
    return str(found.of_an_error()) + (f" ({seeds_in_words(found)})" if found.seeds != seeds else "")


def at_paper_scale(name: str) -> pd.DataFrame:
    """The errors of a study's cells at the published size that have a run, and how many have none."""
    study = get(name, "paper")
    table = result_table(collect(study)).drop(columns="chosen", errors="ignore")
    lengths = {cell.settings[study.factor]: cell.epochs for cell in study.cells}
    table["epochs"] = [str(lengths[key]) for key in study.keys]
    return with_open_row(table, table["validation error (%)"] == "open")


def at_paper_scale_in_words(name: str) -> str:
    """What a study says at the published size, in two or three sentences; of a part of its cells if others lack."""
    collected = collect(get(name, "paper"), "never")
    told, measured = in_words(collected), estimates(collected, VALIDATION)
    if len(measured) < 2:
        return "Too few of its cells have been trained to compare them."
    fewest, most = (end(found.seeds for found in measured) for end in (min, max))
    count = seeds_in_words(measured.iloc[0]) if fewest == most else f"{fewest} to {most} seeds"
    start = f"After {told['epochs']} epochs, with {count} a value,"
    if len(measured) < len(collected.study.keys):
        errors = "; ".join(f"{number(key)}: {interval(found)}" for key, found in measured.items())
        return f"{start} some cells are still open, so no value is chosen. Validation errors so far: {errors}."
    is_base = told["best"] == told["base"]
    base = "" if is_base else f" The base, {told['base']}, has {told['base_error']}."
    return (
        f"{start} the lowest validation error is at {told['best']}{', the base,' * is_base} with {told['best_error']}. "
        f"Within one standard error of it: {told['tied']}.{base} The worst, {told['worst']}, has {told['worst_error']}."
    )


def with_open_row(table: pd.DataFrame, lacking: pd.Series, rows: str = "cells") -> pd.DataFrame:
    """`table` with one last row in place of those that are `lacking`, a boolean per row; `rows` says what rows are."""
    shown = table[~lacking].copy()
    if lacking.any():
        shown.loc[f"{lacking.sum()} of {len(table)} {rows}: open"] = ""
    return shown


def side(found: Estimate | None, words: tuple[str, str, str]) -> str:
    """Of three words the one for a difference below 0, for one that can't be told from 0, or for one above."""
    return "open" if found is None else words[1 + found.sign]


def seeds_in_words(found: Estimate | None) -> str:
    """From how many seeds an estimate is."""
    if found is None:
        return "an open number of seeds"
    return "one seed" if found.one_seed else f"{found.seeds} seeds"


def machines(*runs: Run | None) -> str:
    """Whether runs were trained on one kind of processor, in words."""
    kinds = {run.provenance["device"] for run in runs if run}
    return "different kinds of processor" if len(kinds) > 1 else "one kind of processor" if kinds else "open"


def interval(estimate: Estimate | None) -> str:
    """An interval as prose has it, 2.43 % (2.31 to 2.55); "open" for None."""
    if estimate is None:
        return "open"
    shown = estimate.of_an_error()
    return f"{shown.mean:.2f} % ({shown.low:.2f} to {shown.high:.2f})"


def error_of(run: Run | None, metric: str, epoch: int | None = None, digits: int = 2) -> str:
    """An error of one run after `epoch` (default: its end) as prose has it, 0.96 %; "open" where it is missing."""
    found = value(run, epoch or run.epochs, metric) if run else None
    return "open" if found is None else f"{found:.{digits}f} %"


def points(found: Estimate | None) -> str:
    """A difference as prose has it, −0.18 points (−0.40 to +0.04); "open" for None."""
    if found is None:
        return "open"
    mean, low, high = (in_figures(v, signed=True) for v in (found.mean, found.low, found.high))
    return f"{mean} points ({low} to {high})" if found.bounded else f"{mean} points (one seed, no interval)"


def signed(found: Estimate | None) -> str:
    """A difference as a table has it, −0.18 [−0.40, +0.04]; "open" for None."""
    return "open" if found is None else found.text(signed=True)


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


def difference_table(collected: Collected, pairs: list[tuple], metrics: dict[str, str]) -> pd.DataFrame:
    """What going from one value of the factor to another changes in some metrics, {name: column}."""
    factor = collected.study.factor
    rows = [
        {"from": before, "to": after}
        | {
            name: signed(change(collected, {factor: before}, {factor: after}, metric))
            for name, metric in metrics.items()
        }
        for before, after in pairs
    ]
    return as_table(rows, "from")


def gains(collected: Collected, reference: object) -> pd.DataFrame:
    """What every other value of the factor changes against `reference`, its p-value, and what an epoch of it costs."""
    factor = collected.study.factor
    rows = []
    for key in collected.study.keys:
        if key != reference:
            ways = {"validation": VALIDATION, "test": TEST}
            found = {name: change(collected, {factor: reference}, {factor: key}, m) for name, m in ways.items()}
            row = {factor: key} | {name: signed(estimate) for name, estimate in found.items()}
            validation = found["validation"]
            row["p (validation)"] = p_value(validation.p_value) if validation else "open"
            # Only times on equally many threads compare; of several numbers of threads, those on the most.
            costs = (_epoch_seconds(collected, key) / _epoch_seconds(collected, reference)).dropna()
            cost = "open" if validation is None else "not comparable" if costs.empty else f"× {costs.iloc[-1]:.2f}"
            rows.append(row | {"time of an epoch": cost})
    return as_table(rows, factor)


def _epoch_seconds(collected: Collected, key: object) -> pd.Series:
    """The median seconds of an epoch of the quickest run, by its number of threads."""
    runs = collected.runs_of(**{collected.study.factor: key}).values()
    found = [(run.provenance["threads"], run.metrics["seconds"].median()) for run in runs]
    return pd.DataFrame(found, columns=["threads", "seconds"]).groupby("threads")["seconds"].min()


def readings(collected: Collected, rows: Sequence[published.Row]) -> pd.DataFrame:
    """Errors of a study's base at the epochs of some rows of the source, beside the source's."""
    lacking, base = "not measured" if collected.by_name else "open", collected.study.base_key
    table = []
    for row in rows:
        epoch = collected.study.profile.milestones[row.epochs]
        ours = {}
        for name, metric in (("validation", VALIDATION), ("test", TEST)):
            found = estimates(collected, metric, epoch).get(base)
            ours[f"{name} error (%)"] = str(found.of_an_error()) if found else lacking
        theirs = {"its validation": f"{row.validation:.2f}", "its test": f"{row.test:.2f}"}
        table.append({"epochs": epoch} | ours | {"the source's epochs": row.epochs} | theirs)
    return as_table(table, "epochs")


def answer(exercise: str, reference: str) -> str:
    """What an exercise's change does to the validation error of the small nets against `reference`, in words.

    Both are names of the study `exercises`, read at the end of the cell.
    """
    collected = collect(get("exercises", "quick"))
    ends = (measured(collected, {"exercise": name}, VALIDATION) for name in (reference, exercise))
    return points(difference(*ends))


def field_table(ours: dict[str, Collected]) -> pd.DataFrame:
    """What public implementations report, and below it the cells of our studies that have a run."""
    rows = [
        {
            "system": system.name,
            "net": system.net.replace(" ", "\u00a0"),
            "epochs": system.epochs,
            "test error (%)": system.error,
            "seeds": "",
        }
        for system in published.FIELD
    ]
    for name, collected in ours.items():
        errors, factor = estimates(collected, TEST), collected.study.factor
        for cell in collected.study.cells:
            if (key := cell.settings[factor]) in errors:
                # Changes and recipes speak for themselves, and what is as published needs no word.
                words = key if factor in ("change", "recipe") else f"{SYMBOLS.get(factor, factor)} {number(key)}"
                words = {"none": "", "the code": "", "jitter (pixels) 0": ""}.get(words, f", {words}")
                row = {"system": f"ours: {name}{words}", "net": layers(cell.config), "epochs": cell.epochs}
                rows.append(row | {"test error (%)": str(errors[key].of_an_error()), "seeds": errors[key].seeds})
    return as_table(rows, "system")


def step_table(collected: Collected, steps: list[tuple[int, int]]) -> pd.DataFrame:
    """What going on from one epoch to another changes in both errors of a study's base."""
    lacking = "not measured" if collected.by_name else "open"
    rows = []
    for start, end in steps:
        row = {"epochs": f"{start} → {end}"}
        for name, metric in (("validation", VALIDATION), ("test", TEST)):
            found = difference(*(measured(collected, {}, metric, epoch) for epoch in (start, end)))
            row[name] = signed(found) if found else lacking
        rows.append(row)
    return as_table(rows, "epochs")


def scatter(run: Run | None, metric: str, until: int) -> float | None:
    """The standard deviation of `metric`'s change from epoch to epoch in the second half of a run's first epochs.

    In points, rounded to hundredths.
    """
    if run is None:
        return None
    values = run.metrics[metric].loc[until // 2 : until]
    return round(float(values.diff().std()), 2)
