"""Training: the epoch loop, its checkpoint, and the one function most callers need.

    from ff_utils import recipe, train
    run = train(recipe("hinton"), epochs=60)

A run in progress lives in the cache folder (`FF_CACHE`), locked, with a checkpoint at most once a minute
and its rows in `metrics.jsonl`; when done it moves into the results folder in one step. All randomness of
an epoch comes from (seed, epoch, purpose), so a run that is resumed or extended equals one that was not.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import sys
import time
from datetime import datetime
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from tqdm import tqdm

from .config import RunConfig, save_config
from .data import Splits, load
from .errors import UserError, explained
from .files import cache_folder, replacing
from .goodness import goodness_named
from .negatives import sampler
from .recipes import command_of
from .record import MILESTONES, SAME_DIGITS, Record, describe_machine
from .results import Run, Store
from .twin import trainer_class

CHECKPOINT_SECONDS = 60.0
IN_A_FILE = 30.0  # Seconds between two lines of the progress bar where they are kept.
KEPT = "The last checkpoint is kept, and the same command goes on from it."


def progress_folder(config: RunConfig, number_format: str | None = None) -> Path:
    """Where a run in progress lives; its last checkpoint stays there when the run is finished.

    A run that insists on a number format has a folder of its own.
    """
    return cache_folder() / "runs" / "-".join(filter(None, (config.digest, number_format)))


def write_checkpoint(path: Path, state: dict) -> None:
    """Write `state` and its SHA-256 in one step: the old checkpoint stays until the new one is whole.

    The name of its folder is written with it: that of another run is not taken for this one's.
    """
    buffer = io.BytesIO()
    torch.save({**state, "run": path.parent.name}, buffer)
    payload = buffer.getbuffer()
    with explained(path.parent, KEPT, "FF_CACHE"), replacing(path) as file:
        file.write(hashlib.sha256(payload).digest())
        file.write(payload)


def read_checkpoint(path: Path) -> dict:
    """Read what `write_checkpoint` wrote. Raises `UserError` if it can't be read, or is not what was written."""
    advice = "Remove it to start this run from its first epoch."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"checkpoint {path} can't be read ({error.strerror}). {advice}") from None
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise UserError(f"checkpoint {path} is damaged. {advice}")
    try:
        state = torch.load(io.BytesIO(content[32:]), weights_only=True, map_location="cpu")
    except Exception:  # Which one depends on what is there instead.
        raise UserError(f"{path} does not hold a checkpoint. {advice}") from None
    if state.get("run", path.parent.name) != path.parent.name:  # Older ones don't say.
        raise UserError(f"checkpoint {path} is of another run. {advice}")
    return state


