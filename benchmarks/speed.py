"""How fast can FF go? `make bench`, or one measurement: `python benchmarks/speed.py records`.

Every measurement times its contenders side by side, in turns, so that a busy machine is unfair to none, and
reports the best turn of each. The *limit* is the time of a step's matrix products alone, in the same shapes,
storage and number format, each written into memory that is already there. Results go to `results/speed/`
(`--out` names another folder), times into one folder for each kind of processor, from where the chapter on speed
reads them.
"""

from __future__ import annotations

import csv
import functools
import platform
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
import tyro
import yaml
from baselines import data_loader, in_memory, train_and_evaluate, training_steps
from torch import Tensor
from tqdm import tqdm

from ff_utils import RunConfig, Trainer, UserError, kernels, load, recipe
from ff_utils.cost import Product, step_products
from ff_utils.data import ImageSet, Splits
from ff_utils.files import results_folder
from ff_utils.negatives import Batch
from ff_utils.network import Network, Pass
from ff_utils.parameters import Parameter
from ff_utils.readout import error_percent
from ff_utils.record import MILESTONES, processor, searched

SAMPLERS = ("random", "label_search", "shortlist")


def paper(**changes) -> RunConfig:
    """4 × 2000, batch 256, without the one-pass head unless the negatives need it: the baselines have none."""
    head = {} if changes.get("negatives") == "shortlist" else {"head_lr": 0.0}
    return recipe("paper", layer_reduction="sum", **({"shortlist": 2} | head | changes))


# -- what is timed --------------------------------------------------------------------------------------


def product_runner(products: list[Product], dtype: torch.dtype) -> Callable[[], None]:
    """Run these products once per call, each with operands of its own."""

    def operands(p: Product) -> tuple[Tensor, Tensor, Tensor]:
        left = torch.randn(p.inner, p.rows).to(dtype).t() if p.transposed else torch.randn(p.rows, p.inner).to(dtype)
        return left, torch.randn(p.inner, p.columns).to(dtype), torch.empty(p.rows, p.columns, dtype=dtype)

    ready = [operands(p) for p in products]

    def run() -> None:
        for left, right, out in ready:
            torch.mm(left, right, out=out)

    return run


def engine(config: RunConfig, splits: Splits, dtype: torch.dtype) -> Trainer:
    """On the processor, as the baselines are; and compiled also where a net is so small that a run would not be."""
    return Trainer(config, splits, dtype, device="cpu", compiled=True)


def engine_steps(config: RunConfig, dtype: torch.dtype, splits: Splits | None = None) -> Callable[[], None]:
    """Each call is one finished training step of the engine."""
    trainer = engine(config, splits or load(config.dataset), dtype)

    def steps() -> Iterator[None]:
        draws = trainer.draws(1)
        while True:
            for rows in draws.order.split(config.batch_size):
                if len(rows) == config.batch_size:
                    yield trainer.step(rows, draws)

    return steps().__next__


def best_times(contenders: dict[str, Callable[[], None]], rounds: int, steps: int) -> dict[str, float]:
    """Milliseconds per step of each contender: the best of `rounds` turns of `steps` steps."""
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


# -- the engine with improvements undone ----------------------------------------------------------------


def one_product_per_label(network, pixels, codes, weights=None, masks=None, pixel_product=None) -> Pass:
    """`Network.forward` without sharing: every label's whole image goes through the first layer."""
    kernels.use_compiled(network.compiled)
    weights = weights or network.weights()
    first = network.layers[0].weight.rounded
    values = network.code_values.to(pixels.values.dtype)[codes]
    images = torch.cat([values, pixels.values.expand(len(codes), -1, -1)], 2).flatten(0, 1)
    scale = network._input_scale(pixels, codes).flatten()
    y, g = kernels.rectify(images @ first, scale, weights.biases[0])
    squares = [g]  # Which are the goodness.
    result = Pass(codes, [y], squares, squares, [scale], masks)
    for i in range(1, len(network.layers)):
        scale = network._handed_on_scale(g, y.shape[1])
        y, g = kernels.rectify(result.handed_on(i - 1) @ weights.products[i], scale, weights.biases[i])
        result.activities.append(y), result.squares.append(g), result.scales.append(scale)
    return result


@contextmanager
def memory_returned() -> Iterator[None]:
    """With freed memory going back to the system."""
    kernels.keep_freed_memory(False)
    yield
    kernels.keep_freed_memory()


