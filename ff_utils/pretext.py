"""Pretext tasks: what was done to the image is the class that the net learns to tell (source C).

Each task moves the pixels of an image in one of a few ways, and the number of that way is the label. All of
them are permutations of pixels, so a batch is one indexing operation, grey or in colour:

    rotation  4 classes: by 0, 90, 180, 270 degrees counter-clockwise
    flip      2 classes: as it is, mirrored left to right
    flip4     4 classes: as it is, left to right, top to bottom, both
    jigsaw   24 classes: the 2 × 2 tiles in each of their orders, in lexicographic order

The class enters the image as any label does (`labels.inject`): the first pixels of the flattened image.
Flattened channel first, a colour image has them in its first channel.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import torch
from torch import Tensor

from .data import ImageSet
from .errors import UserError


def _rotation(grid: Tensor) -> list[Tensor]:
    if grid.shape[-1] != grid.shape[-2]:
        raise UserError(f"the pretext task rotation needs square images, not {_size(grid)} pixels: resize them")
    return [torch.rot90(grid, quarters, (-2, -1)) for quarters in range(4)]


def _flip(grid: Tensor) -> list[Tensor]:
    return [grid, grid.flip(-1)]


def _flip4(grid: Tensor) -> list[Tensor]:
    return [grid, grid.flip(-1), grid.flip(-2), grid.flip(-2, -1)]


def _jigsaw(grid: Tensor) -> list[Tensor]:
    if grid.shape[-1] % 2 or grid.shape[-2] % 2:
        raise UserError(f"the pretext task jigsaw needs sides of even length, not {_size(grid)} pixels: resize them")
    tiles = [tile for half in grid.chunk(2, -2) for tile in half.chunk(2, -1)]

    def assembled(order: tuple[int, ...]) -> Tensor:
        a, b, c, d = (tiles[i] for i in order)
        return torch.cat([torch.cat([a, b], -1), torch.cat([c, d], -1)], -2)

    return [assembled(order) for order in permutations(range(4))]


def _size(grid: Tensor) -> str:
    return f"{grid.shape[-2]} × {grid.shape[-1]}"


TASKS: dict[str, Callable[[Tensor], list[Tensor]]] = {
    "rotation": _rotation, "flip": _flip, "flip4": _flip4, "jigsaw": _jigsaw,
}  # fmt: skip


class Pretext:
    """One task for images of one `shape`, (height, width) or (channels, height, width).

    `classes`: how many there are. `places` [classes, pixels]: from which pixel of the flattened image each
    pixel of the changed one comes. Raises `UserError` where the shape does not allow the task.
    """

    def __init__(self, task: str, shape: tuple[int, ...], device: torch.device | str = "cpu"):
        if task not in TASKS:
            raise UserError(f"pretext: no task {task!r}; the tasks are {', '.join(TASKS)}")
        grid = torch.arange(torch.Size(shape).numel()).view(shape)
        self.task, self.shape = task, tuple(shape)
        self.places = torch.stack([changed.flatten() for changed in TASKS[task](grid)]).to(device)
        self.classes = len(self.places)

    def __call__(self, images: Tensor, classes: Tensor) -> Tensor:
        """`images` [n, …], each changed as its one of `classes` [n] says. Any dtype; the shape is kept."""
        return images.flatten(1).gather(1, self.places[classes]).view(images.shape)

    def questions(self, images: ImageSet, part: str) -> ImageSet:
        """Each image changed in one way, which becomes its label.

        The ways are drawn once and for all from the name of the `part`: every run, whatever its seed, is asked
        the same questions, and runs can be compared image by image.
        """
        seed = int.from_bytes(part.encode()[:7], "little")
        drawn = torch.randint(self.classes, (len(images),), generator=torch.Generator().manual_seed(seed))
        drawn = drawn.to(self.places.device)
        return ImageSet(self(images.images, drawn), drawn.to(torch.uint8))
