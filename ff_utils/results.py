"""The results store: finished runs as folders, written in one step and checked when read.

A finished run is `results/runs/<YYYYMMDD_HHMMSS>-<hash>/` with

    config.yaml          the complete configuration
    metrics.jsonl, .csv  one row per epoch; errors in percent
    predictions.npz      predictions at the milestones and true labels, uint8
    diagnostics.npz      counts of true × negative labels; activities of units
    provenance.yaml      versions, device, data checksum, seconds, command
    training_curves.png
    SHA256SUMS           of all of these

A folder appears under its name only when it is complete. One that was damaged since is reported and
passed over, never read.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import io
import json
import platform
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from .config import RunConfig, load_config, save_config
from .errors import UserError, explained
from .files import cache_folder, results_folder

FILES = (
    "config.yaml",
    "metrics.jsonl",
    "metrics.csv",
    "predictions.npz",
    "diagnostics.npz",
    "provenance.yaml",
    "training_curves.png",
)


@dataclass(frozen=True)
class Run:
    """A finished run. `metrics` has one row per epoch, indexed by it."""

    path: Path
    config: RunConfig
    metrics: pd.DataFrame
    provenance: dict
    checksums: dict[str, str]

    @property
    def id(self) -> str:
        """The run's name: when it was started, and a short hash of its configuration."""
        return self.path.name

    @property
    def epochs(self) -> int:
        """How far it was trained."""
        return int(self.metrics.index[-1])

    def at(self, epoch: int, metric: str) -> float:
        """The value of `metric` after `epoch`. Raises `UserError` where it was not measured then."""
        if metric not in self.metrics or epoch not in self.metrics.index:
            raise UserError(f"run {self.id} has no {metric} at epoch {epoch}")
        value = self.metrics.at[epoch, metric]
        if pd.isna(value):
            measured = self.metrics.index[self.metrics[metric].notna()].tolist()
            raise UserError(f"run {self.id} measured {metric} at epochs {measured}, not at {epoch}")
        return float(value)

    def has(self, epoch: int, metric: str) -> bool:
        """Whether `metric` was measured after `epoch`."""
        return metric in self.metrics and epoch in self.metrics.index and pd.notna(self.metrics.at[epoch, metric])

    @property
    def last_errors(self) -> dict[str, float]:
        """The errors after the last epoch by name, those of single layers left out."""
        last = self.metrics.iloc[-1]
        return {name: last[name] for name in self.metrics if name.endswith("_error") and "layer" not in name}

    @functools.cached_property
    def predictions(self) -> dict[str, np.ndarray]:
        """By name, such as `test_label_search_60`: uint8 [images]; the truth is `val_labels`, `test_labels`."""
        return self._arrays("predictions.npz")

    @functools.cached_property
    def diagnostics(self) -> dict[str, np.ndarray]:
        """`negative_counts` [epochs, classes, classes]; `activity_60_layer1` [units] and `active_60_layer1` [units]."""
        return self._arrays("diagnostics.npz")

    def _arrays(self, name: str) -> dict[str, np.ndarray]:
        """They are checked again: the run may have been read long ago."""
        with _damage_explained(self.path):
            with np.load(io.BytesIO(_checked(self.path / name, self.checksums))) as archive:
                return dict(archive)


