"""The closed-form update against autograd on binary_cross_entropy_with_logits, in float64."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from ff_utils import RunConfig, goodness
from ff_utils.labels import CLASSES, inject
from ff_utils.network import Network
from ff_utils.parameters import Parameter, Rates
from ff_utils.trainer import Trainer, generator

BATCH, PIXELS = 7, 40


def make(config, seed=3, classes=CLASSES):
    network = Network(config, PIXELS, classes, torch.float64, generator(seed, 0, "weights"))
    draw = torch.Generator().manual_seed(seed)
    images = torch.rand(BATCH, PIXELS, generator=draw, dtype=torch.float64)
    labels = torch.randint(classes, (BATCH,), generator=draw)
    wrong = (labels + torch.randint(1, classes, (BATCH,), generator=draw)) % classes
    for layer in network.layers:  # Biases and running means away from their starting values.
        if layer.bias:
            layer.bias.value.normal_(0, 0.1, generator=draw)
        layer.mean_activity.uniform_(0, 1, generator=draw)
    return network, images, torch.stack([labels, wrong])


def oracle(config, network, images, codes, masks=None):
    """The gradients of every weight and bias by autograd, from the definition of the objective."""
    x = torch.cat([inject(images, row, network.classes) for row in codes])
    if config.input_normalization != "none":
        x = F.normalize(x, dim=1) * (PIXELS**0.5 if config.input_normalization == "rms" else 1)
    objective, parameters = 0.0, []
    for i, layer in enumerate(network.layers):
        weight = layer.weight.value.clone().requires_grad_()
        bias = (layer.bias.value if layer.bias else layer.zero_bias).clone().requires_grad_()
        parameters.append((weight, bias))
        a = x @ weight + bias
        y = a.relu()
        positive, *negatives = network.goodness(y).view(len(codes), BATCH)
        if config.loss == "symmetric":
            behind = (torch.stack(negatives) - positive) / config.temperature
            loss = torch.log1p(torch.exp(behind)).mean() / 2
        else:
            theta = config.per_layer("theta")[i]
            logits = [(g - theta) / config.temperature for g in (positive, torch.cat(negatives))]
            targets = [torch.ones_like(logits[0]), torch.zeros_like(logits[1])]
            loss = sum(map(F.binary_cross_entropy_with_logits, logits, targets)) / 2
        mean = config.peer_decay * layer.mean_activity + (1 - config.peer_decay) * y[:BATCH].mean(0).detach()
        loss = loss - config.peer_normalization * ((mean.mean() - mean) * a[:BATCH].mean(0)).sum()
        objective = objective + loss / (len(network.layers) if config.layer_reduction == "mean" else 1)
        x = F.normalize(y.detach(), dim=1) * (y.shape[1] ** 0.5 if config.normalization == "rms" else 1)
        if masks and i < len(masks):
            x = x * masks[i].repeat(len(codes), 1)
    objective.backward()
    return [(w.grad, b.grad) for w, b in parameters]


def step(network, images, codes, masks=None):
    """The pass of one step at rate 1, its statistics, and what it takes off every weight and bias (or None)."""

    def values():
        return [(layer.weight.value.clone(), layer.bias and layer.bias.value.clone()) for layer in network.layers]

    before = values()
    rates = [Rates.of(1.0, 0.0, 0.0, "coupled", 0.0, network.layers[0].zero_bias)] * len(network.layers)
    pixels = network.pixels(images)
    both = network.forward(pixels, codes, masks=masks)
    statistics = network.update(pixels, both, rates, rates)
    taken = [
        (weight - new_weight, None if bias is None else bias - new_bias)
        for (weight, bias), (new_weight, new_bias) in zip(before, values(), strict=True)
    ]
    return both, statistics, taken


def assert_weights_follow(taken, expected):
    for (weight, _), (gradient, _) in zip(taken, expected, strict=True):
        torch.testing.assert_close(weight, gradient)


COMBINATIONS = list(
    itertools.product(["sum", "mean"], ["l2", "rms"], ["none", "l2", "rms"], [1.0, 3.0], [0.0, 0.3], [True, False])
)


@pytest.mark.parametrize("reduction, normalization, at_input, temperature, peer, bias", COMBINATIONS)
def test_update_equals_autograd(reduction, normalization, at_input, temperature, peer, bias):
    config = RunConfig(
        hidden=(16, 12, 14), theta=(2.0, 1.0, 1.5), normalization=normalization, input_normalization=at_input,
        layer_reduction=reduction, temperature=temperature, peer_normalization=peer, bias=bias, init="normal",
    )  # fmt: skip
    network, images, codes = make(config)
    expected = oracle(config, network, images, codes)
    _, _, taken = step(network, images, codes)
    for (weight, bias_taken), (weight_gradient, bias_gradient) in zip(taken, expected, strict=True):
        torch.testing.assert_close(weight, weight_gradient)
        assert weight_gradient.abs().max() > 1e-4  # The comparison is not one of zeros.
        if bias:
            torch.testing.assert_close(bias_taken, bias_gradient)


@pytest.mark.parametrize("classes", [2, 24])
def test_update_equals_autograd_for_other_numbers_of_classes(classes):
    config = RunConfig(hidden=(16, 12, 14), theta=2.0, init="normal", input_normalization="rms")
    network, images, codes = make(config, classes=classes)
    expected = oracle(config, network, images, codes)
    _, _, taken = step(network, images, codes)
    assert_weights_follow(taken, expected)


@pytest.mark.parametrize("loss", ["threshold", "symmetric"])
@pytest.mark.parametrize("negatives", [1, 9])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_update_with_other_losses_and_several_negatives_equals_autograd(loss, negatives, temperature):
    config = RunConfig(
        hidden=(16, 12, 14), theta=2.0, loss=loss, temperature=temperature, peer_normalization=0.3, init="normal",
    )  # fmt: skip
    network, images, codes = make(config)
    codes = (codes[0] + torch.arange(1 + negatives)[:, None]) % CLASSES
    expected = oracle(config, network, images, codes)
    both, statistics, taken = step(network, images, codes)
    assert_weights_follow(taken, expected)
    goodness = both.goodness[1].view(1 + negatives, BATCH)
    torch.testing.assert_close(statistics[1, 1:], torch.stack([goodness[0].mean(), goodness[1:].mean()]))


def test_update_of_a_registered_goodness_equals_autograd():
    @goodness.register("cubes")
    def cubes(y):
        return y.pow(3).sum(1) + y.sum(1)

    config = RunConfig(hidden=(16, 12, 14), theta=3.0, goodness="cubes", init="normal", input_normalization="rms")
    network, images, codes = make(config)
    expected = oracle(config, network, images, codes)
    both, _, taken = step(network, images, codes)
    torch.testing.assert_close(both.goodness[1], cubes(both.activities[1]))
    assert_weights_follow(taken, expected)


def test_a_goodness_with_an_infinite_slope_at_0_leaves_units_that_are_off_alone():
    y = torch.tensor([[4.0, 0.0, 1.0]], dtype=torch.float64)
    assert goodness.half_derivative(lambda y: y.sqrt().sum(1), y).tolist() == [[0.125, 0.0, 0.25]]


def test_update_with_dropout_equals_autograd():
    config = RunConfig(hidden=(16, 12, 14), theta=2.0, dropout=0.4, init="normal")
    network, images, codes = make(config)
    draw = torch.Generator().manual_seed(0)
    masks = [(torch.rand(BATCH, n, generator=draw) > 0.4).double() / 0.6 for n in (16, 12)]
    expected = oracle(config, network, images, codes, masks)
    _, _, taken = step(network, images, codes, masks)
    assert_weights_follow(taken, expected)


@pytest.mark.parametrize("form", ["coupled", "decoupled"])
def test_descent_equals_torch_sgd(form):
    """Momentum and both forms of weight decay against torch.optim.SGD over several steps."""
    draw = torch.Generator().manual_seed(1)
    start = torch.randn(5, 4, generator=draw, dtype=torch.float64)
    gradients = torch.randn(6, 5, 4, generator=draw, dtype=torch.float64)
    ours = Parameter(start.clone(), torch.float64, averaged=False)
    theirs = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, weight_decay=0.3 if form == "coupled" else 0.0)
    for gradient in gradients:
        ours.descend(gradient, Rates.of(0.1, 0.9, 0.3, form, 0.0, start))
        if form == "decoupled":
            theirs.data *= 1 - 0.1 * 0.3
        theirs.grad = gradient.clone()
        optimizer.step()
    torch.testing.assert_close(ours.value, theirs.data)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (25, 25)])
def test_orthogonal_steps(shape):
    """A step has the directions of the velocity, singular values near 1, and the size that its rate says."""
    inputs, units = shape
    draw = torch.Generator().manual_seed(1)
    velocity = torch.zeros(shape, dtype=torch.float64)
    ours = Parameter(torch.randn(shape, generator=draw, dtype=torch.float64), torch.float64, False, orthogonal=True)
    for _ in range(3):
        before, gradient = ours.value.clone(), torch.randn(shape, generator=draw, dtype=torch.float64)
        ours.descend(gradient, Rates.of(0.1, 0.9, 0.3, "decoupled", 0.0, ours.value))
        velocity = 0.9 * velocity + gradient
        torch.testing.assert_close(ours.velocity, velocity)
        step = (before * (1 - 0.1 * 0.3) - ours.value) / (0.1 * (units / inputs) ** 0.5)
        left, _, right = torch.linalg.svd(velocity, full_matrices=False)
        singular = (left.t() @ step @ right.t()).diagonal()
        # What the iteration makes of very small singular values is not yet near 1.
        assert ((0.6 < singular) & (singular < 1.25)).double().mean() > 0.9
        torch.testing.assert_close(left @ torch.diag(singular) @ right, step)


def test_l2_and_rms_normalisation_are_the_same_net(small):
    """W_L2 = √N · W_RMS with lr_L2 = N · lr_RMS and decay_L2 = decay_RMS / N trains identically."""
    from ff_utils import load

    width = 32
    rms = RunConfig(
        dataset="digits", hidden=(width,) * 3, batch_size=100, init="normal", normalization="rms", theta=8.0,
        input_normalization="rms", lr=0.002, bias_lr=0.002, momentum=0.8, weight_decay=0.01, layer_reduction="sum",
    )  # fmt: skip
    inputs = (784, width, width)
    l2 = rms.vary(normalization="l2", input_normalization="l2", lr=tuple(n * 0.002 for n in inputs))
    splits = load("digits")
    nets = [Trainer(c, splits, torch.float64) for c in (rms, l2)]
    for layer, n in zip(nets[1].network.layers, inputs, strict=True):
        layer.weight.value *= n**0.5
    # One decay strength per layer is not a field: fold it out of this test for unequal widths.
    for trainer in nets:
        weight_rates, bias_rates, head = trainer._rates(1.0)
        if trainer.config.normalization == "l2":
            weight_rates = [
                Rates.of(n * 0.002, 0.8, 0.01 / n, "coupled", 0.0, layer.zero_bias)
                for n, layer in zip(inputs, trainer.network.layers, strict=True)
            ]
        trainer._rates = lambda factor, r=(weight_rates, bias_rates, head): r
        for _ in range(3):
            trainer.run_epoch()
    for a, b, n in zip(nets[0].network.layers, nets[1].network.layers, inputs, strict=True):
        torch.testing.assert_close(b.weight.value, a.weight.value * n**0.5, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(b.bias.value, a.bias.value, rtol=1e-8, atol=1e-10)


def test_compiled_kernels_equal_plain_ones():
    """The same step with and without the compiler, and the second does run compiled code."""
    from torch._dynamo.utils import counters

    from ff_utils import kernels

    if not kernels.compiler_found("cpu"):
        pytest.skip("no compiler on this machine")
    config = RunConfig(hidden=(16, 12, 14), theta=2.0, peer_normalization=0.1, init="normal")
    states, compiled_frames = [], []
    torch.compiler.reset()
    counters.clear()
    for compiled in (False, True):
        network, images, codes = make(config)
        network.compiled = compiled
        rates = [Rates.of(0.5, 0.9, 1e-3, "coupled", 0.0, network.layers[0].zero_bias)] * 3
        pixels = network.pixels(images)
        for _ in range(2):
            network.update(pixels, network.forward(pixels, codes), rates, rates)
        states.append([layer.weight.value for layer in network.layers])
        compiled_frames.append(counters["frames"]["ok"])
    assert compiled_frames[0] == 0 < compiled_frames[1]
    for plain, compiled in zip(*states, strict=True):
        torch.testing.assert_close(plain, compiled)
