"""The same net in other units: what L2 and RMS normalisation have in common.

A net is the same whatever units its activities are measured in. `costume` writes a run in other units, in which it
trains identically.
"""

from __future__ import annotations

from .config import RunConfig

# The mean square of an input of MNIST, its label included, over all pixels: what RMS normalisation makes 1.
MEAN_SQUARE = 0.113


def costume(config: RunConfig, scale: float = 1.0) -> RunConfig:
    """`config`, whose layers hand on vectors of length 1, written with vectors of mean square 1.

    And with activities larger by the root of `scale`. It trains identically (up to rounding): for N inputs
    W = √(scale/N) · W_L2, so the first weights scale likewise, and lr = scale/N · lr_L2; biases b = √scale · b_L2, and
    their rate scales likewise; θ and T scale as the goodness does. Coupled weight decay would be N/scale · decay_L2,
    one for each layer: it is refused. Raises `ValueError` where the settings don't allow a costume.
    """
    if config.normalization != "l2" or config.input_normalization != "none":
        raise ValueError("written for layers that hand on vectors of length 1, and inputs as they are")
    if config.weight_decay or config.peer_normalization:
        raise ValueError("weight decay would differ from layer to layer, and peer normalisation is not converted")
    if config.goodness != "squares":
        raise ValueError("written for the sum of squares")
    if config.optimizer != "momentum":
        raise ValueError("orthogonal steps have the same length whatever the units")
    inputs = (1, *config.hidden[:-1])  # The first layer's inputs stay as they are.
    return config.vary(
        normalization="rms",
        theta=tuple(scale * theta for theta in config.per_layer("theta")),
        temperature=scale * config.temperature,
        lr=tuple(scale * lr / n for lr, n in zip(config.per_layer("lr"), inputs, strict=True)),
        bias_lr=scale * (config.bias_lr or _one_rate(config)),
        init_scale=tuple(f * (scale / n) ** 0.5 for f, n in zip(config.per_layer("init_scale"), inputs, strict=True)),
    )


def _one_rate(config: RunConfig) -> float:
    rates = set(config.per_layer("lr"))
    if len(rates) > 1:
        raise ValueError("biases of layers with different rates need a rate of their own: give bias_lr")
    return rates.pop()
