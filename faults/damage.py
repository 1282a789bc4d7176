"""Damaged files: every file of a run folder, and the checkpoint and what lies beside it.

Whatever befalls a file, the answer is a clear error, a warning that passes over the run, or the right
numbers, never wrong ones.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import support

from ff_utils import RunConfig, Store, UserError, train
from ff_utils.results import FILES, Run

from .scene import CONFIG, EPOCHS, Scene, Tally

OTHER = CONFIG.vary(theta=2.0)  # Its files have the same names and shapes.


def damaged(content: bytes, other: bytes, flips: int) -> Iterator[tuple[str, bytes | None]]:
    """Descriptions of damages and what they make of a file (None: it is gone). `other`: another run's."""
    size = len(content)
    for i in range(flips):
        at = i * size // flips
        yield f"bit {i % 8} of byte {at} flipped", content[:at] + bytes([content[at] ^ 1 << i % 8]) + content[at + 1 :]
    for part in (1 / size, 0.25, 0.5, 0.75, 1 - 1 / size):
        yield f"cut to {round(part * size)} of {size} bytes", content[: round(part * size)]
    middle = slice(size // 4, size // 2)
    yield "a quarter zeroed", content[: middle.start] + bytes(middle.stop - middle.start) + content[middle.stop :]
    yield "zeroed", bytes(size)
    yield "its halves swapped", content[size // 2 :] + content[: size // 2]
    yield "twice in a row", content + content
    yield "noise", bytes(i * 151 % 251 for i in range(size))
    yield "that of another run", other
    yield "emptied", b""
    yield "deleted", None


@contextmanager
def replaced(path: Path, content: bytes | None) -> Iterator[None]:
    """The file has other content within the block, or none."""
    before = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def assert_told_or_right(store: Store, run: Run, config: RunConfig) -> None:
    """The store passes over the run with one warning, or gives the numbers it always gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = store.find(config)
    if found is None:
        (warning,) = caught
        told = str(warning.message)
        assert str(run.path) in told and "is damaged" in told and "Restore it" in told, told
    else:
        assert not caught
        support.assert_same_results(found, run)


def damage_run_folders(tally: Tally, folder: Path, flips: int, every: int = 1) -> None:
    """Before the store is read, and between that and the reading of the arrays. `every`: of so many, one."""
    scene = Scene(folder / "damage")
    with scene.here():
        run, other = train(CONFIG, EPOCHS, progress=False), train(OTHER, EPOCHS, progress=False)
    whole = replace(run)
    assert whole.predictions and whole.diagnostics  # They are read now.
    for number, name in enumerate((*FILES, "SHA256SUMS")):
        path = run.path / name
        damages = damaged(path.read_bytes(), (other.path / name).read_bytes(), flips)
        for description, content in islice(damages, number % every, None, every):
            with tally.case("damaged file", name, description), replaced(path, content):
                store = scene.store
                assert_told_or_right(store, whole, CONFIG)
                support.assert_same_results(store.find(OTHER), other)
                if name.endswith(".npz"):
                    try:
                        support.assert_same_results(replace(run), whole)  # Whose arrays are not read yet.
                    except UserError as error:
                        assert "is damaged" in str(error)
    with tally.case("damaged file", "run folders", "swapped"):
        for a, b in ((run.path, folder / "aside"), (other.path, run.path), (folder / "aside", other.path)):
            os.rename(a, b)
        support.assert_same_results(scene.store.find(CONFIG), whole)
    scene.remove()


def damage_cache(tally: Tally, folder: Path, flips: int, every: int = 1) -> None:
    """A run that is to be extended: what it finds in the cache was damaged."""
    scene, more = Scene(folder / "cache-damage"), EPOCHS + 1
    with scene.here():
        train(OTHER, EPOCHS, progress=False)
        other = (scene.cache_of(OTHER) / "checkpoint.pt").read_bytes()
        train(CONFIG, EPOCHS, progress=False)
    kept = folder / "kept"
    shutil.copytree(scene.root, kept)
    reference = Scene(folder / "cache-reference")
    with reference.here():
        whole = train(CONFIG, more, progress=False)

    def extend() -> None:
        with scene.here():
            support.assert_same_results(train(CONFIG, more, progress=False), whole)

    def restore() -> None:
        shutil.rmtree(scene.root)
        shutil.copytree(kept, scene.root)

    for offset, path in enumerate(sorted(scene.cache.iterdir())):
        content, is_checkpoint = path.read_bytes(), path == scene.checkpoint
        versions = damaged(content or b"x", other if is_checkpoint else b"{", flips if is_checkpoint else 2)
        for number, (description, content) in enumerate(islice(versions, offset % every, None, every)):
            with tally.case("damaged file", f"cache: {path.name}", description):
                if content is None:
                    path.unlink()
                else:
                    path.write_bytes(content)
                try:
                    extend()
                except UserError as error:
                    assert is_checkpoint, f"{path.name} is not needed, but: {error}"
                    assert str(path) in str(error) and "Remove it to start this run from its first epoch" in str(error)
                    path.unlink()
                    if number % 8 == 0:  # The advice is good.
                        extend()
            restore()
    for made in (scene, reference):
        made.remove()
    shutil.rmtree(kept)


def all_damages(tally: Tally, reference: object, folder: Path, flips: int = 24) -> None:
    damage_run_folders(tally, folder, flips)
    damage_cache(tally, folder, 2 * flips)
