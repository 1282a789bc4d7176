"""Negatives that are other images, for Forward-Forward without labels.

In supervised Forward-Forward a negative is the same image under a wrong label, and a layer needs to keep no
more than what tells right labels from wrong ones. Here the image itself is made wrong, from two real ones:

- `hybrid`: one image in some regions, another in the rest (source B, section 3.2; the masks are ours)
- `blend`: the mean of the two
- `label_and_hybrid`: half of the negatives have a wrong label, the other half are hybrids under the right one

Nothing here knows a label.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MASKS = 4096  # Drawn once; each hybrid picks one of them.
BLURS = 6  # Enough for regions some 6 pixels wide.


def region_masks(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Random masks with large regions of ones and zeros, bool [count, height, width].

    Random bits, blurred several times by (¼, ½, ¼) along both axes, then cut at ½.
    """
    field = torch.randint(2, (count, 1, height, width), generator=generator).float()
    kernel = torch.tensor([0.25, 0.5, 0.25])
    for _ in range(BLURS):
        field = F.conv2d(F.pad(field, (1, 1, 0, 0), mode="circular"), kernel.view(1, 1, 1, 3))
        field = F.conv2d(F.pad(field, (0, 0, 1, 1), mode="circular"), kernel.view(1, 1, 3, 1))
    return field[:, 0] > 0.5


class Contrast:
    """Makes negative images. `shape`: (height, width) or (channels, height, width) of the images."""

    def __init__(
        self, kind: str, shape: tuple[int, ...], generator: torch.Generator, device: torch.device | str = "cpu"
    ):
        self.kind = kind
        masks = region_masks(MASKS, *shape[-2:], generator)
        channels = shape[0] if len(shape) == 3 else 1
        self.masks = masks.flatten(1).repeat(1, channels).to(device)

    @property
    def labelled(self) -> bool:
        """Whether rows carry labels; else all have the neutral one."""
        return self.kind == "label_and_hybrid"

    def __call__(self, images: Tensor, others: Tensor, uniforms: Tensor) -> Tensor:
        """One negative for each of `images` [n, pixels] (uint8), made with `others` [n, pixels].

        `uniforms` [n] in [0, 1) picks the masks.
        """
        if self.kind == "blend":
            return ((images.short() + others.short()) // 2).to(images.dtype)
        return torch.where(self.masks[(uniforms * MASKS).long()], images, others)
