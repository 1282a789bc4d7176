"""A trained net as one small file that a web page can load, from disk as well as from a server.

    python -m ff_utils export --recipe hinton --hidden 400 400 400 --theta 400 \\
        --epochs 60 --out net.js

The file is JavaScript, because a page opened from disk may load nothing else: the assignment of one JSON
object, an `Exported`, to `globalThis.forwardForwardNet`. Weights are int8 with one float32 scale for each
unit: the weight from input i to unit j is `values[i, j] * scale[j]`. Biases and scales are float32. An
array is written as its number format, its shape, and its bytes (row by row, little-endian) in base64.

Finished runs hold no weights. Those of the last epoch are in the checkpoint that training leaves in the
cache folder, so `export` trains the run where it has to, and then writes what the checkpoint holds.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from .config import RunConfig
from .data import ImageSet, load
from .errors import UserError, explained
from .files import replacing
from .network import Network
from .readout import Head, all_codes, error_percent, evaluate, label_scores
from .results import Run, Store
from .training import progress_folder, read_checkpoint, train

ASSIGNMENT = "globalThis.forwardForwardNet = "
IMAGE_SHAPE = (28, 28)  # What the page draws on.
LARGEST_FILE = 2_000_000  # Bytes: a page should open at once.


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Packed(_Part):
    """An array as text: `data` is the base64 of its bytes."""

    dtype: Literal["int8", "uint8", "float32"]
    shape: tuple[int, ...]
    data: str

    @classmethod
    def of(cls, array: np.ndarray) -> Packed:
        little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        return cls(
            dtype=array.dtype.name, shape=array.shape, data=base64.b64encode(little_endian.tobytes()).decode("ascii")
        )

    def array(self) -> np.ndarray:
        """Raises `ValueError` where the bytes are not those of such an array."""
        flat = np.frombuffer(base64.b64decode(self.data, validate=True), np.dtype(self.dtype).newbyteorder("<"))
        return flat.astype(self.dtype).reshape(self.shape)


class Matrix(_Part):
    """Weights [inputs, units]: `values` int8 of that shape times `scale` float32 [units]."""

    values: Packed
    scale: Packed

    @classmethod
    def of(cls, weight: Tensor) -> Matrix:
        """The nearest such matrix to `weight` [inputs, units]: off by at most half a step of a unit's scale."""
        largest = weight.abs().amax(0)
        scale = torch.where(largest > 0, largest / 127, 1.0)  # A unit without weights keeps zeros.
        values = (weight / scale).round().to(torch.int8)
        return cls(values=Packed.of(values.cpu().numpy()), scale=Packed.of(scale.float().cpu().numpy()))

    def weight(self) -> Tensor:
        """[inputs, units] float32."""
        return torch.from_numpy(self.values.array().astype(np.float32) * self.scale.array())


class HiddenLayer(_Part):
    weight: Matrix
    bias: Packed


class SoftmaxHead(_Part):
    """The one-pass readout: one matrix for each hidden layer that it reads."""

    weights: tuple[Matrix, ...]
    bias: Packed


class Example(_Part):
    """An image of the validation set: the first of its class (`first`), or the one of its class whose true
    label the net gives the worst score, compared with the best wrong label (`hardest`)."""

    image: Packed
    label: int
    index: int
    kind: Literal["first", "hardest"]


class Exported(_Part):
    """The content of an exported file. Errors are in percent, by readout.

    `run_errors`: the run's own on the test images; `file_errors`: those of the rounded weights.
    """

    format: Literal[1] = 1
    run: str
    epochs: int
    config: RunConfig
    classes: int
    parameters: int
    test_images: int
    run_errors: dict[str, float]
    file_errors: dict[str, float]
    layers: tuple[HiddenLayer, ...]
    head: SoftmaxHead | None
    examples: tuple[Example, ...]


def export(config: RunConfig, epochs: int, path: Path, *, store: Store | None = None, progress=None) -> Exported:
    """Train the run of `config` where it is not finished yet, and write its net to `path`.

    Raises `UserError` where the page could not show such a net (labels in the input, few weights, grey images of
    28 × 28 pixels), where the weights of a finished run are no longer on this machine, or as `train` does.
    """
    plain = RunConfig()
    for field in ("algorithm", "pretext", "contrast", "goodness", "loss", "head_inputs"):
        if getattr(config, field) != getattr(plain, field):
            raise UserError(
                f"the page reads nets that learned the data's labels as Hinton's do, not one with "
                f"{field} {getattr(config, field)!r}"
            )
    weights = sum(a * b for a, b in zip((784, *config.hidden), config.hidden, strict=False))
    if weights * 4 / 3 > LARGEST_FILE:
        raise UserError(
            f"a net of {weights:,} weights makes a file of more than {LARGEST_FILE // 10**6} MB, too much for a "
            "page. Give it fewer units with --hidden."
        )
    splits = load(config.dataset)
    if splits.train.images.shape[1:] != IMAGE_SHAPE:
        raise UserError(f"the page draws grey images of 28 × 28 pixels; those of {config.dataset} are not of that kind")
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in --out. Nothing was trained.")
    with explained(path.parent, "Nothing was trained.", "--out"):
        path.parent.mkdir(parents=True, exist_ok=True)
    run = train(config, epochs, store=store, progress=progress)
    network, head = trained_net(run, splits.classes)
    numbers = sum(w.numel() for w in (*_matrices(network), *_biases(network)))
    content = Exported(
        run=run.id,
        epochs=run.epochs,
        config=run.config,
        classes=splits.classes,
        parameters=numbers,
        test_images=len(splits.test),
        run_errors={name: run.at(run.epochs, f"test_{name}_error") for name in _readouts(head)},
        file_errors={},
        layers=tuple(
            HiddenLayer(weight=Matrix.of(weight), bias=Packed.of(bias.numpy()))
            for weight, bias in zip(_matrices(network), _biases(network), strict=True)
        ),
        head=None if head is None else _pack_head(head),
        examples=(),
    )
    # What is said of the file holds for the weights in the file.
    network, head = rebuild(content)
    found = evaluate(network, head, splits.test.images.flatten(1), splits.test.labels, search=True, dtype=torch.float32)
    errors = {name: error_percent(getattr(found, name), splits.test.labels) for name in _readouts(head)}
    content = content.model_copy(
        update={"file_errors": errors, "examples": choose_examples(network, splits.validation)}
    )
    write(content, path)
    return content


