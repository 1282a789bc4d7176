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

    def __init__(self, value: Tensor, dtype: torch.dtype, averaged: bool):
        self.value = value
        self.velocity = torch.zeros_like(value)
        self.average = value.clone() if averaged else None
        self.rounded = value.to(dtype)
        # A compiled call costs more than a few operations on a small tensor.
        self._descend = kernels.descend if value.numel() >= 100_000 else kernels.descend.plain

    def descend(self, gradient: Tensor, rates: Rates) -> None:
        """One step down `gradient` (same shape); see `kernels.descend`."""
        rounded = None if self.rounded is self.value else self.rounded
        self._descend(
            self.value, self.velocity, self.average, gradient, rounded,
            rates.lr, rates.momentum, rates.coupled, rates.shrink, rates.averaging,
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


@dataclass(frozen=True)
class Rates:
    """The rates of one optimiser step, as 0-dimensional tensors."""

    lr: Tensor
    momentum: Tensor
    coupled: Tensor
    shrink: Tensor
    averaging: Tensor

    @classmethod
    def of(cls, lr: float, momentum: float, decay: float, form: str, averaging: float, like: Tensor) -> Rates:
        coupled, shrink = (decay, 1.0) if form == "coupled" else (0.0, 1.0 - lr * decay)
        numbers = (lr, momentum, coupled, shrink, averaging)
        return cls(*(torch.tensor(x, dtype=like.dtype, device=like.device) for x in numbers))
