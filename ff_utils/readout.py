"""The evaluators: how a label is read out of a trained net.

`label_search` tries every label and takes the one with the greatest summed goodness S(c) (source A,
equation 5). `one_pass` runs the net once under the neutral label and asks a softmax head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .config import RunConfig
from .network import TINY, Network, Pass, Weights
from .parameters import Parameter, Rates


def all_codes(network: Network, batch: int) -> Tensor:
    """Every class for every image, [classes, batch]."""
    return torch.arange(network.classes, device=network.device)[:, None].expand(-1, batch).contiguous()


def neutral_codes(network: Network, batch: int) -> Tensor:
    """The neutral label for every image, [1, batch]."""
    return torch.full((1, batch), network.classes, device=network.device)


def label_scores(result: Pass, goodness_from: int) -> Tensor:
    """S(c) of a pass over all labels: [batch, labels]. `goodness_from` counts hidden layers from 1."""
    summed = torch.stack(result.goodness[goodness_from - 1 :]).sum(0)
    return summed.view(result.codes.shape).t()


def scaled(result: Pass, first: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Per layer from `first` (from 0) the activities [rows, units] and the factor [rows] that makes their RMS 1."""
    pairs = zip(result.activities[first:], result.squares[first:], strict=True)
    return [(y, (q / y.shape[1]).clamp_min(TINY).rsqrt()) for y, q in pairs]


class Standardizer:
    """Takes the running mean off one layer's features and brings what is left to mean square 1.

    `mean` [units] and `square` (0-dimensional), the mean square about it, start as plain averages and then follow
    the last `MEMORY` batches or so.
    """

    MEMORY = 20

    def __init__(self, like: Tensor):
        self.mean, self.square = torch.zeros_like(like), like.new_ones(())
        self.seen = 0

    @property
    def scale(self) -> Tensor:
        return self.square.clamp_min(TINY).rsqrt()

    def observe(self, values: Tensor) -> None:
        """Take a batch of features [batch, units] into the running statistics."""
        weight = max(1 / (self.seen + 1), 1 / self.MEMORY)
        self.mean.lerp_(values.mean(0), weight)
        self.square.lerp_((values - self.mean).square().mean(), weight)
        self.seen += 1

    def __call__(self, values: Tensor) -> Tensor:
        """The features [batch, units] less their running mean, in units of their running spread."""
        return (values - self.mean) * self.scale

    def state(self) -> dict:
        return {"mean": self.mean, "square": self.square, "seen": self.seen}

    def load(self, state: dict) -> None:
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
        self.seen = state["seen"]


class Head:
    """A softmax on the RMS-normalised activities of hidden layers `goodness_from`.. (source B), or on these
    standardised (`RunConfig.head_inputs`).

    Trained on the side under the neutral label. No gradient of it reaches a Forward-Forward net; some samplers read it.
    """

    def __init__(self, config: RunConfig, network: Network):
        self.first = config.goodness_from - 1
        like = network.layers[0].zero_bias
        averaged = config.weight_averaging > 0
        units = config.hidden[self.first :]
        self.weights = [Parameter(like.new_zeros(n, network.classes), like.dtype, averaged) for n in units]
        self.bias = Parameter(like.new_zeros(network.classes), like.dtype, averaged)
        standardized = config.head_inputs == "standardized"
        self.standardizers = [Standardizer(like.new_zeros(n)) for n in units] if standardized else []

    def _features(self, neutral: Pass) -> list[tuple[Tensor, Tensor]]:
        """Per layer what the weights multiply: values [batch, units] and a factor [batch] on each row."""
        features = scaled(neutral, self.first)
        if not self.standardizers:
            return features
        # Before the product and not after it: what images have in common is far longer than what tells them apart,
        # and the format of the products would round the difference away.
        return [
            (standardize(y.to(scale.dtype) * scale[:, None]).to(y.dtype), torch.ones_like(scale))
            for standardize, (y, scale) in zip(self.standardizers, features, strict=True)
        ]

    def logits(self, neutral: Pass, evaluated: bool = False) -> Tensor:
        """[batch, classes] from a pass under the neutral label."""
        total = self.bias.evaluated() if evaluated else self.bias.value
        for (y, scale), weight in zip(self._features(neutral), self.weights, strict=True):
            value = weight.evaluated() if evaluated else weight.value
            total = total + (y @ value.to(y.dtype)).to(total.dtype) * scale[:, None]
        return total

    def update(self, neutral: Pass, logits: Tensor, labels: Tensor, rates: Rates) -> None:
        """One step on the mean cross-entropy of `logits` [batch, classes] for `labels` [batch]."""
        error = torch.softmax(logits, 1)
        error[torch.arange(len(labels), device=labels.device), labels] -= 1
        error /= len(labels)
        if self.standardizers:
            # This batch counts in the statistics of its own gradient: before the first one there are none, and a step
            # on features as they are would go along what all images share.
            for standardizer, (y, scale) in zip(self.standardizers, scaled(neutral, self.first), strict=True):
                standardizer.observe(y.to(scale.dtype) * scale[:, None])
        for (y, scale), weight in zip(self._features(neutral), self.weights, strict=True):
            weight.descend(y.t() @ (error * scale[:, None]).to(y.dtype), rates)
        self.bias.descend(error.sum(0), rates)

    def state(self) -> dict:
        statistics = {f"standardizer {i}": s.state() for i, s in enumerate(self.standardizers)}
        return {"bias": self.bias.state()} | {str(i): w.state() for i, w in enumerate(self.weights)} | statistics

    def load(self, state: dict) -> None:
        self.bias.load(state["bias"])
        for i, weight in enumerate(self.weights):
            weight.load(state[str(i)])
        for i, standardizer in enumerate(self.standardizers):
            standardizer.load(state[f"standardizer {i}"])


