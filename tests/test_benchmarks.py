"""The benchmarks: what they time is the same algorithm, and every measurement runs on tiny nets."""

import csv
import importlib
from pathlib import Path

import pytest
import torch

from ff_utils import RunConfig, Trainer, load, recipe

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def benchmarks(monkeypatch):
    """Imports a module of the folder, whose modules are scripts."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


def test_autograd_and_engine_take_the_same_steps(benchmarks, small):
    """The idiomatic implementation that the engine is timed against, from the same weights on the same images."""
    baselines = benchmarks("baselines")
    config = RunConfig(**small, negatives="label_search", init="normal", layer_reduction="sum", head_lr=0.0)
    trainer = Trainer(config, load("digits"), torch.float64)
    net = baselines.Net(config).double()
    with torch.no_grad():
        for theirs, ours in zip(net.layers, trainer.network.layers, strict=True):
            theirs.weight.copy_(ours.weight.value.t())
            theirs.bias.copy_(ours.bias.value)
    before = trainer.network.layers[0].weight.value.clone()
    draws = trainer.draws(1)
    batches = [draws.order[:50], draws.order[50:100]]  # Among later ones are images whose labels tie.
    steps = baselines.training_steps(
        config, ((trainer.images[rows].double() / 255, trainer.labels[rows]) for rows in batches), net=net
    )
    for rows in batches:
        trainer.step(rows, draws)
        next(steps)
    for theirs, ours in zip(net.layers, trainer.network.layers, strict=True):
        torch.testing.assert_close(ours.weight.value, theirs.weight.t())
        torch.testing.assert_close(ours.bias.value, theirs.bias)
    assert (trainer.network.layers[0].weight.value - before).abs().max() > 1e-3


TIMED = ("records", "small", "parts", "scaling", "classes", "evaluation")


@pytest.mark.parametrize("what", [*TIMED, "agreement", "shortlist"])
def test_every_measurement_runs(what, benchmarks, monkeypatch, tmp_path):
    speed = benchmarks("speed")
    assert {*TIMED, "agreement", "shortlist"} == {*speed.MEASUREMENTS}

    def tiny(name, **changes):
        hidden = (20,) * len(changes.get("hidden", (1, 2, 3, 4)))
        return recipe(name, **changes | {"dataset": "digits", "hidden": hidden, "theta": 5.0})

    monkeypatch.setenv("FF_COMPILE", "0")
    monkeypatch.setattr(speed, "recipe", tiny)
    monkeypatch.setattr(speed, "load", lambda name: load("digits"))
    speed.MEASUREMENTS[what](speed.Options(rounds=1, steps=1, out=tmp_path))
    (path,) = tmp_path.rglob(f"{what}.csv")
    assert (path.parent != tmp_path) == (what in TIMED)  # Times stand in the folder of their processor.
    rows = list(csv.DictReader(path.open()))
    assert rows and all(rows[0].keys() == row.keys() for row in rows)
    for row in rows:
        numbers = {name: float(value) for name, value in row.items() if value.replace(".", "").isdigit()}
        assert numbers and all(value >= 0 for value in numbers.values())
