"""The negative samplers: one function each, one signature, found by name.

A sampler gets a `Batch` and returns one wrong label per image, [batch], or several, [labels, batch]. The
costly things it may ask for, the scores of a label search and the probabilities of the softmax head, are
computed when first asked for, and what they computed is reused by training.

To add a sampler from your own code, decorate it and name it in `RunConfig(negatives=...)`:

    @register("second_best")
    def second_best(batch: Batch) -> Tensor:
        return batch.without_truth(batch.scores).topk(2).indices[:, 1]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from .errors import UserError
from .network import Network, Pass, Pixels
from .readout import Head, all_codes, label_scores, neutral_codes
from .registry import Registry, of_package


class Batch:
    """One mini-batch of a training step, seen by a sampler.

    `labels` [batch]: the true ones; `uniforms` [batch]: one random number in [0, 1) per image, the
    only randomness a sampler should use; `pixels`, `network`, `head`, `masks` as in training.
    """

    def __init__(
        self,
        network: Network,
        head: Head | None,
        pixels: Pixels,
        labels: Tensor,
        uniforms: Tensor,
        masks: list[Tensor] | None = None,
    ):
        self.network, self.head, self.pixels = network, head, pixels
        self.labels, self.uniforms, self.masks = labels, uniforms, masks
        self.searched: Pass | None = None
        self._neutral: Pass | None = None

    @cached_property
    def pixel_product(self) -> Tensor:
        """The pixels' part of the first layer [batch, units], which all passes share."""
        return self.pixels.values @ self.network.weights().products[0]

    def forward(self, codes: Tensor) -> Pass:
        """A forward pass of the batch's images under `codes` [labels, batch].

        The first one takes the neutral label along, if there is a head that will need it: one
        pass of more rows is quicker than two.
        """
        if self.head is None or self._neutral is not None:
            return self._pass(codes)
        result = self._pass(torch.cat([codes, neutral_codes(self.network, codes.shape[1])]))
        self._neutral = result.labels(slice(-1, None))
        return result.labels(slice(0, -1))

    def _pass(self, codes: Tensor) -> Pass:
        return self.network.forward(self.pixels, codes, masks=self.masks, pixel_product=self.pixel_product)

    def search(self, codes: Tensor) -> Tensor:
        """S(c) of the `codes` [labels, batch]: [batch, labels].

        The pass is kept: where it holds the true and the chosen label, `both` costs nothing more.
        """
        self.searched = self.forward(codes)
        return label_scores(self.searched, self.network.config.goodness_from)

    @cached_property
    def scores(self) -> Tensor:
        """S(c) of every label, [batch, classes]."""
        return self.search(all_codes(self.network, len(self.labels)))

    @property
    def neutral(self) -> Pass:
        """The forward pass under the neutral label."""
        if self._neutral is None:
            self._neutral = self._pass(neutral_codes(self.network, len(self.labels)))
        return self._neutral

    @neutral.setter
    def neutral(self, result: Pass) -> None:
        self._neutral = result

    @cached_property
    def head_logits(self) -> Tensor:
        """The softmax head's logits, [batch, classes]. Raises `UserError` in a run without the head."""
        if self.head is None:
            raise UserError("these negatives ask the softmax head: give head_lr above 0")
        return self.head.logits(self.neutral)

    def without_truth(self, values: Tensor) -> Tensor:
        """`values` [batch, classes] with the true label's set to −∞."""
        return values.scatter(1, self.labels[:, None], -torch.inf)

    def codes(self, wrong: Tensor) -> Tensor:
        """The true labels, and below them the wrong ones that a sampler gave: [1 + negatives, batch]."""
        return torch.cat([self.labels[None], wrong.view(-1, len(self.labels))])

    def both(self, wrong: Tensor) -> Pass:
        """The positive and the negative passes, out of the label search if there was one."""
        codes = self.codes(wrong)
        return self.forward(codes) if self.searched is None else self.searched.select(codes)


Sampler = Callable[[Batch], Tensor]
_samplers = Registry("negatives", "sampler")
register, sampler = _samplers.register, _samplers.named


def wrong_labels(sampler: Sampler, batch: Batch) -> Tensor:
    """What `sampler` gives for `batch`: int64, [batch] or [negatives, batch].

    Raises `UserError` if it is another's and gives anything else.
    """
    wrong = sampler(batch)
    if not of_package(sampler):
        labels, name = batch.labels, f"negatives: {batch.network.config.negatives!r}"
        if not isinstance(wrong, Tensor) or wrong.dtype != torch.long or wrong.shape[-1:] != labels.shape:
            given = f"{wrong.dtype} {list(wrong.shape)}" if isinstance(wrong, Tensor) else repr(wrong)
            raise UserError(
                f"{name} must give int64 labels, [{len(labels)}] or [negatives, {len(labels)}], not {given}"
            )
        if ((wrong < 0) | (wrong >= batch.network.classes) | (wrong == labels)).any():
            raise UserError(f"{name} gave a label that is true, or not in 0..{batch.network.classes - 1}")
    return wrong


@register("random")
def random(batch: Batch) -> Tensor:
    """Uniform over the wrong labels."""
    classes = batch.network.classes
    step = 1 + (batch.uniforms * (classes - 1)).long()
    return (batch.labels + step) % classes


@register("all")
def every_wrong_label(batch: Batch) -> Tensor:
    """All of the wrong labels, [classes − 1, batch] (ours)."""
    classes = batch.network.classes
    return (batch.labels + torch.arange(1, classes, device=batch.labels.device)[:, None]) % classes


@register("label_search")
def label_search(batch: Batch) -> Tensor:
    """The wrong label with the greatest S(c): exactly the hardest (source A, section 3.3)."""
    return batch.without_truth(batch.scores).argmax(1)


@register("shortlist")
def shortlist(batch: Batch) -> Tensor:
    """The hardest of the wrong labels that the softmax head thinks most likely (ours).

    The head proposes `RunConfig.shortlist` of them, and only these are searched exactly.
    """
    length = min(batch.network.config.shortlist, batch.network.classes - 1)
    likely = batch.without_truth(batch.head_logits).topk(length).indices.t()
    scores = batch.search(torch.cat([batch.labels[None], likely]))
    hardest = scores[:, 1:].argmax(1, keepdim=True)
    return likely.t().gather(1, hardest)[:, 0]


@register("one_pass")
def one_pass(batch: Batch) -> Tensor:
    """The wrong label the softmax head thinks most likely (source A, section 3.3)."""
    return batch.without_truth(batch.head_logits).argmax(1)


@register("one_pass_sampled")
def one_pass_sampled(batch: Batch) -> Tensor:
    """A wrong label drawn from the softmax head's probabilities (source B, the author's code)."""
    probabilities = torch.softmax(batch.without_truth(batch.head_logits), 1)
    below = probabilities.cumsum(1)
    # Where the cumulative sum first exceeds the uniform number; the true label's step is empty.
    drawn = (below <= batch.uniforms[:, None] * below[:, -1:]).sum(1).clamp_max(below.shape[1] - 1)
    return torch.where(drawn == batch.labels, probabilities.argmax(1), drawn)
