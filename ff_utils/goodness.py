"""What a layer's goodness is: a function of its activities, found by name.

The sources take the sum of the squares. To try another from your own code, decorate it and name it in
`RunConfig(goodness=...)`; its derivative is taken by automatic differentiation, within the layer:

    from ff_utils import goodness

    @goodness.register("sum")
    def total(y: Tensor) -> Tensor:
        return y.sum(1)

What a layer hands on stays y divided by its length, whatever the goodness.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .registry import Registry

Goodness = Callable[[Tensor], Tensor]
_registered = Registry("goodness", "goodness")
register, goodness_named = _registered.register, _registered.named


@register("squares")
def sum_of_squares(y: Tensor) -> Tensor:
    """Σⱼ yⱼ² (sources A and B)."""
    return (y * y).sum(1)


def half_derivative(goodness: Goodness, y: Tensor) -> Tensor:
    """½ ∂g/∂y of `y` [rows, units] in y's format, 0 where a unit is off: for Σⱼ yⱼ² it is y itself."""
    wide = y if y.dtype == torch.float64 else y.float()
    slope = torch.func.grad(lambda rows: goodness(rows).sum())(wide)
    return torch.where(y > 0, slope / 2, 0.0).to(y.dtype)  # Not a product: at 0 a slope may be infinite.
