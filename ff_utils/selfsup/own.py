"""Should you use Forward-Forward? Both methods under equal conditions on a small labelled sample of one's own.

    result = compare(read_folder("path/to/folder").splits)
    print(judging.recommend(result))

Every contestant gets the same net, data, epochs and number of tries: the same grid of learning rates around its
usual one, of which the validation images choose. Then it is trained from further seeds at that rate, and what it
learned without the classes is read by a linear classifier. The test images take no part in any choice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from tqdm import tqdm

from ..config import RunConfig
from ..data import Splits
from ..errors import UserError
from ..pretext import Pretext
from ..readout import error_percent
from ..recipes import recipe
from ..studies.selfsup import twin
from ..trainer import Trainer, default_device
from ..twin import trainer_class
from .transfer import fit, joined, transfer

FORWARD, HYBRID, BACKPROP = "Forward-Forward", "Forward-Forward, hybrid negatives", "backprop"
CONTESTANTS = (FORWARD, HYBRID, BACKPROP)
UNTRAINED, PIXELS, SUPERVISED = "untrained net", "raw pixels", "backprop on the classes"
WIDTH, LAYERS = 400, 3
RATES = (0.25, 1.0, 4.0)  # Times the usual learning rate.


@dataclass(frozen=True)
class Trained:
    """One run: `errors` in percent by metric, `test` the predictions [images] of its linear classifier, `seconds` of
    training, `bytes` held at the peak of a training step, `features` of the test images in the last layer."""

    config: RunConfig
    errors: dict[str, float]
    test: Tensor
    seconds: float
    bytes: int
    features: Tensor


@dataclass(frozen=True)
class Reference:
    """What is compared with: its error on validation in percent, and its `test` predictions [images]."""

    validation: float
    test: Tensor


@dataclass(frozen=True)
class Comparison:
    """`grid`: the runs of each contestant by rate, one seed; `seeds`: its runs at the rate chosen; `references` by
    name; `labels` of the test images."""

    task: str
    grid: dict[str, dict[float, Trained]]
    seeds: dict[str, list[Trained]]
    references: dict[str, Reference]
    labels: Tensor

    @property
    def free(self) -> str:
        """The better on validation of the references that need no training."""
        return min((PIXELS, UNTRAINED), key=lambda name: self.references[name].validation)


def configuration(contestant: str, task: str, seed: int = 0, rate: float = 1.0) -> RunConfig:
    """The run of a contestant at `rate` times its usual learning rate."""
    base = recipe(
        "hinton", dataset="own", hidden=(WIDTH,) * LAYERS, theta=float(WIDTH), batch_size=50, head_lr=0.02,
        decay_from=None, decay_to=None, pretext=task, seed=seed, lr=0.001 * rate,
    )  # fmt: skip
    if contestant == HYBRID:
        return base.vary(contrast="hybrid", pretext="none", negatives="random")
    if contestant in (BACKPROP, SUPERVISED):
        base = twin(base).vary(lr=0.005 * rate, head_lr=0.005 * rate)
    return base.vary(pretext="none") if contestant == SUPERVISED else base


def compare(
    splits: Splits, task: str = "rotation", epochs: int = 40, seeds: int = 3, rates: tuple[float, ...] = RATES,
    progress: bool | None = None,
) -> Comparison:  # fmt: skip
    """Train and measure all contestants. Raises `UserError` where the task does not fit the images."""
    if epochs < 1 or seeds < 1:
        raise UserError(f"epochs is {epochs} and seeds is {seeds}; give at least 1 of each")
    Pretext(task, splits.train.images.shape[1:])  # Refuses what can't be done now.
    total = len(CONTESTANTS) * (len(rates) + seeds - 1) + 1
    grid: dict[str, dict[float, Trained]] = {name: {} for name in CONTESTANTS}
    chosen: dict[str, list[Trained]] = {}
    with tqdm(total=total * epochs, unit="epoch", disable=None if progress is None else not progress) as bar:
        for name in CONTESTANTS:
            for rate in rates:
                bar.set_description(f"{name}, rate × {rate:g}")
                grid[name][rate] = run(configuration(name, task, 0, rate), splits, epochs, bar.update)
            best = min(rates, key=lambda rate: grid[name][rate].errors["val_transfer"])
            chosen[name] = [grid[name][best]]
            for seed in range(1, seeds):
                bar.set_description(f"{name}, seed {seed}")
                chosen[name].append(run(configuration(name, task, seed, best), splits, epochs, bar.update))
        bar.set_description(SUPERVISED)
        supervised = run(configuration(SUPERVISED, task), splits, epochs, bar.update)
    untrained = run(configuration(FORWARD, task).vary(algorithm="none"), splits, 0)
    references = {PIXELS: from_pixels(splits)}
    for name, trained in ((UNTRAINED, untrained), (SUPERVISED, supervised)):
        references[name] = Reference(trained.errors["val_transfer"], trained.test)
    return Comparison(task, grid, chosen, references, splits.test.labels.cpu())


def run(config: RunConfig, splits: Splits, epochs: int, after_epoch=None) -> Trained:
    """Train one net and read it."""
    device = default_device()
    # A run of seconds is over before a compiler is.
    trainer = trainer_class(config)(config, splits, torch.float32, device, compiled=False)
    seconds = 0.0
    for _ in range(epochs):
        started = time.perf_counter()
        trainer.run_epoch()
        seconds += time.perf_counter() - started
        if after_epoch:
            after_epoch()

    def features(images: Tensor) -> list[Tensor]:
        return [layer.cpu() for layer in trainer.features(images, torch.float32)]

    found = transfer(features, splits, alone=False)
    parts = {"val": splits.validation, "test": splits.test}
    errors = {f"{name}_transfer": error_percent(found[f"{name}_transfer"], part.labels) for name, part in parts.items()}
    if config.pretext != "none" and epochs:
        evaluation = trainer.evaluate("test", search=True)
        answers = evaluation.label_search if evaluation.label_search is not None else evaluation.softmax
        errors["test_pretext"] = error_percent(answers, trainer.test.labels)
    last = features(splits.test.images)[-1]
    # Only now, since measuring it trains the net by one more step.
    held = step_bytes(trainer) if epochs else 0
    return Trained(config, errors, found["test_transfer"], seconds, held, last)


def from_pixels(splits: Splits) -> Reference:
    """The same linear classifier on the images as they are."""
    train, validation, test = (
        joined([part.images.flatten(1) / 255]) for part in (splits.train, splits.validation, splits.test)
    )
    classifier = fit(train, splits.train.labels.cpu().numpy())
    on_validation, on_test = (torch.from_numpy(classifier.predict(pixels)) for pixels in (validation, test))
    return Reference(error_percent(on_validation, splits.validation.labels), on_test)


class _Held(TorchDispatchMode):
    """Counts the memory of the tensors that operations make, for as long as each is held; `peak` in bytes."""

    def __init__(self):
        super().__init__()
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        given = {t.untyped_storage()._cdata for t in tree_leaves((arguments, options)) if isinstance(t, Tensor)}
        result = function(*arguments, **(options or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and (storage := tensor.untyped_storage())._cdata not in given:
                self.alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.alive = {key: held for key, held in self.alive.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))
        return result


def step_bytes(trainer: Trainer) -> int:
    """The most memory that one training step holds beyond the net and the data, in bytes. Trains by that step."""
    rows = torch.arange(min(trainer.config.batch_size, len(trainer.labels)), device=trainer.device)
    draws = trainer.draws(trainer.epoch + 1)
    with _Held() as held:
        trainer.step(rows, draws)
    return held.peak