@dataclass
class Evaluation:
    """What the readouts say of a set of images; None for what was not asked. Predictions are uint8 [images].

    `layers` [layers, images] is each layer's own label search; `softmax` the head of a net to which labels are no input
    (selfsup). Per layer: `activity` [units], the mean of y under the true label; `active` [units], the fraction of
    images with y > 0; `alike`, the mean cosine between two images' activities under the neutral label.
    """

    label_search: Tensor | None = None
    layers: Tensor | None = None
    one_pass: Tensor | None = None
    softmax: Tensor | None = None
    activity: list[Tensor] | None = None
    active: list[Tensor] | None = None
    alike: list[float] | None = None


def error_percent(predictions: Tensor, labels: Tensor) -> float:
    """The share of wrong predictions, in percent."""
    return 100 * int((predictions.cpu() != labels.cpu()).sum()) / len(labels)


@torch.no_grad()
def evaluate(
    network: Network,
    head: Head | None,
    images: Tensor,
    labels: Tensor,
    *,
    search: bool,
    dtype: torch.dtype,
    batch_size: int = 256,
) -> Evaluation:
    """Read out `images` [n, pixels] uint8; with `search` also by label search.

    `dtype` is the number format of the products. Unit activities are taken under the true label; how alike the images
    look to a layer, under the neutral one: the mean cosine between the features of two images.
    """
    weights = network.evaluated_weights(dtype)
    parts: dict[str, list[Tensor]] = {"label_search": [], "layers": [], "one_pass": []}
    activity = [torch.zeros(units, device=images.device) for units in network.config.hidden]
    active = [torch.zeros(units, device=images.device) for units in network.config.hidden]
    common = [torch.zeros(units, device=images.device) for units in network.config.hidden]
    power = [torch.zeros((), device=images.device) for _ in network.config.hidden]
    for chosen, truth in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        pixels = network.pixels(chosen, dtype)
        shared = pixels.values @ weights.products[0]
        if search:
            codes = all_codes(network, len(chosen))
            result = network.forward(pixels, codes, weights, pixel_product=shared)
            scores = label_scores(result, network.config.goodness_from)
            parts["label_search"].append(scores.argmax(1))
            goodness = torch.stack(result.goodness).view(-1, network.classes, len(chosen))
            parts["layers"].append(goodness.argmax(1))
            for i, y in enumerate(result.select(truth[None].long()).activities):
                activity[i] += y.sum(0, dtype=torch.float32)
                active[i] += (y > 0).sum(0)
        if head is not None:
            codes = neutral_codes(network, len(chosen))
            neutral = network.forward(pixels, codes, weights, pixel_product=shared)
            parts["one_pass"].append(head.logits(neutral, evaluated=True).argmax(1))
            for i, (y, scale) in enumerate(scaled(neutral)):
                x = y.to(scale.dtype) * scale[:, None]
                common[i] += x.sum(0)
                power[i] += x.square().sum()
    joined = {name: torch.cat(p, -1).to(torch.uint8).cpu() for name, p in parts.items() if p}
    if search:
        joined["activity"] = [(total / len(images)).cpu() for total in activity]
        joined["active"] = [(total / len(images)).cpu() for total in active]
    if head is not None:
        # Of features of equal length: the square of their mean over the mean of their squares, over all pairs.
        pairs = zip(common, power, strict=True)
        joined["alike"] = [float(x.square().sum() / (squares * len(images)).clamp_min(TINY)) for x, squares in pairs]
    return Evaluation(**joined)


@torch.no_grad()
def features(network: Network, images: Tensor, dtype: torch.dtype, averaged: bool = False) -> list[Tensor]:
    """The activities of every hidden layer, [n, units] each in `dtype`, each image's at mean square 1.

    `images` [n, pixels] uint8. Under the neutral label, or `averaged` over all labels.
    """
    weights, parts = network.evaluated_weights(dtype), [[] for _ in network.layers]
    for chosen in images.split(1000):
        codes = (all_codes if averaged else neutral_codes)(network, len(chosen))
        result = network.forward(network.pixels(chosen, dtype), codes, weights)
        for part, (y, scale) in zip(parts, scaled(result), strict=True):
            part.append((y * scale[:, None].to(dtype)).view(*codes.shape, -1).mean(0))
    return [torch.cat(part) for part in parts]


def one_image(network: Network, image: Tensor, weights: Weights | None = None) -> tuple[Tensor, Tensor]:
    """The scores S(c) [classes] of one image [pixels] and every layer's goodness [layers, classes]."""
    result = network.forward(network.pixels(image[None]), all_codes(network, 1), weights)
    scores = label_scores(result, network.config.goodness_from)[0]
    return scores, torch.stack(result.goodness)
