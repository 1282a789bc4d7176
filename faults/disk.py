"""A full disk, at each place where a training or collecting process takes space.

Once as an error put into the process at such a point, and once as a file system that really is full (a tmpfs,
where mounting is allowed).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .kills import COLLECT, TRAIN, Reference
from .points import TAKES_SPACE
from .scene import EPOCHS, Ended, Scene, Tally, spread

FULL = {"starting": 4, "training": 8, "checkpointing": 6, "finishing": 14}
PAGE = 4096


def assert_told(ended: Ended) -> None:
    """It told one clear error, which says what to do."""
    error = ended.one_error()
    assert "the disk is full: free some space" in error, error
    if any(phase == "finishing" for phase, _, _ in ended.points):
        assert "the same command goes on from it" in error, error


def go_on(scene: Scene, reference: Reference, failed: Ended) -> None:
    """There is space again: the same command goes on from the last checkpoint that was written."""
    epoch = scene.assert_nothing_half_written(reference.run)
    replaced = sum(point[:2] == ("checkpointing", "os.rename") for point in failed.points)
    assert epoch == replaced, f"{replaced} checkpoints were written, the last is of epoch {epoch}"
    again = scene.run(TRAIN)
    assert again.code == 0, again.errors
    steps = {int(where) for _, what, where in again.points if what == "step"}
    assert steps == set(range(epoch + 1, EPOCHS + 1)), f"trained epochs {steps} after a checkpoint of {epoch}"
    scene.assert_finished(reference.run)


def full_at(tally: Tally, reference: Reference, folder: Path, point: int) -> None:
    planned = reference.ended.points[point]
    with tally.case("full disk", planned[0], f"at {planned}"):
        scene = Scene(folder / f"full-{point}")
        failed = scene.run(TRAIN, point, "full")
        assert_told(failed)
        go_on(scene, reference, failed)
        scene.remove()


def full_while_collecting(tally: Tally, reference: Reference, folder: Path) -> None:
    scene = Scene(folder / "full-collect")
    shutil.copytree(reference.scene.root, scene.root, dirs_exist_ok=True)
    points = scene.run(COLLECT).points
    new = scene.summary.read_bytes()
    older = new.splitlines(keepends=True)[0]
    for point, planned in enumerate(points):
        if planned[1] not in TAKES_SPACE:
            continue
        with tally.case("full disk", "collecting", f"at {planned}"):
            scene.summary.write_bytes(older)
            assert_told(scene.run(COLLECT, point, "full"))
            assert scene.summary.read_bytes() == older, "the older summary is gone"
            assert scene.run(COLLECT).code == 0 and scene.summary.read_bytes() == new
    scene.remove()


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes at `place`. Raises `PermissionError` where mounting is not allowed."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise PermissionError("mounting a file system is not allowed here") from None
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def really_full(tally: Tally, reference: Reference, folder: Path, part: str, need: int, cases: int) -> None:
    """A file system for the `cache` or the `results` alone, with from no bytes to `need` free."""
    disk = folder / "disk"
    with small_disk(disk, 2 * need):
        for number in range(cases):
            scene = Scene(folder / f"really-full-{part}-{number}")
            (disk / part).mkdir()
            (scene.root / part).symlink_to(disk / part)
            ballast, free = disk / "ballast", number * need // cases
            ballast.write_bytes(bytes(os.statvfs(disk).f_bavail * PAGE - free))
            failed = scene.run(TRAIN)
            phase = [phase for phase, _, _ in failed.points if phase != "ended"][-1]
            with tally.case("full tmpfs", phase, f"{free} bytes free for the {part}"):
                assert_told(failed)
                ballast.unlink()
                go_on(scene, reference, failed)
            shutil.rmtree(disk / part)
            scene.remove()


def all_disks(tally: Tally, reference: Reference, folder: Path) -> None:
    for phase, count in FULL.items():
        taking = [i for i in reference.points_in(phase) if reference.ended.points[i][1] in TAKES_SPACE]
        for point in spread(taking, count):
            full_at(tally, reference, folder, point)
    full_while_collecting(tally, reference, folder)
    checkpoint = reference.scene.checkpoint.stat().st_size
    results = sum(path.stat().st_size for path in reference.run.path.iterdir())
    try:
        really_full(tally, reference, folder, "cache", 2 * checkpoint, 10)
        really_full(tally, reference, folder, "results", results, 10)
    except PermissionError as error:
        tally.skipped.append(f"full tmpfs: {error}")
