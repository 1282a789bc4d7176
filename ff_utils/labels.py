"""Label-in-input: the first pixels of an image hold its label (SOURCES: A section 3.3, B section 3.3).

The label of class c is written as a one-hot code over pixels 0..9. The *neutral* label is ten values
of 0.1. Inside the network a label is a small integer, its *code*: 0..9 for the classes, and `NEUTRAL`.
"""

from __future__ import annotations

import torch
from torch import Tensor

CLASSES = 10
NEUTRAL = CLASSES


def code_values(dtype: torch.dtype = torch.float32, device=None) -> Tensor:
    """The pixel values of every code [11, 10]: ten one-hot rows, then the neutral one."""
    one_hot = torch.eye(CLASSES, dtype=dtype, device=device)
    return torch.cat([one_hot, torch.full_like(one_hot[:1], 1 / CLASSES)])


def inject(images: Tensor, codes: Tensor) -> Tensor:
    """Write labels into images: Inject(x, c) of source A, equation 3.

    `images` [n, pixels], floating point; `codes` [n]. Returns a copy.
    """
    labelled = images.clone()
    labelled[:, :CLASSES] = code_values(images.dtype, images.device)[codes]
    return labelled


def neutral(images: Tensor) -> Tensor:
    """`images` [n, pixels] with the neutral label written into them."""
    return inject(images, torch.full((len(images),), NEUTRAL, device=images.device))
