"""Numbers, and the values of settings, as tables and prose have them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ..config import RunConfig

DATASETS = {
    "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10", "svhn": "SVHN", "digits": "digits",
}  # fmt: skip
TASKS = {
    "rotation": "rotation", "flip": "flip", "flip4": "flip, both axes", "jigsaw": "jigsaw", "classes": "the classes",
    "none": "untrained",
}  # fmt: skip
METHODS = {"forward_forward": "Forward-Forward", "backprop": "backprop", "none": "untrained"}
SYMBOLS = {
    "theta": "θ", "lr": "learning rate", "weight_decay": "weight decay", "peer_normalization": "λ",
    "negatives": "negatives", "jitter": "jitter (pixels)", "head_inputs": "head",
}  # fmt: skip
WORDS = {"dataset": DATASETS, "task": TASKS, "algorithm": METHODS}


def in_figures(value: float, digits: int = 2, signed: bool = False) -> str:
    """`value` with a true minus sign, and with none before what rounds to 0; `signed`: with a plus above it."""
    return f"{value:{'+' * signed}z.{digits}f}".replace("-", "−")


def number(value: object) -> str:
    """A number, to six figures and without an exponent, or a word; "open" for None, which stands for a missing run."""
    if value is None or isinstance(value, str):
        return value or "open"
    if math.isinf(value):
        return "∞"
    return np.format_float_positional(float(f"{value:g}"), trim="-").replace("-", "−")


def p_value(p: float) -> str:
    """A p-value; below a thousandth its size says no more."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def setting(name: str, value: object) -> str:
    """A setting's value: 0.04, yes, MNIST, or 1, 0.5 for one value per layer."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(number(one) for one in value)
    if value is None:
        return "none"
    return WORDS.get(name, {}).get(value) or number(value)


def layers(config: RunConfig) -> str:
    """The hidden layers as people write them: 4 × 2000, on one line, or 500, 300, 200."""
    same = len(set(config.hidden)) == 1
    return f"{len(config.hidden)}\u00a0×\u00a0{config.hidden[0]}" if same else ", ".join(map(str, config.hidden))


def field(config: RunConfig, name: str) -> str:
    """A field of a configuration as a table has it."""
    return layers(config) if name == "hidden" else setting(name, getattr(config, name))


def as_table(rows: list[dict], name: str, index: list | None = None) -> pd.DataFrame:
    """A table with one header row: the first column's name stands in it, and numbers are as short as they can be."""
    frame = pd.DataFrame(rows, index=index, dtype=object)
    frame = frame if index is not None else frame.set_index(name)
    frame.index = [number(key) if isinstance(key, float) else key for key in frame.index]
    return frame.fillna("").rename(columns=SYMBOLS).rename_axis(columns=SYMBOLS.get(name, name))