def uncompiled():
    """With the kernels as they stand."""
    use_compiled = kernels.use_compiled
    return patch.object(kernels, "use_compiled", lambda compiled: use_compiled(False))


UNDO = {
    "compiled": uncompiled,
    "shared": lambda: patch.object(Network, "forward", one_product_per_label),
    "reused": lambda: patch.object(Batch, "both", lambda batch, wrong: batch._pass(batch.codes(wrong))),
    "kept": memory_returned,
    "summed": lambda: patch.object(kernels, "summed", lambda parts: parts.sum(0)),
}  # fmt: skip
# From the plain engine up: what each rung of the record log has.
RUNGS = {
    "closed form, bf16 products": (),
    "compiled element-wise work": ("compiled",),
    "label-search passes reused": ("compiled", "reused"),
    "pixels shared between labels": ("compiled", "reused", "shared"),
    "freed memory kept": ("compiled", "reused", "shared", "kept"),
    "labels summed in one pass": tuple(UNDO),
}


def with_only(improvements: tuple[str, ...], run: Callable[[], None]) -> Callable[[], None]:
    """`run` with the other improvements undone."""

    @functools.wraps(run)
    def call() -> None:
        with ExitStack() as stack:
            for name, undo in UNDO.items():
                if name not in improvements:
                    stack.enter_context(undo())
            run()

    return call


# -- the measurements -----------------------------------------------------------------------------------


@dataclass
class Options:
    """How long and where to."""

    rounds: int = 8
    """How often each contender gets its turn."""
    steps: int = 6
    """Training steps per turn."""
    out: Path | None = None
    """Folder for the tables; by default `speed` in the results folder."""

    def write(self, name: str, rows: list[dict], timed: bool = True) -> None:
        """Store a table: times in the folder of this kind of processor, what is no time beside it."""
        name_of_processor = re.sub(r"\((R|TM)\)", "", processor())
        folder = self.out or results_folder() / "speed"
        if timed:
            folder = folder / re.sub(r"[^a-z0-9]+", "-", name_of_processor.lower()).strip("-")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
        if timed:
            machine = {
                "processor": name_of_processor, "matrix_unit": bool(torch.cpu.get_capabilities().get("amx_bf16")),
                "threads": torch.get_num_threads(),
                "torch": str(torch.__version__), "python": platform.python_version(),
                "measured": time.strftime("%Y-%m-%d"),
            }  # fmt: skip
            (folder / "machine.yaml").write_text(yaml.safe_dump(machine, sort_keys=False))
        print(f"{folder / name}.csv")


def records(options: Options) -> None:
    """The record log: from autograd to the engine, one improvement at a time."""
    rows, data = [], load("mnist").train
    for negatives in SAMPLERS:
        config = paper(negatives=negatives)
        plain = config if negatives != "shortlist" else paper(negatives="label_search")
        contenders = {
            "autograd, DataLoader, float32": training_steps(plain, data_loader(data, 256)).__next__,
            "autograd, in memory, float32": training_steps(plain, in_memory(data, 256)).__next__,
            "autograd, in memory, bf16 products": training_steps(plain, in_memory(data, 256), bf16=True).__next__,
        }
        contenders = {name: with_only((), run) for name, run in contenders.items()}
        for name, improvements in RUNGS.items():
            if name == "label-search passes reused" and negatives == "random":
                continue  # There is no label search to reuse.
            contenders[name] = with_only(improvements, engine_steps(config, torch.bfloat16))
        contenders["engine, float32 products"] = engine_steps(config, torch.float32)
        limits = {dtype: product_runner(step_products(config), dtype) for dtype in (torch.bfloat16, torch.float32)}
        found = best_times(contenders | limits, options.rounds, options.steps)
        for name in contenders:
            dtype = torch.float32 if name.endswith("float32 products") else torch.bfloat16
            rows.append({
                "negatives": negatives, "rung": name, "milliseconds": found[name], "limit": found[dtype],
                "gflop": sum(p.operations for p in step_products(config)) / 1e9,
            })  # fmt: skip
            print(f"{negatives:13} {name:36} {found[name]:8.1f} ms  limit {found[dtype]:6.1f} ms", flush=True)
    options.write("records", rows)


