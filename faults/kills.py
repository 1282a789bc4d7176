"""Kill -9 at points of every phase, and at random moments; and two processes on one configuration."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import support

from .scene import EPOCHS, Ended, Scene, Tally, spread, train_command

TRAIN, COLLECT = train_command(), ["collect"]
KILLS = {"starting": 8, "training": 14, "checkpointing": 14, "finishing": 18}


class Reference:
    """The run that nothing befalls: its results, and the points that its process passes."""

    def __init__(self, folder: Path):
        self.scene = Scene(folder / "reference")
        started = time.monotonic()
        self.ended: Ended = self.scene.run(TRAIN)
        self.seconds = time.monotonic() - started
        assert self.ended.code == 0, self.ended.errors
        (self.run,) = self.scene.store.runs()

    def points_in(self, phase: str) -> list[int]:
        return [i for i, point in enumerate(self.ended.points) if point[0] == phase]


def kill_at(tally: Tally, reference: Reference, folder: Path, point: int) -> None:
    """Kill a training process at this point, look at what it left, and give the same command again."""
    planned = reference.ended.points[point]
    with tally.case("kill -9", planned[0], f"at {planned}"):
        scene = Scene(folder / f"kill-{point}")
        ended = scene.run(TRAIN, point, "kill")
        assert ended.killed and ended.points[-1] == planned, f"ended with {ended.code} at {ended.points[-1]}"
        epoch = scene.assert_nothing_half_written(reference.run)
        replaced = [p for p in ended.points[:-1] if p[:2] == ("checkpointing", "os.rename")]
        assert epoch == len(replaced), f"{len(replaced)} checkpoints were written, the last is of epoch {epoch}"
        again = scene.run(TRAIN)
        assert again.code == 0, again.errors
        steps = {int(where) for _, what, where in again.points if what == "step"}
        assert steps == set(range(epoch + 1, EPOCHS + 1)), f"trained epochs {steps} after a checkpoint of {epoch}"
        scene.assert_finished(reference.run)
        scene.remove()


def kill_anywhere(tally: Tally, reference: Reference, folder: Path, rounds: int, seed: int = 0) -> None:
    """One run, killed from outside at random moments again and again."""
    draw = random.Random(seed)
    scene = Scene(folder / f"anywhere-{seed}")
    for _ in range(rounds):
        with tally.case("kill -9", "random moments"):
            process = scene.start(TRAIN)
            process.join(draw.uniform(0.1, 1) * reference.seconds)
            process.kill()
            process.join()
            scene.assert_nothing_half_written(reference.run)
    ended = scene.run(TRAIN)
    assert ended.code == 0, ended.errors
    scene.assert_finished(reference.run)
    scene.remove()


def kill_collecting(tally: Tally, reference: Reference, folder: Path, older: bool) -> None:
    """Kill `collect` at each of its points, with an older summary there or without one."""
    scene = Scene(folder / f"collect-{older}")
    shutil.copytree(reference.scene.root, scene.root, dirs_exist_ok=True)
    ended = scene.run(COLLECT)
    assert ended.code == 0, ended.errors
    new = scene.summary.read_bytes()
    before = new.splitlines(keepends=True)[0] if older else None  # A summary of no run.
    for point, planned in enumerate(ended.points):
        with tally.case("kill -9", "collecting", f"at {planned}"):
            scene.summary.unlink(missing_ok=True)
            if older:
                scene.summary.write_bytes(before)
            killed = scene.run(COLLECT, point, "kill")
            assert killed.killed and killed.points[-1] == planned
            there = scene.summary.read_bytes() if scene.summary.exists() else None
            assert there in (before, new), f"a summary of {len(there)} bytes was left"
            assert scene.run(COLLECT).code == 0 and scene.summary.read_bytes() == new
            assert {path.name for path in scene.store.root.iterdir()} == {"runs", "summary_runs.csv"}, "litter"
    scene.remove()


def twins(tally: Tally, reference: Reference, folder: Path, number: int, shared_cache: bool) -> None:
    """Two processes train the same configuration at once, into the same results."""
    with tally.case("two at once", "one cache" if shared_cache else "a cache each", f"round {number}"):
        scene = Scene(folder / f"twins-{shared_cache}-{number}")
        other = scene if shared_cache else Scene(scene.root / "other")
        if other is not scene:
            (scene.root / "results").mkdir()
            (other.root / "results").symlink_to(scene.root / "results")
        logs = [scene.root.with_name(f"{scene.root.name}-{i}.log") for i in (1, 2)]
        processes = [s.start(TRAIN, log=log) for s, log in zip((scene, other), logs, strict=True)]
        both = [scene.ended(process, log) for process, log in zip(processes, logs, strict=True)]
        assert any(ended.code == 0 for ended in both), both
        for ended in both:
            if ended.code:
                assert "another process is training this configuration" in ended.one_error(), ended.errors
        if shared_cache:
            scene.assert_finished(reference.run)
        runs = scene.store.runs()
        assert len(runs) == (1 if shared_cache else 2), f"{len(runs)} runs"
        for run in runs:
            support.assert_same_results(run, reference.run)
        scene.remove()


def all_kills(tally: Tally, reference: Reference, folder: Path) -> None:
    for phase, count in KILLS.items():
        for point in spread(reference.points_in(phase), count):
            kill_at(tally, reference, folder, point)
    kill_anywhere(tally, reference, folder, 12)
    for older in (False, True):
        kill_collecting(tally, reference, folder, older)
    for number in range(6):
        twins(tally, reference, folder, number, shared_cache=True)
        twins(tally, reference, folder, number, shared_cache=False)
