"""Runs of a study on other machines, or side by side on this one: through any executor, such as a dask cluster's.

    dask scheduler                                              # on one machine
    OMP_NUM_THREADS=2 dask worker tcp://host:8786 --nthreads 1  # on each, with its cores
    python -m ff_utils study all --scheduler tcp://host:8786

A worker trains in its own cache folder and returns the folder of the finished run; only the caller writes to
the store. What a lost worker was at is begun again by another, from the last checkpoint if they share a cache.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from contextlib import contextmanager

import torch
from loky import ProcessPoolExecutor
from tqdm import tqdm

from ..errors import UserError
from ..record import versions
from ..results import Store
from ..training import train
from . import Planned

PATIENCE = 10  # Seconds to wait for a scheduler and for its first worker.
KEPT = "What was finished is stored; the same command trains the rest."


@contextmanager
def connected(address: str) -> Iterator[Executor]:
    """The executor of the dask scheduler at `address`. Raises `UserError` if it can't be used, or breaks down."""
    from distributed import Client, KilledWorker  # Takes a second that only a cluster is worth.

    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no scheduler answers at {address} ({error}). Start one with: dask scheduler; it prints its address"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise UserError(
                f"the scheduler at {address} has no workers; start some with: dask worker {address} --nthreads 1"
            ) from None
        found = client.run(versions, on_error="return")
        try:
            found["the scheduler"] = client.run_on_scheduler(versions)  # It unpacks what it hands on.
        except ImportError as error:
            found["the scheduler"] = error
        for place, theirs in found.items():
            if not isinstance(theirs, OSError):  # That one was lost meanwhile.
                _check_versions(place, theirs, versions())
        try:
            yield client.get_executor()
        except KilledWorker as error:
            raise UserError(f"workers died one after the other at the same run ({error}). {KEPT}") from None
        except CancelledError:
            raise UserError(f"the scheduler at {address} is gone. {KEPT}") from None


@contextmanager
def side_by_side(processes: int) -> Iterator[Executor]:
    """An executor of this machine's own: so many processes, each of which trains on one thread.

    Raises `UserError` if one of them dies. (Loky's processes, unlike Python's own, don't begin with the script of the
    caller, so that a chapter or a script need not be written for them.)
    """
    executor = ProcessPoolExecutor(processes, env={"OMP_NUM_THREADS": "1"})
    try:
        yield executor
    except BrokenExecutor:
        raise UserError(f"a process that trained died; was there enough memory? {KEPT}") from None
    finally:
        executor.shutdown()


def _check_versions(place: str, theirs: dict | Exception, ours: dict) -> None:
    """Raises `UserError` if `place` could not say its versions, or would not give our digits."""
    advice = "Install there what is installed here (requirements.txt), and start it again."
    if isinstance(theirs, Exception):
        raise UserError(f"{place} can't load this package ({theirs}). {advice}")
    if theirs != ours:
        raise UserError(f"{place} has other versions: {theirs}, not {ours}. {advice}")


def train_there(planned: Planned, versions_of_caller: dict) -> tuple[str, dict[str, bytes]]:
    """What a worker does: train one run, and return its folder as its name and the content of its files.

    Raises `UserError` if it would not give the caller's digits, or for what `train` raises it.
    """
    worker = f"worker on {platform.node()}"
    _check_versions(worker, versions(), versions_of_caller)  # It may have joined after the others were asked.
    config, epochs, dtype = planned
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = train(
                config, epochs, store=Store(folder), progress=False, dtype=dtype and getattr(torch, dtype), wait=True
            )
        except UserError as error:
            raise UserError(f"{worker}: {error}") from None
        return run.id, {path.name: path.read_bytes() for path in run.path.iterdir()}


def distribute(missing: list[Planned], store: Store, executor: Executor, progress: bool | None = None) -> None:
    """Train runs on the workers of `executor`; each is stored as it comes in.

    The first error stops it, and so does an interruption: what has not begun is called off.
    """
    store.check_writable()
    futures = [executor.submit(train_there, planned, versions()) for planned in missing]
    try:
        with tqdm(total=len(futures), unit="run", desc="training", disable=None if progress is None else not progress,
                  dynamic_ncols=True) as bar:  # fmt: skip
            for number, future in enumerate(as_completed(futures), 1):
                run = store.adopt(*future.result())
                bar.write(f"{number} of {len(futures)}: {run.path}")
                bar.update()
    finally:
        for future in futures:
            future.cancel()
