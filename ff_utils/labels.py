"""Label-in-input: the first pixels of an image hold its label (sources A and B, section 3.3).

The label of class c is written as a one-hot code over as many pixels as there are classes, 0..9 for
MNIST. The *neutral* label has the same value in all of them, 1/classes. Inside the network a label is a small
integer, its *code*: that of its class, and for the neutral one the number of classes.
"""

from __future__ import annotations

import torch
from torch import Tensor

CLASSES = 10  # Of MNIST and its kin. Other data may have another number: `Splits.classes`.
NEUTRAL = CLASSES


def code_values(classes: int = CLASSES, dtype: torch.dtype = torch.float32, device=None) -> Tensor:
    """The pixel values of every code [classes + 1, classes]: the one-hot rows, then the neutral one."""
    one_hot = torch.eye(classes, dtype=dtype, device=device)
    return torch.cat([one_hot, torch.full_like(one_hot[:1], 1 / classes)])


def inject(images: Tensor, codes: Tensor, classes: int = CLASSES) -> Tensor:
    """Write labels into images: Inject(x, c) of source A, equation 3.

    `images` [n, pixels], floating point; `codes` [n]. Returns a copy.
    """
    labelled = images.clone()
    labelled[:, :classes] = code_values(classes, images.dtype, images.device)[codes]
    return labelled
