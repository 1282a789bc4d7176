"""Transfer: what a linear classifier makes of the features of a frozen net (source C).

The classifier is scikit-learn's `LogisticRegression`: a convex problem with one optimum and no learning rate, so
that no method gains from how its classifier was tuned. On 50,000 × 6,000 features one iteration of L-BFGS is
two products, about as fast as two cores can do them; it is stopped after `ITERATIONS`, for all methods alike.
Features are standardised by their mean and spread on the training images.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from ..data import Splits

FIRST = 2  # Layers from here on are read together, by every method (as B does, and C for its predictions).
DECAY = 1e-3  # λ in: mean cross-entropy + λ/2 · squared length of the weights.
ITERATIONS = 50

Features = Callable[[Tensor], list[Tensor]]  # Images uint8 [n, …] to one [n, units] per layer.


def fit(features: np.ndarray, labels: np.ndarray, decay: float = DECAY, iterations: int = ITERATIONS) -> Pipeline:
    """A linear classifier trained on `features` float32 [n, d] and `labels` uint8 [n]; its `predict` takes features."""
    logistic = LogisticRegression(C=1 / (len(labels) * decay), max_iter=iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), logistic).fit(features, labels)


def readouts(layers: int) -> dict[str, slice]:
    """What is read, by name: each layer alone, and under the empty name all from `FIRST` together."""
    first = min(FIRST, layers) - 1
    return {"": slice(first, layers)} | {f"_layer{i + 1}": slice(i, i + 1) for i in range(layers)}


def joined(layers: Sequence[Tensor]) -> np.ndarray:
    """The features of several layers side by side, float32 [n, d]."""
    return torch.cat([layer.float().cpu() for layer in layers], 1).numpy()


def transfer(features: Features, splits: Splits, alone: bool = True) -> dict[str, Tensor]:
    """The predictions of a linear classifier for the data set's own classes.

    Keys are such as `val_transfer`, `test_transfer_layer1`; values uint8 [images]. `alone`: also each layer alone.
    """
    parts = {"train": splits.train, "val": splits.validation, "test": splits.test}
    found = {name: features(part.images) for name, part in parts.items()}
    predictions = {}
    for readout, chosen in readouts(len(found["train"])).items():
        if readout and not alone:
            continue
        classifier = fit(joined(found["train"][chosen]), splits.train.labels.cpu().numpy())
        for name in ("val", "test"):
            predicted = classifier.predict(joined(found[name][chosen]))
            predictions[f"{name}_transfer{readout}"] = torch.from_numpy(predicted)
    return predictions
