"""The Forward-Forward network: layers, goodness, normalisation and the local update in closed form.

A layer computes a = x W + b and y = ReLU(a); its goodness is g = Σⱼ yⱼ² (source A, equation 1), and it
learns on its own to bring g above θ for positive rows and below θ for negative ones. It hands on only
the direction of y. No gradient ever passes between layers, so none needs automatic differentiation:

    loss = mean over rows of the cross-entropy of σ((g − θ)/T) with the target t
    ∂loss/∂a = 2 y (σ((g − θ)/T) − t) / (T · rows)
    ∂loss/∂W = xᵀ ∂loss/∂a

`Network.losses` has another loss. For another goodness its derivative stands in place of 2 y.

Three identities save most of the work. A normalised input is a row scale, so it is applied after the
product. The pixels' part of the first product is the same for all labels of an image. And the rows of a
label search contain the positive and the negative pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from . import kernels
from .config import RunConfig
from .goodness import goodness_named, half_derivative, sum_of_squares
from .labels import code_values
from .parameters import Parameter, Rates

TINY = 1e-12  # Keeps the scale of an all-zero row finite; the row stays zero.


@dataclass
class Pixels:
    """A batch of images ready for the first layer: label pixels left out.

    `values` [batch, pixels − classes] in the format of the products, `squares` [batch] their sums of squares.
    """

    values: Tensor
    squares: Tensor


@dataclass
class Pass:
    """What one forward pass of several labels of a batch leaves behind. Rows are label-major.

    `codes` [labels, batch]; per layer `activities` [rows, units], their sums of `squares` [rows], `goodness` [rows]
    and `scales` [rows] (the factor that normalises the layer's input); `masks` as given to `Network.forward`.
    Where the goodness is the sum of squares, the two lists are one.
    """

    codes: Tensor
    activities: list[Tensor]
    squares: list[Tensor]
    goodness: list[Tensor]
    scales: list[Tensor]
    masks: list[Tensor] | None = None

    def _with(self, codes: Tensor, take: Callable[[list[Tensor]], list[Tensor]]) -> Pass:
        squares = take(self.squares)
        goodness = squares if self.goodness is self.squares else take(self.goodness)
        return Pass(codes, take(self.activities), squares, goodness, take(self.scales), self.masks)

    def handed_on(self, layer: int) -> Tensor:
        """What hidden layer `layer` (from 0) hands on, before its scale: its activities, masked."""
        y = self.activities[layer]
        return y if self.masks is None else (y.view(*self.codes.shape, -1) * self.masks[layer]).flatten(0, 1)

    def labels(self, part: slice) -> Pass:
        """The rows of some consecutive labels, without copying."""
        batch = self.codes.shape[1]
        first, last, _ = part.indices(len(self.codes))

        def rows(tensors: list[Tensor]) -> list[Tensor]:
            return [tensor[first * batch : last * batch] for tensor in tensors]

        return self._with(self.codes[part], rows)

    def first_images(self, count: int) -> Pass:
        """The first rows of a pass whose images all have one label each, without copying."""
        return self._with(self.codes[:, :count], lambda tensors: [tensor[:count] for tensor in tensors])

    def select(self, codes: Tensor) -> Pass:
        """The rows of some `codes` [labels, batch] out of this pass, which must hold them for every image."""
        batch = codes.shape[1]
        held = self.codes[:, None] == codes[None]
        torch._assert_async(held.any(0).all(), "a label was chosen that the pass does not hold")
        rows = (held.int().argmax(0) * batch + torch.arange(batch, device=codes.device)).flatten()

        def pick(tensors: list[Tensor]) -> list[Tensor]:
            return [tensor.index_select(0, rows) for tensor in tensors]

        return self._with(codes, pick)

    def detached(self) -> Pass:
        """The same values, cut off from what automatic differentiation recorded."""
        return self._with(self.codes, lambda tensors: [tensor.detach() for tensor in tensors])


@dataclass(frozen=True)
class Weights:
    """The weights that a forward pass reads, per layer.

    `labels` [classes, units]: the first layer's rows of the label pixels, in the master format; `products`
    [inputs, units]: in the format of the products, for the first layer without those rows; `biases`.
    """

    labels: Tensor
    products: list[Tensor]
    biases: list[Tensor]


class Layer:
    """One fully connected layer of rectified units.

    `weight` [inputs, units]; `bias` [units] or None; `mean_activity` [units], the running mean over
    positive rows that peer normalisation pulls together.
    """

    def __init__(self, inputs: int, units: int, scale: float, config: RunConfig, dtype: torch.dtype, generator, device):
        master = torch.float64 if dtype == torch.float64 else torch.float32
        # Drawn in float32 on the CPU whatever the device and format, so that all start alike.
        draw = torch.empty(inputs, units)
        if config.init == "uniform":
            draw.uniform_(-1, 1, generator=generator)
        else:
            draw.normal_(generator=generator)
        draw *= scale / math.sqrt(inputs)
        averaged = config.weight_averaging > 0
        self.weight = Parameter(draw.to(device, master), dtype, averaged, config.optimizer == "orthogonal")
        self.zero_bias = torch.zeros(units, dtype=master, device=device)
        self.bias = Parameter(self.zero_bias.clone(), master, averaged) if config.bias else None
        self.mean_activity = torch.full_like(self.zero_bias, config.peer_start)

    def state(self) -> dict:
        bias = {} if self.bias is None else {"bias": self.bias.state()}
        return {"weight": self.weight.state(), "mean_activity": self.mean_activity} | bias

    def load(self, state: dict) -> None:
        self.weight.load(state["weight"])
        self.mean_activity.copy_(state["mean_activity"])
        if self.bias is not None:
            self.bias.load(state["bias"])


class Network:
    """The layers of a run, their forward pass and their update.

    `inputs` counts all pixels of an image, the label's included; the first `classes` of them hold the
    label. `dtype` is the number format of the matrix products; weights are kept in float32 (float64 if
    `dtype` is). `compiled`: whether the kernels of its passes and of the updates after them run compiled.
    """

    def __init__(
        self,
        config: RunConfig,
        inputs: int,
        classes: int,
        dtype: torch.dtype,
        generator: torch.Generator,
        device: str | torch.device = "cpu",
        compiled: bool = False,
    ):
        self.config, self.dtype, self.device, self.classes = config, dtype, torch.device(device), classes
        self.compiled = compiled
        sizes = (inputs, *config.hidden)
        self.layers = [
            Layer(below, units, scale, config, dtype, generator, self.device)
            for (below, units), scale in zip(pairwise(sizes), config.per_layer("init_scale"), strict=True)
        ]
        self.inputs = inputs
        self.goodness = goodness_named(config.goodness)
        master = self.layers[0].zero_bias
        self.theta = master.new_tensor(config.per_layer("theta"))
        self.code_values = code_values(classes, master.dtype, self.device)
        self.code_squares = (self.code_values**2).sum(1)

    def pixels(self, images: Tensor, dtype: torch.dtype | None = None) -> Pixels:
        """`images` [batch, pixels], of uint8 (divided by 255) or floating point in 0..1, for products in `dtype`."""
        dtype, values = dtype or self.dtype, images[:, self.classes :]
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        values = values.to(wide) / 255 if values.dtype == torch.uint8 else values.to(wide)
        return Pixels(values.to(dtype), (values * values).sum(1))

    # -- forward ----------------------------------------------------------------------------------
    def weights(self) -> Weights:
        """The weights as training sees them."""
        first, *deeper = self.layers
        products = [first.weight.rounded[self.classes :], *(layer.weight.rounded for layer in deeper)]
        biases = [layer.bias.value if layer.bias else layer.zero_bias for layer in self.layers]
        return Weights(first.weight.value[: self.classes], products, biases)

    def evaluated_weights(self, dtype: torch.dtype) -> Weights:
        """The weights as evaluation sees them: averaged where the run says so, products in `dtype`."""
        first, *deeper = (layer.weight.evaluated() for layer in self.layers)
        products = [first[self.classes :].to(dtype), *(weight.to(dtype) for weight in deeper)]
        biases = [layer.bias.evaluated() if layer.bias else layer.zero_bias for layer in self.layers]
        return Weights(first[: self.classes], products, biases)

    def forward(
        self,
        pixels: Pixels,
        codes: Tensor,
        weights: Weights | None = None,
        masks: list[Tensor] | None = None,
        pixel_product: Tensor | None = None,
    ) -> Pass:
        """One pass of the images of `pixels` under each row of `codes` [labels, batch].

        `weights`: those of training if not given. `masks` (dropout): for each hidden layer but the last
        a factor [batch, units] on what it hands on, shared by all labels of an image. `pixel_product`
        [batch, units]: the pixels' part of the first layer, where an earlier pass has computed it.
        """
        kernels.use_compiled(self.compiled)
        weights = weights or self.weights()
        if pixel_product is None:
            pixel_product = pixels.values @ weights.products[0]
        label_rows = self.code_values @ weights.labels
        scale = self._input_scale(pixels, codes)
        y, q = kernels.rectify_labelled(pixel_product, label_rows, codes, scale, weights.biases[0])
        result = Pass(codes, [y], [q], [], [scale.flatten()], masks)
        for i in range(1, len(self.layers)):
            scale = self._handed_on_scale(q, y.shape[1])
            y, q = kernels.rectify(result.handed_on(i - 1) @ weights.products[i], scale, weights.biases[i])
            result.activities.append(y)
            result.squares.append(q)
            result.scales.append(scale)
        # The kernels give the squares anyway.
        squared = self.goodness is sum_of_squares
        result.goodness = result.squares if squared else [self.goodness(y.to(q.dtype)) for y in result.activities]
        return result

    def _input_scale(self, pixels: Pixels, codes: Tensor) -> Tensor:
        """The factor that normalises each labelled image, [labels, batch]."""
        squares = pixels.squares + self.code_squares[codes]
        match self.config.input_normalization:
            case "none":
                return torch.ones_like(squares)
            case "l2":
                return squares.clamp_min(TINY).rsqrt()
            case "rms":
                return (squares / self.inputs).clamp_min(TINY).rsqrt()

    def _handed_on_scale(self, squares: Tensor, units: int) -> Tensor:
        """The factor [rows] that turns y into what is handed on, from the sum of its squares."""
        if self.config.normalization == "rms":
            squares = squares / units
        return squares.clamp_min(TINY).rsqrt()

    # -- update -----------------------------------------------------------------------------------
    def update(self, pixels: Pixels, both: Pass, weight_rates: list[Rates], bias_rates: list[Rates]) -> Tensor:
        """One local step of every layer from one forward pass of positives and negatives.

        `both.codes` [1 + negatives, batch]: row 0 holds the true labels. Or [1, 2 · batch] where negatives are other
        images: the first half of the rows is positive. Returns the statistics of the step, [layers, 3]: the loss and
        the mean goodness of positives and of negatives.
        """
        groups = max(2, len(both.codes))
        batch = both.codes.numel() // groups
        share = 1 / len(self.layers) if self.config.layer_reduction == "mean" else 1.0
        goodness = torch.stack(both.goodness).view(len(self.layers), groups, batch)
        loss, error = self.losses(goodness)
        slope = error * (share / (self.config.temperature * batch))
        positive = (torch.arange(groups * batch, device=self.device) < batch).to(slope.dtype)

        for i, layer in enumerate(self.layers):
            y = both.activities[i]
            peer = self._peer_gradient(layer, y[:batch], share)
            drive = y if self.goodness is sum_of_squares else half_derivative(self.goodness, y)
            # A copy: for views at other offsets of one tensor the compiler would write a kernel each.
            rows = slope[i].flatten().clone()
            gradient, bias_gradient = kernels.local_gradient(drive, rows, both.scales[i], peer, positive)
            if layer.bias is not None:
                layer.bias.descend(bias_gradient, bias_rates[i])
            if i:
                weight_gradient = both.handed_on(i - 1).t() @ gradient
            else:
                weight_gradient = self._first_weight_gradient(pixels, both.codes, gradient)
            layer.weight.descend(weight_gradient, weight_rates[i])

        return statistics(loss * share, goodness)

    def losses(self, goodness: Tensor) -> tuple[Tensor, Tensor]:
        """The loss [layers] of `goodness` [layers, 1 + negatives, batch], and 2T · batch times its derivative.

        Positives and negatives count one half each, however many negatives there are.
        """
        negatives, temperature = goodness.shape[1] - 1, self.config.temperature
        if self.config.loss == "symmetric":
            logit = (goodness[:, 1:] - goodness[:, :1]) / temperature
            error = torch.sigmoid(logit) / negatives
            return F.softplus(logit).mean((1, 2)) / 2, torch.cat([-error.sum(1, keepdim=True), error], 1)
        logit = (goodness - self.theta[:, None, None]) / temperature
        loss = (F.softplus(-logit[:, 0]).mean(1) + F.softplus(logit[:, 1:]).mean((1, 2))) / 2
        positive = torch.sigmoid(logit)
        return loss, torch.cat([positive[:, :1] - 1, positive[:, 1:] / negatives], 1)

    def _first_weight_gradient(self, pixels: Pixels, codes: Tensor, gradient: Tensor) -> Tensor:
        """xᵀ ∂loss/∂a where the labels of an image share its pixels."""
        result = gradient.new_empty(self.inputs, gradient.shape[1])
        label_values = self.code_values[codes.flatten()].to(gradient.dtype)
        torch.mm(label_values.t(), gradient, out=result[: self.classes])
        torch.mm(pixels.values.t(), kernels.summed(gradient.view(*codes.shape, -1)), out=result[self.classes :])
        return result

    def _peer_gradient(self, layer: Layer, positive: Tensor, share: float) -> Tensor:
        """What peer normalisation adds to ∂loss/∂a of each positive row, [units] (source B).

        The gradient of −λ Σⱼ (m̄ − mⱼ) · mean over positive rows of aⱼ, with the running means m held
        fixed. It acts on a, not on y, and so also reaches units that are off.
        """
        strength = self.config.peer_normalization
        if strength == 0:
            return layer.zero_bias
        layer.mean_activity.lerp_(positive.mean(0, dtype=layer.zero_bias.dtype), 1 - self.config.peer_decay)
        pull = layer.mean_activity.mean() - layer.mean_activity
        return pull * (-strength * share / len(positive))

    # -- state ------------------------------------------------------------------------------------
    def state(self) -> dict:
        return {str(i): layer.state() for i, layer in enumerate(self.layers)}

    def load(self, state: dict) -> None:
        for i, layer in enumerate(self.layers):
            layer.load(state[str(i)])


def statistics(loss: Tensor, goodness: Tensor) -> Tensor:
    """[layers, 3]: the `loss` [layers], and the means of `goodness` [layers, 1 + negatives, batch] of either sign."""
    return torch.stack([loss, goodness[:, 0].mean(1), goodness[:, 1:].mean((1, 2))], 1)