def _checked(path: Path, checksums: dict[str, str]) -> bytes:
    """The content of a file of a run. Raises `ValueError` if it is not what was written."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != checksums[path.name]:
        raise ValueError(f"{path.name} was altered")
    return content


@contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    """Turn what damage to the run folder `path` brings about into a `UserError`."""
    try:
        yield
    except (UserError, OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UserError(
            f"run folder {path} is damaged ({error}); it is not used. Restore it (git checkout), or remove "
            "it and train the run again."
        ) from None


def read_run(path: Path) -> Run:
    """Read and check one run folder. Raises `UserError` if anything in it is missing or altered."""
    with _damage_explained(path):
        lines = (path / "SHA256SUMS").read_text().splitlines()
        checksums = dict(reversed(line.split(maxsplit=1)) for line in lines)
        if set(checksums) != set(FILES):
            raise ValueError("SHA256SUMS does not name exactly the files of a run")
        for name in FILES:
            _checked(path / name, checksums)
        config = load_config(path / "config.yaml")
        rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        metrics = pd.DataFrame(rows).set_index("epoch")
        if metrics.index.tolist() != list(range(1, len(metrics) + 1)):
            raise ValueError("metrics.jsonl does not hold every epoch from 1 on")
        provenance = yaml.safe_load((path / "provenance.yaml").read_text())
    return Run(path, config, metrics, provenance, checksums)


class Store:
    """The runs under a results folder (default: `results_folder()`)."""

    def __init__(self, root: Path | str | None = None):
        self.root = Path(root) if root else results_folder()
        self._read: dict[Path, Run | None] = {}

    @property
    def runs_folder(self) -> Path:
        return self.root / "runs"

    def runs(self) -> list[Run]:
        """Every sound run, oldest first. Damaged folders are warned of, once."""
        folders = sorted(p for p in self.runs_folder.glob("[0-9]*_*") if p.is_dir())
        for folder in folders:
            if folder not in self._read:
                try:
                    self._read[folder] = read_run(folder)
                except UserError as error:
                    self._read[folder] = None
                    warnings.warn(str(error), stacklevel=2)
        return [run for folder in folders if (run := self._read[folder]) is not None]

    @property
    def damaged(self) -> list[str]:
        """The names of the folders that hold no sound run."""
        self.runs()
        return [folder.name for folder, run in self._read.items() if run is None]

    def matching(self, config: RunConfig, epochs: int = 1, dtype: str | None = None) -> list[Run]:
        """The runs of exactly this configuration that have at least so many epochs, oldest first.

        `dtype` asks for those that were computed in this number format.
        """
        return [
            run
            for run in self.runs()
            if run.config == config and run.epochs >= epochs and dtype in (None, run.provenance.get("dtype"))
        ]

    def find(self, config: RunConfig, epochs: int = 1, dtype: str | None = None) -> Run | None:
        """The longest of these runs."""
        return max(self.matching(config, epochs, dtype), key=lambda run: run.epochs, default=None)

    def check_writable(self) -> None:
        """Raises `UserError` now rather than after hours of training."""
        with explained(self.runs_folder):
            self.runs_folder.mkdir(parents=True, exist_ok=True)
            # One name for all, so that what a killed process leaves goes with the next; others may try at this moment.
            attempt = self.runs_folder / ".writable"
            with suppress(FileExistsError):
                attempt.mkdir()
            with suppress(FileNotFoundError):
                attempt.rmdir()

    def save(
        self,
        config: RunConfig,
        rows: list[dict],
        predictions: dict[str, np.ndarray],
        diagnostics: dict[str, np.ndarray],
        provenance: dict,
    ) -> Run:
        """Write a finished run and return it. It appears whole, under a new name, or not at all."""
        name = f"{datetime.fromisoformat(provenance['started']):%Y%m%d_%H%M%S}-{config.short_hash}"
        metrics = pd.DataFrame(rows)

        def fill(folder: Path) -> None:
            save_config(config, folder / "config.yaml")
            (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
            metrics.to_csv(folder / "metrics.csv", index=False)
            np.savez_compressed(folder / "predictions.npz", **predictions)
            np.savez_compressed(folder / "diagnostics.npz", **diagnostics)
            (folder / "provenance.yaml").write_text(yaml.safe_dump(provenance, sort_keys=False))
            draw_training_curves(metrics.set_index("epoch"), folder / "training_curves.png")
            sums = [f"{hashlib.sha256((folder / f).read_bytes()).hexdigest()}  {f}\n" for f in FILES]
            (folder / "SHA256SUMS").write_text("".join(sums))

        return self._receive(name, fill)

    def adopt(self, name: str, files: dict[str, bytes]) -> Run:
        """Take in a run that another machine trained: the name of its folder, and the content of its files."""

        def fill(folder: Path) -> None:
            for file, content in files.items():
                (folder / file).write_bytes(content)

        return self._receive(name, fill)

    def _receive(self, name: str, fill: Callable[[Path], None]) -> Run:
        """The run whose folder `fill` writes."""
        # With one cache, one process at a time is at a run; should it be killed, the next finds what it left.
        writer = hashlib.sha256(f"{platform.node()} {cache_folder().absolute()}".encode()).hexdigest()[:8]
        incoming = self.runs_folder / f".incoming-{name}-{writer}"
        kept = "Nothing is lost: the checkpoint is kept, and the same command goes on from it."
        with explained(self.runs_folder, kept):
            shutil.rmtree(incoming, ignore_errors=True)
            try:
                incoming.mkdir(parents=True)
                fill(incoming)
                final = self._rename(incoming, name)
            finally:
                shutil.rmtree(incoming, ignore_errors=True)
        return read_run(final)

    def _rename(self, incoming: Path, name: str) -> Path:
        """Move to the first free name: an existing run is never overwritten."""
        for suffix in ("", *(f"-{i}" for i in range(2, 1000))):
            final = self.runs_folder / (name + suffix)
            try:
                return incoming.rename(final)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
        raise UserError(f"{self.runs_folder} already holds a thousand runs named {name}")

    def summary(self) -> pd.DataFrame:
        """One row per run: its name, length, last errors, time, and whole configuration."""
        rows = []
        for run in self.runs():
            rows.append(
                {"run": run.id, "epochs": run.epochs, **run.last_errors, "seconds": run.provenance["seconds"]}
                | run.config.model_dump(mode="json")
            )
        return pd.DataFrame(rows)


def draw_training_curves(metrics: pd.DataFrame, path: Path) -> None:
    """The errors of a run over its epochs, as a small picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for name in metrics:
        if name.endswith("_error") and "layer" not in name and metrics[name].notna().any():
            marker = "o" if metrics[name].notna().sum() < 30 else None
            metrics[name].dropna().plot(ax=axes, marker=marker, markersize=3, label=name.replace("_", " "))
    axes.set(xlabel="epoch", ylabel="error (%)", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=100)
