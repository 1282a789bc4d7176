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

from .errors import UserError
from .registry import Registry, of_package

Goodness = Callable[[Tensor], Tensor]
_registered = Registry("goodness", "goodness")
register, goodness_named = _registered.register, _registered.named


@register("squares")
def sum_of_squares(y: Tensor) -> Tensor:
    """Σⱼ yⱼ² (sources A and B)."""
    return (y * y).sum(1)


def check_goodness(name: str, units: int) -> None:
    """Raises `UserError` if `name` is another's goodness and can't be that of a layer of so many units."""
    goodness = goodness_named(name)
    if of_package(goodness):
        return
    y = torch.arange(1.0, 2 * units + 1).view(2, units) / units
    try:
        value, slope = goodness(y), half_derivative(goodness, y)
    except Exception as error:  # Whatever another's code raises.
        raise UserError(f"goodness: {name!r} fails on activities [2, {units}]: {error}") from error
    if value.shape != (2,) or not value.isfinite().all() or not slope.any():
        raise UserError(
            f"goodness: {name!r} must give one finite number a row, [rows] for activities [rows, units], by operations "
            f"that can be differentiated; for activities [2, {units}] it gives {value}"
        )


def half_derivative(goodness: Goodness, y: Tensor) -> Tensor:
    """½ ∂g/∂y of `y` [rows, units] in y's format, 0 where a unit is off: for Σⱼ yⱼ² it is y itself."""
    wide = y if y.dtype == torch.float64 else y.float()
    slope = torch.func.grad(lambda rows: goodness(rows).sum())(wide)
    return torch.where(y > 0, slope / 2, 0.0).to(y.dtype)  # Not a product: at 0 a slope may be infinite.