def small(options: Options) -> None:
    """The engine against autograd at 3 × 1000, batch 100."""
    rows, data = [], load("mnist").train
    for negatives in ("random", "label_search"):
        config = paper(negatives=negatives, hidden=(1000,) * 3, theta=56.0, batch_size=100)
        contenders = {
            "DataLoader": training_steps(config, data_loader(data, 100)).__next__,
            "in memory": training_steps(config, in_memory(data, 100)).__next__,
        }
        contenders = {name: with_only((), run) for name, run in contenders.items()}
        contenders["engine"] = engine_steps(config, torch.bfloat16)
        contenders["limit"] = product_runner(step_products(config), torch.bfloat16)
        rows.append({"negatives": negatives, **best_times(contenders, options.rounds, 4 * options.steps)})
    options.write("small", rows)


def agreement(options: Options) -> None:
    """Do all rungs train the same? Validation error of small nets after two epochs, three seeds each."""
    rows, splits = [], load("mnist")
    base = recipe("paper", hidden=(300,) * 4, theta=16.8, layer_reduction="sum", head_lr=0.0)
    for negatives in ("random", "label_search"):
        for seed in tqdm(range(3), desc=f"agreement, {negatives}"):
            config = base.vary(negatives=negatives, seed=seed, warmup=1)
            errors = {"autograd, float32": train_and_evaluate(config, splits, epochs=2)}
            versions = {name: (improvements, torch.bfloat16) for name, improvements in RUNGS.items()}
            versions["engine, float32"] = (tuple(UNDO), torch.float32)
            for name, (improvements, dtype) in versions.items():
                trainer = engine(config, splits, dtype)
                for _ in range(2):
                    with_only(improvements, trainer.run_epoch)()
                predicted = trainer.evaluate("validation", search=True, dtype=torch.float32).label_search
                errors[name] = error_percent(predicted, splits.validation.labels)
            rows += [{"negatives": negatives, "seed": seed, "rung": k, "error": v} for k, v in errors.items()]
    options.write("agreement", rows, timed=False)