def train(
    config: RunConfig,
    epochs: int,
    *,
    store: Store | None = None,
    progress: bool | None = None,
    dtype: torch.dtype | None = None,
    device=None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    wait: bool = False,
) -> Run:
    """The run of `config` with at least `epochs` epochs: from the store, else trained, resumed or extended.

    So a stored run may be longer. It has its validation error at `epochs` where that is one of the epochs of
    `record.searched`, its test error at the milestones and its end alone.

    `store`: where it is looked for and goes (default: the results folder). `progress`: show a bar (default: where
    standard error is a terminal). `dtype`: a number format to insist on; a run in another one does not count then.
    `device`: by default the GPU where there is one. `checkpoint_seconds`: how long to go on between two checkpoints.
    `wait`: for another process that trains the same configuration, instead of refusing.

    Raises `UserError` where the data, the results folder, the checkpoint or such a process stand in the way, where the
    learning rates reach 0 before `epochs`, or where training diverges.
    """
    if epochs < 1:
        raise UserError(f"epochs is {epochs}; give at least 1")
    store = store or Store()
    asked = str(dtype).removeprefix("torch.") if dtype else None
    if found := store.find(config, epochs, asked):
        return found
    if config.decay_to is not None and epochs > config.decay_to:
        raise UserError(
            f"the learning rates are 0 after epoch {config.decay_to}, so {epochs} epochs would learn no more. Give at "
            f"most {config.decay_to}, or a schedule of that length: "
            f"--decay-from {config.decay_from * epochs // config.decay_to} --decay-to {epochs}"
        )
    # Unknown names are refused before anything is downloaded.
    sampler(config.negatives)
    goodness_named(config.goodness)
    splits = load(config.dataset)
    store.check_writable()
    folder = progress_folder(config, asked)
    with explained(folder, variable="FF_CACHE"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(folder / "lock").acquire(timeout=-1 if wait else 0)
        except Timeout:
            raise UserError(
                f"another process is training this configuration (lock {folder / 'lock'}). Wait for it, or stop it."
            ) from None
    with held:
        # Another process may have finished it since this one looked.
        return store.find(config, epochs, asked) or _train(
            config, epochs, store, folder, splits, progress, dtype, device, checkpoint_seconds
        )


def _train(
    config: RunConfig,
    epochs: int,
    store: Store,
    folder: Path,
    splits: Splits,
    progress: bool | None,
    dtype: torch.dtype | None,
    device: torch.device | str | None,
    checkpoint_seconds: float,
) -> Run:
    checkpoint = folder / "checkpoint.pt"
    record = Record()
    state = read_checkpoint(checkpoint) if checkpoint.exists() else None
    if state is not None:
        record.load(state["record"])
        # In the number format it began with: measured again, the fastest might be another.
        dtype = dtype or getattr(torch, record.provenance["dtype"])
        # A checkpoint further on is not thrown away for a shorter run.
        epochs = max(epochs, state["epoch"])
    trainer = trainer_class(config)(config, splits, dtype, device)
    machine = describe_machine(trainer, splits.checksum)
    if state is None:
        record.provenance = {"started": datetime.now().isoformat(timespec="seconds"), "seconds": 0.0, **machine}
    else:
        trainer.load(state)
        before = record.provenance | record.provenance.get("resumed", [{}])[-1]
        if changed := [key for key in SAME_DIGITS if before[key] != machine[key]]:
            changes = "; ".join(f"{key.replace('_', ' ')}: {before[key]}, now {machine[key]}" for key in changed)
            tqdm.write(f"resuming at epoch {trainer.epoch}; digits may differ ({changes})")
            record.provenance.setdefault("resumed", []).append({"at_epoch": trainer.epoch, **machine})
    rows_file = folder / "metrics.jsonl"
    with explained(folder, KEPT, "FF_CACHE"):
        save_config(config, folder / "config.yaml")
        rows_file.write_text("".join(json.dumps(row) + "\n" for row in record.rows))

    def save_checkpoint() -> None:
        write_checkpoint(checkpoint, {**trainer.state(), "record": record.state()})

    steps = -(-len(trainer.labels) // config.batch_size)
    saved, saved_at = trainer.epoch, time.monotonic()
    bar = tqdm(
        total=epochs * steps, initial=trainer.epoch * steps, unit="step", desc="training",
        disable=None if progress is None else not progress, dynamic_ncols=True,
        mininterval=0.1 if sys.stderr.isatty() else IN_A_FILE,
    )  # fmt: skip
    with bar:
        while trainer.epoch < epochs:
            started = time.perf_counter()
            try:
                metrics, counts = trainer.run_epoch(bar.update)
            except KeyboardInterrupt:
                kept = f"kept up to epoch {saved} in {folder}" if saved else "nothing is kept yet"
                tqdm.write(f"interrupted in epoch {trainer.epoch + 1}; {kept} (once in {checkpoint_seconds:g} s)")
                raise
            if not math.isfinite(metrics.get("train_loss", 0.0)):
                raise UserError(
                    f"training diverged in epoch {trainer.epoch}: the loss is {metrics['train_loss']}. Nothing of it "
                    f"goes into the results; a lower learning rate may help. Its command: {command_of(config, epochs)}"
                )
            trained = time.perf_counter()
            metrics |= record.measure(trainer, milestone=trainer.epoch in MILESTONES)
            finished = time.perf_counter()
            row = {"epoch": trainer.epoch, **metrics, "train_seconds": trained - started, "seconds": finished - started}
            record.rows.append(row)
            record.negative_counts.append(counts)
            record.provenance["seconds"] += row["seconds"]
            with explained(folder, KEPT, "FF_CACHE"), rows_file.open("a") as file:
                file.write(json.dumps(row) + "\n")
            shown = {name: f"{row[name]:.2f}" for name in row if name.startswith("val_")}
            bar.set_postfix({"epoch": trainer.epoch, **shown}, refresh=False)
            if time.monotonic() - saved_at >= checkpoint_seconds or trainer.epoch == epochs:
                save_checkpoint()
                saved, saved_at = trainer.epoch, time.monotonic()
    if epochs not in MILESTONES:
        # After the checkpoint, so that a run extended from it has the rows of one that never stopped.
        started = time.perf_counter()
        record.rows[-1] |= record.measure(trainer, milestone=True)
        record.provenance["seconds"] += time.perf_counter() - started
    record.provenance["command"] = command_of(config, epochs)
    return record.save(config, store)
