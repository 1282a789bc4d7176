"""A scene: folders of its own, the command line in real processes, and what must hold after a fault."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd
import support
import torch
from tqdm import tqdm

from ff_utils import RunConfig, Store
from ff_utils import __main__ as command_line
from ff_utils.recipes import command_of
from ff_utils.results import Run
from ff_utils.training import read_checkpoint

from .points import Points

# It has all there is to lose: velocities, running averages, random negatives, shifts and masks.
CONFIG = RunConfig(
    dataset="digits", hidden=(32, 24), theta=3.0, lr=0.05, batch_size=200, negatives="label_search",
    jitter=1, dropout=0.1, weight_averaging=0.9,
)  # fmt: skip
EPOCHS = 3


def enter(
    environment: dict[str, str], root: Path, log: Path, arguments: list[str], at: int | None, fault: str | None
) -> None:
    """What a process of a scene runs: the command line, with a checkpoint after every epoch."""
    for descriptor, name in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(log.with_suffix(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ.update(environment)
    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # Its own is a semaphore, which a killed process leaves behind.
    points = Points(root, log, at, fault)
    points.install()
    command_line.train = partial(command_line.train, checkpoint_seconds=0)
    sys.argv = ["ff_utils", *arguments]
    code = command_line.main()
    points.reach("ended", "", "")
    sys.exit(code)


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, the points it passed, and its standard error."""

    code: int
    points: list[tuple[str, str, str]]
    errors: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    def one_error(self) -> str:
        """The one error it told; asserts that it told one, and nothing else."""
        assert self.code == 2, f"ended with {self.code}: {self.errors}"
        assert self.errors.count("error: ") == 1 and "Traceback" not in self.errors, self.errors
        return self.errors


class Scene:
    """A results folder and a cache under `root`; what processes print and pass is logged beside it."""

    def __init__(self, root: Path):
        self.root = root
        self.log = root.with_name(root.name + ".log")
        root.mkdir(parents=True, exist_ok=True)

    @property
    def store(self) -> Store:
        return Store(self.root / "results")

    def cache_of(self, config: RunConfig) -> Path:
        return self.root / "cache" / "runs" / config.digest

    @property
    def cache(self) -> Path:
        """Of the run that is trained here."""
        return self.cache_of(CONFIG)

    @property
    def checkpoint(self) -> Path:
        return self.cache / "checkpoint.pt"

    @property
    def summary(self) -> Path:
        return self.root / "results" / "summary_runs.csv"

    def start(self, arguments: list[str], at: int | None = None, fault: str | None = None, log: Path | None = None):
        process = support.processes().Process(
            target=enter, args=(self.environment(), self.root, log or self.log, arguments, at, fault)
        )
        process.start()
        return process

    def ended(self, process, log: Path | None = None) -> Ended:
        log = log or self.log
        process.join()
        points = [tuple(line.split("\t")) for line in log.read_text().splitlines()]
        return Ended(process.exitcode, points, log.with_suffix(".err").read_text())

    def run(self, arguments: list[str], at: int | None = None, fault: str | None = None) -> Ended:
        return self.ended(self.start(arguments, at, fault))

    @contextmanager
    def here(self) -> Iterator[None]:
        """This process uses the scene's folders."""
        kept = dict(os.environ)
        os.environ.update(self.environment())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(kept)

    def environment(self) -> dict[str, str]:
        """The number format is given: measured on a busy machine, the fastest may be another each time."""
        folders = {"FF_CACHE": str(self.root / "cache"), "FF_RESULTS": str(self.root / "results")}
        return {**folders, "FF_COMPILE": "0", "FF_DTYPE": "float32"}

    def assert_nothing_half_written(self, reference: Run) -> int:
        """What can be read is whole. Returns the epoch of the checkpoint."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            runs = self.store.runs()
        assert len(runs) <= 1
        for run in runs:
            support.assert_same_results(run, reference)
        if not self.checkpoint.exists():
            return 0
        state = read_checkpoint(self.checkpoint)
        assert len(json.loads(state["record"]["rows"])) == state["epoch"]
        return state["epoch"]

    def assert_finished(self, reference: Run) -> None:
        """There is one run, equal to the one that nothing befell, and no litter."""
        self.assert_nothing_half_written(reference)
        (run,) = self.store.runs()
        assert [path.name for path in self.store.runs_folder.iterdir()] == [run.id], "litter in the results"
        left = {path.name for path in self.cache.iterdir()}
        assert left <= {"lock", "config.yaml", "metrics.jsonl", "checkpoint.pt"}, f"litter in the cache: {left}"

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        for log in self.root.parent.glob(f"{self.root.name}*.*"):
            log.unlink()


def train_command(config: RunConfig = CONFIG, epochs: int = EPOCHS) -> list[str]:
    return [*command_of(config, epochs).split()[3:], "--no-progress"]


@dataclass
class Tally:
    """Counts of cases by part and phase, and what went wrong. `advance` is called after each."""

    advance: object = lambda: None
    counts: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @contextmanager
    def case(self, part: str, phase: str, description: str = "") -> Iterator[None]:
        """One case, which went right where its block raises nothing."""
        count = self.counts.setdefault((part, phase), [0, 0])
        count[0] += 1
        try:
            yield
            count[1] += 1
        except Exception as error:
            self.failures.append(f"{part}, {phase}, {description}: {type(error).__name__}: {error}")
        self.advance()

    def table(self) -> pd.DataFrame:
        rows = [(*key, tried, right) for key, (tried, right) in self.counts.items()]
        return pd.DataFrame(rows, columns=["fault", "where", "cases", "right"])

    def cases(self, part: str) -> int:
        return sum(tried for (name, _), (tried, _) in self.counts.items() if name == part)


def spread(indices: list[int], count: int) -> list[int]:
    """`count` of them (all, where they are fewer), evenly spread, the first and the last among them."""
    if len(indices) <= count:
        return indices
    return [indices[round(i * (len(indices) - 1) / max(1, count - 1))] for i in range(count)]
