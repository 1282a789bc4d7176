"""What a run records: its measurements after every epoch, and where and with what it was computed."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .config import RunConfig
from .readout import error_percent
from .results import Run, Store
from .trainer import Trainer

ENGINE_VERSION = 1  # Goes up when the same configuration may give other results.
# What of a run's provenance must agree for the same digits.
SAME_DIGITS = ("engine_version", "versions", "device", "dtype", "threads", "compiled", "data_checksum")
MILESTONES = (60, 80, 100, 120, 200, 500)


def searched(epoch: int) -> bool:
    """Whether the validation error by label search is measured after `epoch`: often enough to see how training
    gets under way, and seldom enough to take less than a tenth of its time."""
    return epoch in (1, 2, 3, 5, 10) or epoch % 20 == 0


class Record:
    """What a run has measured so far: rows, predictions, diagnostics, and where and when it ran."""

    def __init__(self):
        self.rows: list[dict] = []
        self.predictions: dict[str, Tensor] = {}
        self.diagnostics: dict[str, Tensor] = {}
        self.negative_counts: list[np.ndarray] = []
        self.provenance: dict = {}

    def measure(self, trainer: Trainer, milestone: bool) -> dict[str, float]:
        """Evaluate after an epoch at the default cadence and return the columns of its row.

        One-pass every epoch; label search at epochs 1, 2, 3, 5, 10, every twentieth, the milestones and the end; test
        only at the milestones and the end, and these in float32. `layer{i}_error` and `test_layer{i}_error` are those
        of a label search that uses one layer alone. `layer{i}_neutral_alike` is the mean cosine between two images'
        features under the neutral label, in percent.
        """
        epoch = trainer.epoch
        search = milestone or searched(epoch)
        dtype = torch.promote_types(trainer.dtype, torch.float32) if milestone else trainer.dtype
        columns = {}
        for part, short in (("validation", "val"), ("test", "test")):
            if part == "test" and not milestone:
                continue
            labels = getattr(trainer, part).labels
            found = trainer.evaluate(part, search=search, dtype=dtype)
            for readout in ("label_search", "one_pass", "softmax"):
                predictions = getattr(found, readout)
                if predictions is not None:
                    columns[f"{short}_{readout}_error"] = error_percent(predictions, labels)
                    if milestone:
                        self.predictions[f"{short}_{readout}_{epoch}"] = predictions
                        self.predictions[f"{short}_labels"] = labels.cpu()  # So that pairing needs no data set.
            if found.alike is not None and part == "validation":
                columns |= {f"layer{i}_neutral_alike": 100 * share for i, share in enumerate(found.alike, 1)}
            if found.layers is not None:
                prefix = "test_" if part == "test" else ""
                columns |= {
                    f"{prefix}layer{i}_error": error_percent(own, labels) for i, own in enumerate(found.layers, 1)
                }
            if found.active is not None and part == "validation":
                for i, (activity, active) in enumerate(zip(found.activity, found.active, strict=True), 1):
                    columns[f"layer{i}_dead_units"] = float((active == 0).sum())
                    if milestone:
                        self.diagnostics[f"activity_{epoch}_layer{i}"] = activity
                        self.diagnostics[f"active_{epoch}_layer{i}"] = active
        if milestone and trainer.config.probe != "none":
            # Only here: it loads scikit-learn, which takes a second that most runs can do without.
            from .selfsup.probe import probe

            probed, predictions, diagnostics = probe(trainer)
            columns |= probed
            self.predictions |= {f"{name}_{epoch}": found for name, found in predictions.items() if "layer" not in name}
            self.predictions |= {"val_classes": trainer.splits.validation.labels.cpu(),
                                 "test_classes": trainer.splits.test.labels.cpu()}  # fmt: skip
            self.diagnostics |= diagnostics  # Of the last milestone alone: an embedding is large.
        return columns

    def state(self) -> dict:
        return {
            "rows": json.dumps(self.rows),
            "predictions": self.predictions,
            "diagnostics": self.diagnostics,
            "negative_counts": torch.from_numpy(np.array(self.negative_counts)),
            "provenance": json.dumps(self.provenance),
        }

    def load(self, state: dict) -> None:
        self.rows = json.loads(state["rows"])
        self.predictions, self.diagnostics = state["predictions"], state["diagnostics"]
        self.negative_counts = list(state["negative_counts"].numpy())
        self.provenance = json.loads(state["provenance"])

    def save(self, config: RunConfig, store: Store) -> Run:
        arrays = {name: tensor.numpy() for name, tensor in self.predictions.items()}
        diagnostics = {name: tensor.numpy().astype(np.float16) for name, tensor in self.diagnostics.items()}
        diagnostics["negative_counts"] = np.array(self.negative_counts, dtype=np.int32)
        return store.save(config, self.rows, arrays, diagnostics, self.provenance)


def versions() -> dict:
    """What decides on digits beside the machine itself."""
    return {
        "engine_version": ENGINE_VERSION,
        "versions": {
            "python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__
        },
    }  # fmt: skip


def describe_machine(trainer: Trainer, checksum: str) -> dict:
    """The provenance of a computation: versions, device, number format, data."""
    return {
        **versions(),
        "device": torch.cuda.get_device_name() if trainer.device.type == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "dtype": str(trainer.dtype).removeprefix("torch."),
        "compiled": trainer.network.compiled,
        "data_checksum": checksum,
    }  # fmt: skip


def processor() -> str:
    """The processor's name, for people."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