def scaling(options: Options) -> None:
    """The fraction of the limit against the width and the batch size."""
    rows, sizes = [], [(width, 256) for width in (250, 500, 1000, 2000, 4000)]
    sizes += [(2000, batch) for batch in (64, 128, 512, 1024)]
    for width, batch in tqdm(sizes, desc="scaling"):
        for negatives in ("random", "label_search"):
            config = paper(negatives=negatives, hidden=(width,) * 4, theta=width * 0.056, batch_size=batch)
            contenders = {
                "engine": engine_steps(config, torch.bfloat16),
                "limit": product_runner(step_products(config), torch.bfloat16),
            }
            found = best_times(contenders, options.rounds, max(1, options.steps // 2))
            rows.append({"negatives": negatives, "width": width, "batch": batch, **found})
    options.write("scaling", rows)


def classes(options: Options) -> None:
    """The cost of a step against the number of classes, on random images."""
    rows = []
    for number in tqdm((2, 4, 10, 24, 50), desc="classes"):
        images = torch.randint(256, (2560, 28, 28), dtype=torch.uint8)
        labels = (torch.arange(2560) % number).to(torch.uint8)
        part = ImageSet(images, labels)
        splits = Splits("random images", part, part, part, "none")
        contenders = {}
        for negatives in ("random", "one_pass", "shortlist", "label_search"):
            if negatives == "shortlist" and number < 4:
                continue  # Two candidates are all the wrong labels there are.
            head = {"head_lr": 0.01} if negatives in ("one_pass", "shortlist") else {}
            contenders[negatives] = engine_steps(paper(negatives=negatives, **head), torch.bfloat16, splits)
        found = best_times(contenders, options.rounds, max(1, options.steps // 2))
        rows += [{"classes": number, "negatives": k, "milliseconds": v} for k, v in found.items()]
    options.write("classes", rows)


def parts(options: Options) -> None:
    """Where the time of a step goes, by a timer around each of its parts."""
    rows = []
    for negatives in SAMPLERS:
        step = engine_steps(paper(negatives=negatives), torch.bfloat16)
        step(), step()
        best: dict[str, float] = {}
        for _ in range(options.rounds):
            started = time.perf_counter()
            times = dict.fromkeys(("matrix products", "optimiser", "other element-wise work"), 0.0)
            with ExitStack() as stack:
                _add_time(stack, torch.Tensor, "__matmul__", times, "matrix products")
                _add_time(stack, torch, "mm", times, "matrix products")
                _add_time(stack, Parameter, "descend", times, "optimiser")
                for name in ("rectify", "rectify_labelled", "local_gradient", "summed"):
                    _add_time(stack, kernels, name, times, "other element-wise work")
                for _ in range(options.steps):
                    step()
            total = time.perf_counter() - started
            times["indexing, small tensors, Python"] = total - sum(times.values())
            if not best or total < sum(best.values()):
                best = times
        rows += [{"negatives": negatives, "part": k, "milliseconds": v / options.steps * 1e3} for k, v in best.items()]
    options.write("parts", rows)


def _add_time(stack: ExitStack, owner, name: str, times: dict[str, float], part: str) -> None:
    """Have the time of `owner.name` added to `times[part]`; operations on a CPU are done when they return."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def timed(*arguments, **options):
        started = time.perf_counter()
        result = function(*arguments, **options)
        times[part] += time.perf_counter() - started
        return result

    stack.enter_context(patch.object(owner, name, timed))


def evaluation(options: Options) -> None:
    """The share of a run's time that evaluation takes at the default cadence, 60 epochs at 4 × 2000."""
    rows, splits = [], load("mnist")
    for negatives in ("random", "label_search"):
        config = recipe("paper", layer_reduction="sum", negatives=negatives)
        trainer = engine(config, splits, torch.bfloat16)
        tasks = {
            "step": engine_steps(config, torch.bfloat16),
            "one_pass": functools.partial(trainer.evaluate, "validation", search=False),
            "label_search": functools.partial(trainer.evaluate, "validation", search=True),
            "float32": functools.partial(trainer.evaluate, "validation", search=True, dtype=torch.float32),
        }
        found = {name: time_taken / 1e3 for name, time_taken in best_times(tasks, 2, 1).items()}
        step = best_times({"step": tasks["step"]}, options.rounds, options.steps)["step"] / 1e3
        epochs = 60
        search_epochs = [e for e in range(1, epochs) if searched(e)]
        milestones = [e for e in range(1, epochs + 1) if e in MILESTONES]
        seconds = {
            "training": epochs * -(-len(splits.train) // config.batch_size) * step,
            "one pass": (epochs - len(search_epochs) - len(milestones)) * found["one_pass"],
            "label search": len(search_epochs) * found["label_search"],
            "final errors, float32": 2 * len(milestones) * found["float32"],
        }
        rows += [{"negatives": negatives, "part": k, "seconds": v} for k, v in seconds.items()]
    options.write("evaluation", rows)


def shortlist(options: Options) -> None:
    """How often the hardest wrong label is among the k that the head proposes, while 4 × 2000 trains."""
    rows, splits = [], load("mnist")
    config = recipe("paper", layer_reduction="sum", negatives="shortlist", shortlist=2, warmup=1)
    trainer = engine(config, splits, torch.bfloat16)
    chosen = torch.arange(0, len(trainer.labels), 25)
    for epoch in tqdm(range(1, 6), desc="shortlist"):
        trainer.run_epoch()
        found = []
        for part in chosen.split(250):
            pixels = trainer.network.pixels(trainer.images[part])
            batch = Batch(trainer.network, trainer.head, pixels, trainer.labels[part], torch.zeros(len(part)))
            with torch.no_grad():
                hardest = batch.without_truth(batch.scores).argmax(1)
                likely = batch.without_truth(batch.head_logits).argsort(1, descending=True)
            found.append((likely == hardest[:, None]).int().argmax(1))
        rank = torch.cat(found).numpy()
        rows += [{"epoch": epoch, "k": k, "found": float(np.mean(rank < k) * 100)} for k in range(1, 10)]
    options.write("shortlist", rows, timed=False)


MEASUREMENTS = {f.__name__: f for f in (records, small, parts, scaling, classes, evaluation, agreement, shortlist)}

DEFAULTS = Options()


def main(
    what: tyro.conf.Positional[tuple[str, ...]] = (), options: tyro.conf.OmitArgPrefixes[Options] = DEFAULTS
) -> None:
    """Time the engine: records, small, parts, scaling, classes, evaluation, agreement, shortlist.

    Args:
        what: Which measurements; all of them, about a quarter of an hour on two cores, if none is named.
        options: How long and where to.
    """
    if unknown := [name for name in what if name not in MEASUREMENTS]:
        raise UserError(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    for name in what or MEASUREMENTS:
        MEASUREMENTS[name](options)


if __name__ == "__main__":
    try:
        tyro.cli(main)
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
