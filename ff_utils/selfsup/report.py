"""The tables of the self-supervised chapters. Where runs are missing they say "open".

Errors are stored; shown are accuracies, 100 − error, in which source C gives its figures.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import torch

from ..reporting.comparing import IMAGES, Measured, difference, measured
from ..reporting.formats import DATASETS, METHODS, TASKS, as_table, field
from ..reporting.plans import FIXED, nuisances
from ..reporting.report import points, signed, with_open_row
from ..reporting.scorecard import load_claims
from ..reporting.uncertainty import Estimate, over_seeds
from ..results import Run
from ..studies import Study, get
from ..studies.collecting import Collected, collect, column
from .embedding import linear_cka, scatter, silhouette

PRETEXT = {"forward_forward": "test_label_search_error", "backprop": "test_softmax_error"}
TRANSFER = dict.fromkeys(METHODS, "test_transfer_error")
Nets = dict[str, list[Run]]  # By name the runs of a net, one per seed; none where they are missing.


def roles(study: Study) -> pd.DataFrame:
    """What the study is about, what each method has of its own so that the comparison is fair, and what is held."""
    configs = [cell.config for cell in study.cells]
    varied = {name for config in configs for name in study.base.differences(config)} - {"probe", "seed"}
    asked = {name for cell in study.cells for name in cell.settings}
    scientific = sorted(varied & (asked | {"algorithm", "pretext", "dataset"}))
    rows = [("scientific", name, "varied") for name in scientific]
    rows += [
        ("of each method", name, ", ".join(dict.fromkeys(field(config, name) for config in configs)))
        for name in sorted(varied - set(scientific))
    ]
    rows += nuisances(study)
    rows += [("fixed", name, field(study.base, name)) for name in FIXED if name not in varied]
    return as_table([dict(zip(("role", "hyperparameter", "value"), row, strict=True)) for row in rows], "role")


def estimate(found: dict[int, Measured]) -> Estimate | None:
    """The mean of what was measured, as an accuracy in percent."""
    if not found:
        return None
    first = next(iter(found.values()))
    error = over_seeds([one.value for one in found.values()], IMAGES[first.run.config.dataset])
    return Estimate(100 - error.mean, 100 - error.high, 100 - error.low, error.seeds)


def rotation_nets(collected: Collected, reference: Collected) -> Nets:
    """Of the studies `pretext` and `references` the nets trained on rotation of the first data set, and the untrained
    one."""
    data = collected.study.base.dataset
    trained = {
        f"{METHODS[method]}, rotation": _seeds(collected, dataset=data, task="rotation", algorithm=method)
        for method in PRETEXT
    }
    return trained | {METHODS["none"]: _seeds(reference, dataset=data, task="none", algorithm="none")}


def class_nets(reference: Collected) -> Nets:
    """Of the study `references` the nets trained on the classes of the first data set."""
    data = reference.study.base.dataset
    return {
        f"{METHODS[method]}, classes": _seeds(reference, dataset=data, task="classes", algorithm=method)
        for method in PRETEXT
    }


def _seeds(collected: Collected, **settings) -> list[Run]:
    return [run for _, run in sorted(collected.runs_of(**settings).items())]


def _over_seeds(values: list[float], form: str) -> str:
    """The mean, and the range where there are several seeds."""
    mean = f"{sum(values) / len(values):{form}}"
    return mean if len(values) == 1 else f"{mean} ({min(values):{form}} to {max(values):{form}})"


def _last(runs: list[Run], metric: str, form: str, of_error: bool = False) -> str:
    """A metric of the last epoch over the seeds; as an accuracy if it is an error."""
    values = [float(run.metrics.iloc[-1][metric]) for run in runs]
    return _over_seeds([100 - value for value in values] if of_error else values, form)


def accuracy(found: dict[int, Measured]) -> str:
    """An accuracy with its interval, as a table has it."""
    shown = estimate(found)
    return "open" if shown is None else shown.of_an_error().text(1)


def percent(found: dict[int, Measured]) -> str:
    """An accuracy as prose has it."""
    shown = estimate(found)
    return "open" if shown is None else f"{shown.mean:.1f} %"


def gap(found: dict[int, Measured], reference: dict[int, Measured]) -> str:
    """The accuracy of `found` less that of `reference`, in points, as prose has it."""
    return points(ahead(found, reference))


def ahead(found: dict[int, Measured], reference: dict[int, Measured]) -> Estimate | None:
    """How far the accuracy of `found` is above that of `reference`, in points."""
    return difference(found, reference)  # Errors change sign as accuracies.


def on_rotation(collected: Collected, reference: Collected, metric: str) -> dict[str, dict[int, Measured]]:
    """`metric` by seed after rotation of the first data set: of Forward-Forward (ff), of backprop (bp), and of the
    untrained net (free)."""
    data = collected.study.base.dataset
    trained = {
        short: measured(collected, {"dataset": data, "task": "rotation", "algorithm": method}, metric)
        for short, method in zip(("ff", "bp"), PRETEXT, strict=True)
    }
    return trained | {"free": measured(reference, {"dataset": data, "task": "none"}, metric)}


def published(kind: str, dataset: str, task: str) -> dict[str, str]:
    """The accuracies of source C, by method, from the claims; empty strings where it gives none."""
    claims = {claim.id: claim.published for claim in load_claims() if claim.id.startswith(f"C-{kind}-")}
    names = {method: f"C-{kind}-{dataset.replace('_', '-')}-{task}-{short}"
             for method, short in (("forward_forward", "ff"), ("backprop", "bp"))}  # fmt: skip
    return {method: f"{100 - claims[name]:.1f}" if name in claims else "" for method, name in names.items()}


def settings_table(parts: Iterable[Collected], kind: str) -> pd.DataFrame:
    """Both methods in every setting of some studies, ours and source C's: `kind` is pretext or transfer."""
    metrics, rows = {"pretext": PRETEXT, "transfer": TRANSFER}[kind], {}
    for collected in parts:
        for cell in collected.study.cells:
            dataset, task = cell.settings["dataset"], cell.settings["task"]
            name = f"{DATASETS[dataset]}, {TASKS[task]}"
            if task == "none":
                if kind == "transfer":
                    found = measured(collected, cell.settings, TRANSFER["none"])
                    rows[name] = {METHODS["forward_forward"]: accuracy(found)}
            elif name not in rows and (kind == "transfer" or task != "classes"):
                setting = {"dataset": dataset, "task": task}
                both = {
                    method: measured(collected, setting | {"algorithm": method}, metrics[method]) for method in PRETEXT
                }
                source = published(kind, dataset, task)
                rows[name] = {
                    **{METHODS[method]: accuracy(found) for method, found in both.items()},
                    "difference": signed(ahead(both["forward_forward"], both["backprop"])),
                    **{f"C: {METHODS[method]}": value for method, value in source.items()},
                }
    return pd.DataFrame(rows).T.fillna("")


