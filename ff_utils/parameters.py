"""What is learned, and one step of the optimiser on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from . import kernels


class Parameter:
    """A learned tensor with its momentum, its average, and its copy for the matrix products.

    `value`, `velocity` and `average` have the master format (float32, or float64 in tests); `rounded`
    has the format of the products and is `value` itself where the two agree.
    """

    def __init__(self, value: Tensor, dtype: torch.dtype, averaged: bool, orthogonal: bool = False):
        self.value, self.orthogonal = value, orthogonal
        self.velocity = torch.zeros_like(value)
        self.average = value.clone() if averaged else None
        self.rounded = value.to(dtype)
        # A compiled call costs more than a few operations on a small tensor.
        self._descend = kernels.descend if value.numel() >= 100_000 else kernels.descend.plain

    def descend(self, gradient: Tensor, rates: Rates) -> None:
        """One step down `gradient` (same shape); see `kernels.descend`."""
        rounded = None if self.rounded is self.value else self.rounded
        velocity, momentum = self.velocity, rates.momentum
        if self.orthogonal:  # The velocity is kept here, and its direction taken as a gradient without momentum.
            velocity.mul_(momentum).add_(gradient)
            inputs, units = velocity.shape
            gradient = orthogonalized(velocity.to(self.rounded.dtype)) * (units / inputs) ** 0.5
            velocity, momentum = torch.zeros_like(velocity), torch.zeros_like(momentum)
        self._descend(
            self.value, velocity, self.average, gradient, rounded,
            rates.lr, momentum, rates.coupled, rates.shrink, rates.averaging,
        )  # fmt: skip

    def evaluated(self) -> Tensor:
        """The values that evaluation uses: the average where there is one."""
        return self.value if self.average is None else self.average

    def state(self) -> dict[str, Tensor]:
        state = {"value": self.value, "velocity": self.velocity}
        return state if self.average is None else state | {"average": self.average}

    def load(self, state: dict[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        if self.rounded is not self.value:
            self.rounded.copy_(self.value)


def orthogonalized(matrix: Tensor) -> Tensor:
    """Roughly UVᵀ of `matrix` = UΣVᵀ: its directions, with all singular values between about 0.7 and 1.2.

    Five Newton-Schulz steps with the coefficients of Jordan and others (2024), which trade exactness for speed.
    """
    wide = matrix.t() if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / wide.norm().clamp_min(1e-7)
    for _ in range(5):
        square = x @ x.t()
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.t() if wide is not matrix else x


@dataclass(frozen=True)
class Rates:
    """The rates of one step of `kernels.descend`, as 0-dimensional tensors.

    `lr`, and what is kept per step of the velocity (`momentum`), of the value (`shrink`, 1 for none) and of the running
    average (`averaging`); `coupled` times the value is added to the gradient.
    """

    lr: Tensor
    momentum: Tensor
    coupled: Tensor
    shrink: Tensor
    averaging: Tensor

    @classmethod
    def of(cls, lr: float, momentum: float, decay: float, form: str, averaging: float, like: Tensor) -> Rates:
        """From `RunConfig`'s fields: `form` is its `weight_decay_form`; format and device are those of `like`."""
        coupled, shrink = (decay, 1.0) if form == "coupled" else (0.0, 1.0 - lr * decay)
        numbers = (lr, momentum, coupled, shrink, averaging)
        return cls(*(torch.tensor(x, dtype=like.dtype, device=like.device) for x in numbers))
