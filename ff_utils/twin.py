"""The backprop twin: the same network, data and optimiser, with gradients through all layers.

Two things differ from `Trainer`: the direction of a step, whose gradients are autograd's, and that peer normalisation
is left out. The forward pass, the first weights, the normalisation, the softmax head, the order of the images, the
schedule and the optimiser are the very same code. So a run and its twin differ in local against global gradients, in
peer normalisation where the run has it, and, unless the twin descends goodness, in the objective.

`RunConfig.algorithm` says what they descend:

- `backprop`: the cross-entropy of the softmax head, on images under the neutral label
- `backprop_goodness_last`: Forward-Forward's objective, that of the last layer
- `backprop_goodness_all`: the same, summed over the layers, or their mean with `layer_reduction`
- `none`: nothing; the net stays as drawn, the reference for transfer
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import RunConfig
from .negatives import Batch, wrong_labels
from .network import Weights, statistics
from .readout import Evaluation, neutral_codes
from .trainer import Draws, Trainer


class Twin(Trainer):
    """Backprop through a goodness objective. It has no peer normalisation, which is no part of that objective."""

    algorithms = ("backprop_goodness_last", "backprop_goodness_all")

    def step(self, rows: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        labels = draws.labels[rows]
        pixels = self._pixels(self.present(rows, draws.shifts[rows], labels), draws.dropout)
        masks = self._dropout_masks(len(rows), draws.dropout)
        batch = Batch(self.network, self.head, pixels, labels, draws.uniforms[rows], masks)
        return self._descend(batch, draws)

    def _descend(self, batch: Batch, draws: Draws) -> tuple[Tensor, Tensor]:
        wrong = wrong_labels(draws.sampler, batch)
        leaves, weights = self._leaves()
        with torch.enable_grad():
            codes = batch.codes(wrong)
            both = self.network.forward(batch.pixels, codes, weights, batch.masks)
            goodness = torch.stack(both.goodness).view(len(both.goodness), *codes.shape)
            losses, _ = self.network.losses(goodness)
            if self.config.algorithm == "backprop_goodness_last":
                losses = losses * (torch.arange(len(losses), device=self.device) == len(losses) - 1)
            elif self.config.layer_reduction == "mean":
                losses = losses / len(losses)
            gradients = torch.autograd.grad(losses.sum(), leaves)
        if self.head is not None:
            self.head.update(batch.neutral, batch.head_logits, batch.labels, draws.rates[2])
        self._apply(gradients, draws)
        return statistics(losses.detach(), goodness.detach()), wrong

    def _leaves(self) -> tuple[list[Tensor], Weights]:
        """What a forward pass reads of the weights, as leaves of a graph: in one list, and by name."""
        read = self.network.weights()
        leaves = [tensor.detach().requires_grad_() for tensor in (read.labels, *read.products, *read.biases)]
        labels, *rest = leaves
        count = len(read.products)
        return leaves, Weights(labels, rest[:count], rest[count:])

    def _apply(self, gradients: tuple[Tensor, ...], draws: Draws) -> None:
        layers, (weight_rates, bias_rates, _) = self.network.layers, draws.rates
        labels, first, *rest = gradients
        weights = [torch.cat([labels, first.to(labels.dtype)]), *rest[: len(layers) - 1]]
        biases = rest[len(layers) - 1 :]
        for i, layer in enumerate(layers):
            layer.weight.descend(weights[i], weight_rates[i])
            if layer.bias is not None:
                layer.bias.descend(biases[i], bias_rates[i])


class Backprop(Twin):
    """Backprop of the softmax head's cross-entropy; the head learns as it does beside Forward-Forward."""

    algorithms = ("backprop",)

    def _descend(self, batch: Batch, draws: Draws) -> tuple[Tensor, Tensor]:
        leaves, weights = self._leaves()
        codes = neutral_codes(self.network, len(batch.labels))
        with torch.enable_grad():
            result = self.network.forward(batch.pixels, codes, weights, batch.masks)
            logits = self.head.logits(result)
            loss = F.cross_entropy(logits, batch.labels)
            gradients = torch.autograd.grad(loss, leaves)
        self.head.update(result.detached(), logits.detach(), batch.labels, draws.rates[2])
        self._apply(gradients, draws)
        return loss.detach().expand(len(self.network.layers), 3), batch.labels

    def metrics_of(self, totals: list[list[float]]) -> dict[str, float]:
        return {"train_loss": totals[0][0]}

    def evaluate(self, part: str, *, search: bool, dtype: torch.dtype | None = None) -> Evaluation:
        return Evaluation(softmax=super().evaluate(part, search=False, dtype=dtype).one_pass)


class Untrained(Trainer):
    """A net whose weights stay as they were drawn."""

    algorithms = ("none",)

    def run_epoch(self, after_step=None):
        self.epoch += 1
        return {}, torch.zeros(self.network.classes, self.network.classes).numpy()

    def evaluate(self, part: str, *, search: bool, dtype: torch.dtype | None = None) -> Evaluation:
        return Evaluation()


def trainer_class(config: RunConfig) -> type[Trainer]:
    """What trains a run of this configuration."""
    return next(kind for kind in (Trainer, Twin, Backprop, Untrained) if config.algorithm in kind.algorithms)
