"""A run in progress: the network, its head, and one epoch of training.

Everything random in an epoch comes from (seed, epoch, purpose). Prefixes of a run are therefore exact, a
run can go on from any epoch, and conditions that differ in one setting share their random numbers.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from . import kernels
from .config import RunConfig
from .contrast import Contrast
from .cost import products_per_second
from .data import Shifter, Splits
from .errors import UserError
from .goodness import check_goodness
from .negatives import Batch, Sampler, sampler, wrong_labels
from .network import Network, Pass, Pixels
from .parameters import Rates
from .pretext import Pretext
from .readout import Evaluation, Head, evaluate, features, neutral_codes

WORTH_COMPILING = 500_000  # Weights; below, compiling takes longer than it saves.


def generator(seed: int, epoch: int, purpose: str) -> torch.Generator:
    """The random numbers of one epoch for one purpose, on the CPU whatever the device."""
    digest = hashlib.sha256(f"{seed} {epoch} {purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))


def default_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fastest_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where this machine multiplies it clearly faster than float32; `FF_DTYPE` overrules it.

    Raises `UserError` for a format that can't be used.
    """
    named = os.environ.get("FF_DTYPE")
    if named:
        if named not in ("bfloat16", "float32", "float64"):
            raise UserError(f"FF_DTYPE is {named!r}; it may be bfloat16, float32 or float64")
        return getattr(torch, named)
    faster = products_per_second(torch.bfloat16, device) > 1.25 * products_per_second(torch.float32, device)
    return torch.bfloat16 if faster else torch.float32


@dataclass(frozen=True)
class Draws:
    """What one epoch draws: `order` [n], and by image `labels`, `others` (the image that makes a negative of it),
    `uniforms` and `shifts`, all [n]; a source of dropout masks; and what the schedules give: the negative sampler
    and the rates of weights, biases and head."""

    order: Tensor
    labels: Tensor
    others: Tensor
    uniforms: Tensor
    shifts: Tensor
    dropout: torch.Generator
    sampler: Sampler
    rates: tuple[list[Rates], list[Rates], Rates]