def at_paper_scale(kind: str) -> pd.DataFrame:
    """The settings at the published size that have a run, as `settings_table` has them, and how many have none."""
    names = ("pretext", "pretext-svhn", "references")
    table = settings_table([collect(get(name, "paper")) for name in names], kind)
    lacking = table[[METHODS[name] for name in PRETEXT]].isin(["open", ""]).all(axis=1)
    return with_open_row(table, lacking, "settings")


def layers_table(nets: Nets) -> pd.DataFrame:
    """The transfer accuracy of each net on each layer alone, on the layers from the second together, and on the same
    features averaged over all labels, in percent."""
    rows = {}
    for name, runs in nets.items():
        if not runs:
            rows[name] = {"layer 1": "open"}
            continue
        layers = len(runs[0].config.hidden)
        metrics = {f"layer {i}": f"test_transfer_layer{i}_error" for i in range(1, layers + 1)}
        metrics |= {"together": "test_transfer_error", "averaged over labels": "test_transfer_mean_error"}
        rows[name] = {
            shown: _last(runs, metric, ".1f", of_error=True)
            for shown, metric in metrics.items()
            if all(metric in run.metrics for run in runs)
        }
    return pd.DataFrame(rows).T.fillna("")


def study_table(collected: Collected, rename: str) -> pd.DataFrame:
    """A row per cell: the accuracy on its own task, the transfer accuracy, and its difference to the first cell's."""
    study, rows = collected.study, {}
    base = measured(collected, study.cells[0].settings, TRANSFER["none"])
    for cell in study.cells:
        name = cell.settings[study.factor]
        found = measured(collected, cell.settings, TRANSFER["none"])
        own = next((measured(collected, cell.settings, metric) for metric in PRETEXT.values()
                    if measured(collected, cell.settings, metric)), {})  # fmt: skip
        rows[name] = {
            "own task": percent(own) if cell.config.pretext != "none" else "no labels",
            "transfer": accuracy(found),
            "difference": "" if cell is study.cells[0] else signed(ahead(found, base)),
        }
    return pd.DataFrame(rows).T.rename_axis(columns=rename)


