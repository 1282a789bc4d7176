"""What a training step costs: its matrix products, and from them the time a run will take.

Counted are the products that the algorithm cannot do without once labels share the pixels' part of the
first layer and a label search has already run the positive and the negative pass.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from itertools import pairwise

import torch

from .config import RunConfig
from .labels import CLASSES
from .pretext import Pretext

PIXELS = {"cifar10": 3072, "svhn": 3072}  # Inputs where they are not MNIST's 784.
# Time of a run against that of its training products, from the stored runs on processors: element-wise work and
# evaluation go with the products, calls and small tensors with the steps.
OVERHEAD = 1.5
STEP = 0.005  # Seconds.
PRODUCTS = 20  # To measure by: the time of other threads is up to date to some milliseconds.


@dataclass(frozen=True)
class Product:
    """[rows, inner] @ [inner, columns]; `transposed`: the left factor is stored as [inner, rows]."""

    rows: int
    inner: int
    columns: int
    transposed: bool = False

    @property
    def operations(self) -> int:
        """Floating-point operations: a multiplication and an addition each."""
        return 2 * self.rows * self.inner * self.columns


def step_products(config: RunConfig) -> list[Product]:
    """The products of one training step, in order: forward, then weight gradients.

    Left out: the optimiser's (`orthogonal` has some), that backprop sends gradients down as well, and that negatives
    which are images share no pixels with the positives.
    """
    batch, pixels = config.batch_size, PIXELS.get(config.dataset, 784)
    classes = CLASSES if config.pretext == "none" else Pretext(config.pretext, (2, 2)).classes
    labels = {"label_search": classes, "all": classes, "shortlist": 1 + config.shortlist}.get(config.negatives, 2)
    learned = (classes if config.negatives == "all" else 2) * batch
    passes = [labels * batch] + ([batch] if config.head_lr else [])
    first = Product(batch, pixels - classes, config.hidden[0])
    deeper = list(pairwise(config.hidden))
    forward = [Product(rows, below, units) for rows in passes for below, units in deeper]
    gradients = [Product(below, learned, units, transposed=True) for below, units in deeper]
    return [first, *forward, Product(pixels - classes, batch, config.hidden[0], transposed=True), *gradients]


@functools.cache
def products_per_second(dtype: torch.dtype, device: torch.device) -> float:
    """Floating-point operations per second that this machine reaches on a product of some 512 rows, a GPU on a larger.

    On a processor it is counted in this process's own time: what else runs there must not decide on a number format.
    """
    own = device.type == "cpu"
    # Large enough for a GPU that its calls don't count.
    timed = Product(512, 1024, 1024) if own else Product(8192, 8192, 8192)
    a = torch.ones(timed.rows, timed.inner, dtype=dtype, device=device)
    b = torch.ones(timed.inner, timed.columns, dtype=dtype, device=device)
    clock, threads = (time.process_time, torch.get_num_threads()) if own else (time.perf_counter, 1)
    (a @ b)[0, 0].item()  # The first one sets things up. On a GPU, reading a value waits for it.
    start = clock()
    for _ in range(PRODUCTS):
        product = a @ b
    product[0, 0].item()
    return PRODUCTS * timed.operations * threads / (clock() - start)


def expected_seconds(config: RunConfig, epochs: int, images: int, dtype: torch.dtype, device: torch.device) -> float:
    """A rough estimate of how long `epochs` epochs over `images` training images take here."""
    steps = epochs * -(-images // config.batch_size)
    operations = sum(product.operations for product in step_products(config))
    return steps * (OVERHEAD * operations / products_per_second(dtype, device) + STEP)
