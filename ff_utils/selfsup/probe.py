"""What is measured on a frozen net beside its own task: `RunConfig.probe`.

- `transfer`: a linear classifier for the data set's classes, on each layer and on several together
- `full`: also the classifier on features averaged over all labels; how well position and stroke width can be
  decoded from each layer; over how many directions it spreads; and its embedding of some test images
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..readout import error_percent
from ..trainer import Trainer
from .embedding import decoded, dimension, principal, shifted, stroke_width
from .transfer import transfer

EMBEDDED = 1_000  # Test images.
DECODING = (5_000, 2_000)  # Images to learn a decoding from (training) and to measure it on (test).


def probe(trainer: Trainer) -> tuple[dict[str, float], dict[str, Tensor], dict[str, Tensor]]:
    """The columns of a row, the predictions and the diagnostics; each empty where nothing is to be measured."""
    if trainer.config.probe == "none":
        return {}, {}, {}
    full = trainer.config.probe == "full"
    dtype = torch.promote_types(trainer.dtype, torch.float32)

    def features(images: Tensor, labels: str = "neutral") -> list[Tensor]:
        return [layer.cpu() for layer in trainer.features(images, dtype, labels)]

    predictions = transfer(features, trainer.splits)
    if full:
        averaged = transfer(lambda images: features(images, "mean"), trainer.splits, alone=False)
        predictions |= {f"{name}_mean": found for name, found in averaged.items()}
    parts = {"val": trainer.splits.validation, "test": trainer.splits.test}
    columns = {
        f"{name}_error": error_percent(found, parts[name.split("_")[0]].labels) for name, found in predictions.items()
    }
    if not full:
        return columns, predictions, {}
    embedded = features(trainer.splits.test.images[:EMBEDDED])
    diagnostics = {"embedding_labels": trainer.splits.test.labels[:EMBEDDED].cpu()}
    for i, layer in enumerate(embedded, 1):
        diagnostics[f"embedding_layer{i}"] = principal(layer)
        columns[f"layer{i}_dimension"] = dimension(layer)
    return columns | decodings(features, trainer), predictions, diagnostics


def decodings(features, trainer: Trainer) -> dict[str, float]:
    """R² of position and, for grey images, stroke width from each layer."""
    train, test = trainer.splits.train.images[: DECODING[0]], trainer.splits.test.images[: DECODING[1]]
    questions = {"position": tuple(shifted(images, seed) for seed, images in enumerate((train, test)))}
    if train.ndim == 3:
        questions["stroke"] = tuple((images, stroke_width(images.cpu())) for images in (train, test))
    columns = {}
    for name, ((learned, targets), (asked, answers)) in questions.items():
        pairs = zip(features(learned), features(asked), strict=True)
        for i, (x, y) in enumerate(pairs, 1):
            columns[f"layer{i}_{name}_r2"] = decoded(x, targets.cpu().float(), y, answers.cpu().float())
    return columns