def embedding(run: Run, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The stored principal components [images, 50] of a layer (from 1) and the images' classes."""
    stored = run.diagnostics
    return (torch.from_numpy(stored[f"embedding_layer{layer}"].astype("float32")),
            torch.from_numpy(stored["embedding_labels"].astype("int64")))  # fmt: skip


def clusters_table(nets: Nets) -> pd.DataFrame:
    """How tight and how far apart the classes lie in the last layer of each net, and how many directions it uses."""
    rows = {}
    for name, runs in nets.items():
        if not runs:
            rows[name] = {"silhouette": "open"}
            continue
        layers = len(runs[0].config.hidden)
        stored = [embedding(run, layers) for run in runs]
        shares = [100 * between / (within + between) for within, between in (scatter(*one) for one in stored)]
        rows[name] = {
            "silhouette": _over_seeds([silhouette(*one) for one in stored], ".3f"),
            "within classes (%)": _over_seeds([100 - share for share in shares], ".0f"),
            "between classes (%)": _over_seeds(shares, ".0f"),
            "directions": _last(runs, f"layer{layers}_dimension", ".1f"),
        }
    return pd.DataFrame(rows).T.fillna("")


def decoding_table(nets: Nets, what: str) -> pd.DataFrame:
    """R² with which `what` (position, stroke) can be decoded from each layer of each net."""
    rows = {}
    for name, runs in nets.items():
        layers = range(1, len(runs[0].config.hidden) + 1) if runs else ()
        found = {f"layer {i}": _last(runs, f"layer{i}_{what}_r2", ".2f") for i in layers}
        rows[name] = found or {"layer 1": "open"}
    return pd.DataFrame(rows).T.fillna("")


def similarity(a: Run, b: Run) -> pd.DataFrame:
    """Linear CKA of every layer of `a` (rows) with every layer of `b` (columns), from the stored components."""
    layers = [[embedding(run, i + 1)[0] for i in range(len(run.config.hidden))] for run in (a, b)]
    values = [[linear_cka(x, y) for y in layers[1]] for x in layers[0]]
    names = [[f"layer {i + 1}" for i in range(len(part))] for part in layers]
    return pd.DataFrame(values, index=names[0], columns=names[1])


def spreads(collected: Collected) -> dict[str, float]:
    """By method, how far the validation transfer error moves over the grid of a study, in points."""
    metric, found = "val_transfer_error", {}
    for method in ("forward_forward", "backprop"):
        values = [column(run, metric).dropna().iloc[-1] for row in collected.table.to_dict("records")
                  if row["algorithm"] == method and (run := collected.by_name[row["run"]])]  # fmt: skip
        if values:
            found[method] = max(values) - min(values)
    return found


def open_last(table: pd.DataFrame) -> pd.DataFrame:
    """A `study_table` with one last row in place of the cells that have no run."""
    return with_open_row(table, table["transfer"] == "open")
