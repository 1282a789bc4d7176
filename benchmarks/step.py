"""How fast is a training step? `make bench`, or `python benchmarks/step.py --help`.

Timed side by side, in turns, so that a busy machine is unfair to none: the engine's whole step, the matrix
products alone that it can't do without (same shapes, storage and number format: the limit), and two
idiomatic float32 implementations on autograd. Reported is the best of the rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import tyro
from baselines import data_loader, in_memory, training_steps

from ff_utils import RunConfig, Trainer, UserError, load, recipe
from ff_utils.cost import Product, step_products


@dataclass
class Options:
    """What to time."""

    rounds: int = 5
    """How often each contender gets its turn."""
    steps: int = 8
    """Training steps per turn."""
    dtype: str = "bfloat16"
    """Number format of the engine's products: bfloat16 or float32."""
    baselines: bool = True
    """Whether to time the autograd implementations too."""
    head: bool = False
    """Whether the engine trains the one-pass head alongside (the baselines have none)."""


def product_runner(products: list[Product], dtype: torch.dtype) -> Callable[[], None]:
    """Run these products once per call, each with operands of its own."""

    def operands(p: Product) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        left = torch.randn(p.inner, p.rows).t() if p.transposed else torch.randn(p.rows, p.inner)
        left = left.t().contiguous().to(dtype).t() if p.transposed else left.to(dtype)
        return left, torch.randn(p.inner, p.columns).to(dtype), torch.empty(p.rows, p.columns, dtype=dtype)

    ready = [operands(p) for p in products]

    def run() -> None:
        for left, right, out in ready:
            torch.mm(left, right, out=out)

    return run


def engine_steps(config: RunConfig, dtype: torch.dtype) -> Iterator[None]:
    """Each item is one finished training step of the engine."""
    trainer = Trainer(config, load(config.dataset), dtype)
    draws = trainer.draws(1)
    while True:
        for rows in draws.order.split(config.batch_size):
            yield trainer.step(rows, draws)


def milliseconds(contenders: dict[str, Callable[[], None]], rounds: int, steps: int) -> dict[str, float]:
    """The best time per step of each contender over `rounds` turns of `steps` steps."""
    best = dict.fromkeys(contenders, float("inf"))
    for run in contenders.values():  # Compile, allocate, fill caches.
        run(), run()
    for _ in range(rounds):
        for name, run in contenders.items():
            started = time.perf_counter()
            for _ in range(steps):
                run()
            best[name] = min(best[name], (time.perf_counter() - started) / steps * 1e3)
    return best


def main() -> None:
    options = tyro.cli(Options)
    dtype = getattr(torch, options.dtype)
    data = load("mnist")
    head = {} if options.head else {"head_lr": 0.0}
    print(f"{torch.get_num_threads()} threads, {options.dtype}, 4 × 2000, batch 256; milliseconds per step\n")
    for negatives in ("random", "label_search"):
        config = recipe("paper", negatives=negatives, layer_reduction="sum", **head)
        products = step_products(config)
        contenders = {"limit": product_runner(products, dtype)}
        loops = {"engine": engine_steps(config, dtype)}
        if options.baselines:
            loops["autograd, in memory"] = training_steps(config, in_memory(data.train, config.batch_size))
            loops["autograd, DataLoader"] = training_steps(config, data_loader(data.train, config.batch_size))
        contenders |= {name: loop.__next__ for name, loop in loops.items()}
        found = milliseconds(contenders, options.rounds, options.steps)
        operations = sum(product.operations for product in products)
        rate = operations / found["limit"] / 1e6
        print(f"{negatives} negatives: {operations / 1e9:.1f} GFLOP in products, {rate:.0f} GFLOP/s at the limit")
        for name, time_taken in found.items():
            print(
                f"  {name:22} {time_taken:8.1f} ms   {found['limit'] / time_taken:5.2f} of the limit   "
                f"engine is {time_taken / found['engine']:5.2f} × as fast"
            )
        print()


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
