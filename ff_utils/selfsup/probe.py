"""What is measured on a frozen net beside its own task: `RunConfig.probe`.

- `transfer`: a linear classifier for the data set's classes, on each layer and on several together.
- `full`: also the classifier on features averaged over all labels; how well position and stroke width can be
  decoded from each layer; over how many directions it spreads; and its embedding of some test images.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..readout import error_percent
from ..trainer import Trainer
from .embedding import decoded, dimension, principal, shifted, stroke_width
from .transfer import transfer

EMBEDDED = 1_000  # Test images.
DECODING = (5_000, 2_000, 2_000)  # Training images to learn a decoding from, validation and test images.


def probe(trainer: Trainer) -> tuple[dict[str, float], dict[str, Tensor], dict[str, Tensor]]:
    """The columns of a row, the predictions and the diagnostics (those for `full` alone)."""
    full = trainer.config.probe == "full"
    dtype = torch.promote_types(trainer.dtype, torch.float32)

    def features(images: Tensor, averaged: bool = False) -> list[Tensor]:
        return [layer.cpu() for layer in trainer.features(images, dtype, averaged)]

    predictions = transfer(features, trainer.splits)
    if full:
        averaged = transfer(lambda images: features(images, averaged=True), trainer.splits, alone=False)
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
    splits = (trainer.splits.train, trainer.splits.validation, trainer.splits.test)
    parts = [split.images[:count] for split, count in zip(splits, DECODING, strict=True)]
    questions = {"position": [shifted(images, seed) for seed, images in enumerate(parts)]}
    if parts[0].ndim == 3:
        questions["stroke"] = [(images, stroke_width(images.cpu())) for images in parts]
    columns = {}
    for name, asked in questions.items():
        layers = zip(*(features(images) for images, _ in asked), strict=True)
        answers = [answer.cpu().float() for _, answer in asked]
        for i, found in enumerate(layers, 1):
            columns[f"layer{i}_{name}_r2"] = decoded(*zip(found, answers, strict=True))
    return columns