def trained_net(run: Run, classes: int) -> tuple[Network, Head | None]:
    """The net of a finished run with the weights that its evaluation used, out of its last checkpoint.

    Raises `UserError` where that is gone.
    """
    # A run that insisted on a number format has a folder of its own.
    folders = [progress_folder(run.config, number_format) for number_format in (None, run.provenance["dtype"])]
    checkpoints = [read_checkpoint(path) for folder in folders if (path := folder / "checkpoint.pt").exists()]
    state = next((state for state in checkpoints if _is_of(state, run)), None)
    if state is None:
        raise UserError(
            f"run {run.id} is finished, but its weights after epoch {run.epochs} are not in {folders[0]}. "
            "Train it again beside the stored runs: give the same command with another folder in FF_RESULTS "
            "and in FF_CACHE."
        )
    network, head = _empty_net(run.config, classes)
    network.load(state["network"])
    if head is not None:
        head.load(state["head"])
    return network, head


def _is_of(state: dict, run: Run) -> bool:
    """Whether a checkpoint has the last weights of this very run, and not of another with its configuration."""
    started = json.loads(state["record"]["provenance"])["started"]
    return state["epoch"] == run.epochs and started == run.provenance["started"]


def rebuild(content: Exported) -> tuple[Network, Head | None]:
    """The net in an exported file, with its rounded weights in float32."""
    # The averages are in the file, and there is nothing left to average.
    network, head = _empty_net(content.config.vary(weight_averaging=0.0), content.classes)
    for layer, stored in zip(network.layers, content.layers, strict=True):
        layer.weight.value.copy_(stored.weight.weight())
        if layer.bias is not None:
            layer.bias.value.copy_(torch.from_numpy(stored.bias.array()))
    if head is not None:
        for parameter, stored in zip(head.weights, content.head.weights, strict=True):
            parameter.value.copy_(stored.weight())
        head.bias.value.copy_(torch.from_numpy(content.head.bias.array()))
    return network, head


def choose_examples(network: Network, images: ImageSet) -> tuple[Example, ...]:
    """For each class one image as it comes and one that is hard for the net; see `Example`."""
    scores = []
    for chosen in images.images.flatten(1).split(256):
        result = network.forward(network.pixels(chosen), all_codes(network, len(chosen)))
        scores.append(label_scores(result, network.config.goodness_from))
    scores, labels = torch.cat(scores), images.labels.long()[:, None]
    margin = scores.gather(1, labels) - scores.scatter(1, labels, -torch.inf).amax(1, keepdim=True)
    examples = {"first": [], "hardest": []}
    for label in range(network.classes):
        members = (labels.flatten() == label).nonzero().flatten()
        hardest = int(members[margin[members].argmin()])
        first = next(int(i) for i in members if i != hardest)
        for kind, index in (("first", first), ("hardest", hardest)):
            image = Packed.of(images.images[index].numpy())
            examples[kind].append(Example(image=image, label=label, index=index, kind=kind))
    return (*examples["first"], *examples["hardest"])


def write(content: Exported, path: Path) -> None:
    """Write the file in one step."""
    head = "// A Forward-Forward net, written by `python -m ff_utils export`; its format: ff_utils/export.py.\n"
    with (
        explained(path.parent, "The run is kept, and the same command goes on from it.", "--out"),
        replacing(path) as file,
    ):
        file.write(f"{head}{ASSIGNMENT}{content.model_dump_json()};\n".encode())


def read(path: Path) -> Exported:
    """Read an exported file. Raises `UserError` where it is none, or damaged."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    _, found, body = text.partition(ASSIGNMENT)
    try:
        if not found:
            raise ValueError(f"it has no line that begins with {ASSIGNMENT.strip()!r}")
        content = Exported.model_validate_json(body.rstrip().removesuffix(";"))
        rebuild(content)
    except (ValidationError, ValueError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path} is not an exported net, or was altered ({reason}). Write it anew with: python -m ff_utils export"
        ) from None
    return content


def _empty_net(config: RunConfig, classes: int) -> tuple[Network, Head | None]:
    inputs = IMAGE_SHAPE[0] * IMAGE_SHAPE[1]
    network = Network(config, inputs, classes, torch.float32, torch.Generator())
    return network, Head(config, network) if config.head_lr else None


def _matrices(network: Network) -> list[Tensor]:
    return [layer.weight.evaluated() for layer in network.layers]


def _biases(network: Network) -> list[Tensor]:
    return [layer.bias.evaluated() if layer.bias else layer.zero_bias for layer in network.layers]


def _pack_head(head: Head) -> SoftmaxHead:
    weights = tuple(Matrix.of(parameter.evaluated()) for parameter in head.weights)
    return SoftmaxHead(weights=weights, bias=Packed.of(head.bias.evaluated().numpy()))


def _readouts(head: Head | None) -> list[str]:
    return ["label_search"] if head is None else ["label_search", "one_pass"]
