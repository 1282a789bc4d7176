"""The points of a process where a fault is placed: each step of training and each change to a file.

Nothing in the package knows of them. Changes are seen by Python's audit events and by opening files in
a class that writes in two halves, so that a fault may also strike between the halves.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
import sys
from pathlib import Path

from ff_utils.trainer import Trainer

PHASES = ("starting", "training", "checkpointing", "finishing", "collecting")
TAKES_SPACE = ("os.mkdir", "open", "write")  # What a full disk refuses.


def phase_of(path: Path) -> str:
    """What a process is doing that touches this file."""
    if path.name.startswith("summary_runs"):
        return "collecting"
    if ".incoming" in str(path):
        return "finishing"
    if path.name.startswith("checkpoint"):
        return "checkpointing"
    return "training" if path.name in ("config.yaml", "metrics.jsonl") else "starting"


class Points:
    """Writes each point that this process passes to `log`, and at number `at` brings about `fault`.

    `fault`: `kill` (SIGKILL) or `full` (from then on, whatever takes space below `root` fails with ENOSPC).
    """

    EVENTS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")

    def __init__(self, root: Path, log: Path, at: int | None, fault: str | None):
        self.root, self.at, self.fault = root, at, fault
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self.passed = 0

    def install(self) -> None:
        """For the rest of this process."""
        sys.addaudithook(self._audit)
        self._open = io.open
        io.open = builtins.open = self.open
        run_epoch = Trainer.run_epoch

        def run_epoch_in_steps(trainer, after_step):
            def step():
                self.reach("training", "step", f"{trainer.epoch + 1}")
                after_step()

            return run_epoch(trainer, step)

        Trainer.run_epoch = run_epoch_in_steps

    def reach(self, phase: str, what: str, where: str) -> None:
        """This process is at a point: note it, and let it be the last if so planned."""
        os.write(self.log, f"{phase}\t{what}\t{where}\n".encode())
        self.passed += 1
        if self.at is None or self.passed <= self.at:
            return
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if what in TAKES_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where)

    def watches(self, path) -> bool:
        return isinstance(path, (str, os.PathLike)) and Path(path).is_relative_to(self.root)

    def _audit(self, event: str, arguments: tuple) -> None:
        if event in self.EVENTS and self.watches(arguments[0]):
            path = Path(arguments[0])
            # The name without the time that is in that of a run's folder.
            self.reach(phase_of(path), event, ".incoming" if path.name.startswith(".incoming") else path.name)

    def open(self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest):
        """`builtins.open`, writing in halves below the root."""
        if not (self.watches(file) and set(mode) & set("wax")):
            return self._open(file, mode, buffering, encoding, errors, newline, *rest)
        path = Path(file)
        self.reach(phase_of(path), "open", path.name)
        raw = HalfByHalf(self, path, mode.replace("b", "").replace("t", ""))
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)


class HalfByHalf(io.FileIO):
    """A file whose every write is two, with a point between them."""

    def __init__(self, points: Points, path: Path, mode: str):
        super().__init__(path, mode)
        self.points, self.path = points, path

    def write(self, content) -> int:
        half = len(content) // 2
        super().write(content[:half])
        self.points.reach(phase_of(self.path), "write", self.path.name)
        return half + super().write(content[half:])
