"""What several test files share."""

import functools
import multiprocessing

import pandas as pd
import torch
import torch.nn.functional as F

from ff_utils import results

# Nets this small lose more by threads than they gain, most of all where the cores are busy.
torch.set_num_threads(1)


@functools.cache
def processes():
    """What starts processes: where the system can, with the package loaded already."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ff_utils.__main__", "sklearn.datasets", "matplotlib.figure", "pytest"])
    return context


def skip_drawing(monkeypatch):
    """Have runs saved without their picture: drawing one takes longer than these nets train."""
    monkeypatch.setattr(results, "draw_training_curves", lambda metrics, path: path.write_text("a picture"))


def measured(run):
    """The metrics of a run without the columns that hold times."""
    return run.metrics.drop(columns=["train_seconds", "seconds"])


def assert_same_results(run, other):
    """Equal to the last digit: metrics column by column, predictions and diagnostics."""
    pd.testing.assert_frame_equal(measured(run), measured(other), check_exact=True)
    for name in ("predictions", "diagnostics"):
        ours, theirs = getattr(run, name), getattr(other, name)
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert (ours[key] == theirs[key]).all(), key


def labelled(images, label):
    """A copy of `images` [n, pixels] with one label written by hand: a class, or None for neutral."""
    images = images.clone()
    for pixel in range(10):
        images[:, pixel] = 0.1 if label is None else float(pixel == label)
    return images


def plain_forward(network, x, averaged=False):
    """Per layer the activities [n, units] of labelled images `x`, from the definition alone."""
    config, activities = network.config, []

    def normalized(x, how):
        return x if how == "none" else F.normalize(x, dim=1) * (x.shape[1] ** 0.5 if how == "rms" else 1.0)

    x = normalized(x, config.input_normalization)
    for layer in network.layers:
        weight, bias = (None if p is None else p.average if averaged else p.value for p in (layer.weight, layer.bias))
        a = x @ weight if bias is None else x @ weight + bias
        activities.append(a.clamp_min(0))
        x = normalized(activities[-1], config.normalization)
    return activities


def plain_goodness(network, images, averaged=False):
    """The goodness of every layer under every label, [layers, n, 10]."""
    return torch.stack(
        [
            torch.stack([y.square().sum(1) for y in plain_forward(network, labelled(images, c), averaged)])
            for c in range(10)
        ],
        dim=2,
    )


def plain_head(network, head, images, averaged=False):
    """The softmax head's logits, [n, 10]."""
    first = network.config.goodness_from - 1
    parameters = [p.average if averaged else p.value for p in (head.bias, *head.weights)]
    logits = parameters[0]
    activities = plain_forward(network, labelled(images, None), averaged)[first:]
    for i, (y, weight) in enumerate(zip(activities, parameters[1:], strict=True)):
        x = y / y.square().mean(1, keepdim=True).sqrt()
        if head.standardizers:
            x = (x - head.standardizers[i].mean) / head.standardizers[i].square.sqrt()
        logits = logits + x @ weight
    return logits


def store_run(config, rows, predictions=None, diagnostics=None, dtype="float32"):
    """A finished run with these rows (without their epoch) in the default results folder."""
    numbered = [{"epoch": epoch, **row} for epoch, row in enumerate(rows, 1)]
    provenance = {"started": "2026-01-02T03:04:05", "seconds": 1.0, "dtype": dtype}
    return results.Store().save(config, numbered, predictions or {}, diagnostics or {}, provenance)