class Trainer:
    """The state of one run in progress: network, head, and how many epochs they have seen.

    `splits` is the data; `dtype` the number format of the products; `device` where all of it lives; `compiled` whether
    its kernels are (default: if the net is large and there is a compiler). Raises `UserError` for a sampler of
    negatives that it does not know, and for an algorithm that another class trains
    (`twin.trainer_class` says which).
    """

    algorithms: tuple[str, ...] = ("forward_forward",)  # Of `RunConfig.algorithm` those that this class trains.

    def __init__(
        self,
        config: RunConfig,
        splits: Splits,
        dtype: torch.dtype | None = None,
        device: str | torch.device | None = None,
        compiled: bool | None = None,
    ):
        if config.algorithm not in self.algorithms:
            raise UserError(
                f"{type(self).__name__} does not train by {config.algorithm}; "
                "ff_utils.twin.trainer_class(config) is the class that does"
            )
        self.config = config
        self.device = torch.device(device or default_device())
        self.dtype = dtype or fastest_dtype(self.device)
        sampler(config.negatives)  # Refuses an unknown name now.
        for units in set(config.hidden):
            check_goodness(config.goodness, units)
        self.splits = splits.to(self.device)
        self.train, self.validation, self.test = self.splits.train, self.splits.validation, self.splits.test
        self.labels = self.train.labels.long()
        self.images = self.train.images.flatten(1)
        shape = self.train.images.shape[1:]
        self.shifter = Shifter(self.train.images, config.jitter) if config.jitter else None
        self.pretext = None if config.pretext == "none" else Pretext(config.pretext, shape, self.device)
        if self.pretext:
            self.validation = self.pretext.questions(self.validation, "validation")
            self.test = self.pretext.questions(self.test, "test")
        self.contrast = None
        if config.contrast != "label":
            self.contrast = Contrast(config.contrast, shape, generator(config.seed, 0, "masks"), self.device)
        start, classes = generator(config.seed, 0, "weights"), (self.pretext or splits).classes
        if self.images.shape[1] <= classes:
            raise UserError(f"{config.dataset}: {classes} labels don't fit into {self.images.shape[1]} pixels")
        inputs = self.images.shape[1]
        if compiled is None:
            compiled = sum(a * b for a, b in pairwise((inputs, *config.hidden))) >= WORTH_COMPILING
        compiled = kernels.can_compile(compiled, self.device)
        self.network = Network(config, inputs, classes, self.dtype, start, self.device, compiled)
        self.head = Head(config, self.network) if config.head_lr else None
        self.epoch = 0
        kernels.keep_freed_memory()

    @torch.no_grad()
    def run_epoch(self, after_step=None) -> tuple[dict[str, float], np.ndarray]:
        """Train one epoch. Returns its training metrics and the counts [classes, classes] of true × negative
        labels; on the diagonal what had no wrong one.

        `after_step` is called with no argument after each mini-batch.
        """
        n, layers, classes = len(self.labels), len(self.config.hidden), self.network.classes
        draws = self.draws(self.epoch + 1)
        totals = torch.zeros(layers, 3, device=self.device)
        counts = torch.zeros(classes * classes, dtype=torch.long, device=self.device)
        for rows in draws.order.split(self.config.batch_size):
            statistics, wrong = self.step(rows, draws)
            totals += statistics * len(rows)
            pairs = (draws.labels[rows] * classes + wrong).flatten()
            counts.index_add_(0, pairs, torch.ones_like(pairs))
            if after_step:
                after_step()
        self.epoch += 1

        return self.metrics_of((totals / n).tolist()), counts.view(classes, classes).cpu().numpy()

    def metrics_of(self, totals: list[list[float]]) -> dict[str, float]:
        """The training metrics of an epoch, from the means of `Network.update`'s statistics."""
        metrics = {"train_loss": sum(loss for loss, _, _ in totals)}
        for i, (_, positive, negative) in enumerate(totals, 1):
            metrics[f"layer{i}_goodness_positive"] = positive
            metrics[f"layer{i}_goodness_negative"] = negative
        return metrics

    def draws(self, epoch: int) -> Draws:
        """All that is random or scheduled in `epoch`, counted from 1."""
        config, n = self.config, len(self.labels)

        def source(purpose: str) -> torch.Generator:
            return generator(config.seed, epoch, purpose)

        labels, others = self.labels, torch.zeros(0)
        if self.pretext:
            labels = torch.randint(self.pretext.classes, (n,), generator=source("pretext")).to(self.device)
        if self.contrast:
            others = torch.randint(n, (n,), generator=source("others")).to(self.device)
        return Draws(
            order=torch.randperm(n, generator=source("order")).to(self.device),
            labels=labels,
            others=others,
            uniforms=torch.rand(n, generator=source("negatives")).to(self.device),
            shifts=self._shifts(epoch).to(self.device),
            dropout=source("dropout"),
            sampler=sampler("random" if epoch <= config.warmup else config.negatives),
            rates=self._rates(config.learning_rate_factor(epoch)),
        )

    def _shifts(self, epoch: int) -> Tensor:
        """The shift of every training image in `epoch`, [n]; see `Shifter`."""
        config, n, count = self.config, len(self.labels), (2 * self.config.jitter + 1) ** 2
        if config.jitter_form == "sampled":
            return torch.randint(count, (n,), generator=generator(config.seed, epoch, "jitter"))
        round_, place = divmod(epoch - 1, count)
        orders = torch.rand(n, count, generator=generator(config.seed, round_, "order of shifts")).argsort(1)
        return orders[:, place]

    @torch.no_grad()
    def step(self, rows: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """One mini-batch: the training images `rows` [batch].

        Returns `Network.update`'s statistics and the labels of the negatives.
        """
        labels, uniforms = draws.labels[rows], draws.uniforms[rows]
        images = self.present(rows, draws.shifts[rows], labels)
        pixels, masks = self._pixels(images, draws.dropout), self._dropout_masks(len(rows), draws.dropout)
        batch = Batch(self.network, self.head, pixels, labels, uniforms, masks)
        labelled = self.contrast is None or self.contrast.labelled
        wrong = wrong_labels(draws.sampler, batch) if labelled else labels
        if self.contrast is None:
            pixels, both = batch.pixels, batch.both(wrong)
        else:
            others = self.present(draws.others[rows], draws.shifts[rows], labels)
            negatives = self.contrast(images, others, uniforms)
            pixels, both, wrong = self._image_contrast(batch, images, negatives, wrong, draws.dropout)
        weight_rates, bias_rates, head_rates = draws.rates
        if self.head is not None:  # Before the net's own update: from the weights that made the pass.
            self.head.update(batch.neutral, batch.head_logits, labels, head_rates)
        return self.network.update(pixels, both, weight_rates, bias_rates), wrong

    def present(self, rows: Tensor, shifts: Tensor, labels: Tensor) -> Tensor:
        """The training images `rows` [batch] as an epoch shows them: shifted, and changed by the pretext task."""
        images = self.shifter(rows, shifts) if self.shifter else self.images.index_select(0, rows)
        return self.pretext(images, labels) if self.pretext else images

    def _image_contrast(
        self, batch: Batch, images: Tensor, negatives: Tensor, wrong: Tensor, dropout: torch.Generator
    ) -> tuple[Pixels, Pass, Tensor]:
        """The pass of `images` and then of `negatives` [batch, pixels], one after the other as rows of one label.

        Third, the labels of the negatives: `wrong` where that is what is wrong with them, else the true ones.
        """
        if self.contrast.labelled:
            # The order of an epoch is random, so the first half of a batch is a random half.
            mislabelled = torch.arange(len(images), device=self.device) < len(images) // 2
            negatives = torch.where(mislabelled[:, None], images, negatives)
            wrong = torch.where(mislabelled, wrong, batch.labels)
            codes = torch.stack([batch.labels, wrong])
        else:
            codes = neutral_codes(self.network, 2 * len(images))
        pixels = self._pixels(torch.cat([images, negatives]), dropout)
        masks = batch.masks and [torch.cat([mask, mask]) for mask in batch.masks]
        both = self.network.forward(pixels, codes.view(1, -1), masks=masks)
        if not self.contrast.labelled and self.config.input_dropout == 0:
            batch.neutral = both.first_images(len(images))  # The head's pass: under that label, with those masks.
        return pixels, both, wrong

    def _rates(self, factor: float) -> tuple[list[Rates], list[Rates], Rates]:
        """The optimiser's rates for weights, biases and head, with the schedule's factor on all of them."""
        c, like = self.config, self.network.layers[0].zero_bias

        def rates(lr: float, decay: float) -> Rates:
            return Rates.of(lr * factor, c.momentum, decay, c.weight_decay_form, c.weight_averaging, like)

        lrs = c.per_layer("lr")
        bias_decay = c.weight_decay if c.decay_biases else 0.0
        head = Rates.of(c.head_lr * factor, c.head_momentum, c.head_weight_decay, "decoupled", c.weight_averaging, like)
        return [rates(lr, c.weight_decay) for lr in lrs], [rates(c.bias_lr or lr, bias_decay) for lr in lrs], head

    def _pixels(self, images: Tensor, source: torch.Generator) -> Pixels:
        """The pixels of `images` [batch, pixels] as training sees them: some set to 0, the rest scaled up for them.

        The normalisation of the input goes by the whole image, so that its scale is that of evaluation.
        """
        pixels, p = self.network.pixels(images), self.config.input_dropout
        if p == 0:
            return pixels
        kept = torch.rand(pixels.values.shape, generator=source) >= p
        return Pixels(pixels.values * (kept / (1 - p)).to(pixels.values), pixels.squares)

    def _dropout_masks(self, batch: int, source: torch.Generator) -> list[Tensor] | None:
        """Factors 0 or 1/(1 − dropout) on what each hidden layer but the last hands on."""
        p = self.config.dropout
        if p == 0:
            return None
        kept = [torch.rand(batch, units, generator=source) >= p for units in self.config.hidden[:-1]]
        return [(mask / (1 - p)).to(self.device, self.dtype) for mask in kept]

    def evaluate(self, part: str, *, search: bool, dtype: torch.dtype | None = None) -> Evaluation:
        """Read out the `validation` or `test` images; see `readout.evaluate`."""
        images = getattr(self, part)
        dtype = dtype or self.dtype
        unlabelled = self.contrast is not None and not self.contrast.labelled  # Then labels can't be searched.
        found = evaluate(
            self.network,
            self.head,
            images.images.flatten(1),
            images.labels,
            search=search and not unlabelled,
            dtype=dtype,
        )
        return Evaluation(softmax=found.one_pass) if unlabelled else found

    def features(self, images: Tensor, dtype: torch.dtype, averaged: bool = False) -> list[Tensor]:
        """What the layers make of `images` uint8 [n, …]; see `readout.features`."""
        return features(self.network, images.flatten(1).to(self.device), dtype, averaged)

    def state(self) -> dict:
        head = {} if self.head is None else {"head": self.head.state()}
        return {"epoch": self.epoch, "network": self.network.state()} | head

    def load(self, state: dict) -> None:
        self.epoch = state["epoch"]
        self.network.load(state["network"])
        if self.head is not None:
            self.head.load(state["head"])
