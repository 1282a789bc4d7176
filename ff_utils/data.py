"""The data sets, by name, as uint8 tensors.

`load("mnist")` looks for `mnist.npz` in the folder `FF_DATA`, else in the user's cache; where there is
none, torchvision downloads the data, and the file is written for the next time. The archive holds
`train_images` [n, height, width] (colour: [n, 3, height, width]), `train_labels` [n], `test_images` and
`test_labels`, all uint8. `digits` comes with scikit-learn and needs no network.
"""

from __future__ import annotations

import functools
import hashlib
import os
import zipfile
import zlib
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path

import numpy as np
import platformdirs
import torch
from torch import Tensor

from .errors import UserError

VALIDATION = 10_000  # The last images of the training set, as in both sources.


@dataclass(frozen=True)
class ImageSet:
    """`images` uint8 [n, (channels,) height, width] and `labels` uint8 [n]."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device) -> ImageSet:
        return ImageSet(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Splits:
    """A data set, divided. `checksum` is the SHA-256 of its arrays."""

    name: str
    train: ImageSet
    validation: ImageSet
    test: ImageSet
    checksum: str


# SHA-256 over the bytes of train_images, train_labels, test_images, test_labels in this order.
CHECKSUMS = {
    "mnist": "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    "fashion_mnist": "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
}
_TORCHVISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
NAMES = (*_TORCHVISION, "digits")
_KEYS = ("train_images", "train_labels", "test_images", "test_labels")


def cache_folder() -> Path:
    """Where checkpoints and downloaded data live: `FF_CACHE`, else the user's cache directory."""
    return Path(os.environ.get("FF_CACHE") or platformdirs.user_cache_dir("ff_utils", appauthor=False))


def load(name: str) -> Splits:
    """The data set `name`. Raises `UserError` where it can't be had, is damaged or has no such name."""
    if name not in NAMES:
        raise UserError(f"no data set {name!r}; the data sets are {', '.join(NAMES)}")
    return _load(name, os.environ.get("FF_DATA"), str(cache_folder()))


@functools.lru_cache(maxsize=2)
def _load(name: str, data_folder: str | None, cache: str) -> Splits:
    if name == "digits":
        return _digits()
    places = [Path(folder) / f"{name}.npz" for folder in (data_folder, Path(cache) / "data") if folder]
    for place in places:
        if place.exists():
            arrays = _read(place)
            break
    else:
        place = places[-1]
        arrays = _download(name, place)
    checksum = _checksum(arrays)
    if checksum != CHECKSUMS[name]:
        raise UserError(
            f"{place} is not the {name} data set (its checksum differs). Remove the file; the next start "
            "fetches the data again."
        )
    tensors = [torch.from_numpy(arrays[key]) for key in _KEYS]
    return split(name, *tensors, validation=VALIDATION, checksum=checksum)


def split(
    name: str, images: Tensor, labels: Tensor, test_images: Tensor, test_labels: Tensor, validation: int, checksum: str
) -> Splits:
    """Take the last `validation` training images for validation."""
    return Splits(
        name,
        ImageSet(images[:-validation], labels[:-validation]),
        ImageSet(images[-validation:], labels[-validation:]),
        ImageSet(test_images, test_labels),
        checksum,
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in _KEYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, LZMAError) as error:
        raise UserError(
            f"{path} can't be read ({error}). It is damaged or incomplete: remove it; the next start "
            "fetches the data again."
        ) from None


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in _KEYS:
        digest.update(np.ascontiguousarray(arrays[key]).tobytes())
    return digest.hexdigest()


def _download(name: str, place: Path) -> dict[str, np.ndarray]:
    from torchvision import datasets

    kind = getattr(datasets, _TORCHVISION[name])
    raw = place.parent / "torchvision"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        train, test = (kind(raw, train=is_train, download=True) for is_train in (True, False))
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"the {name} data is not on this machine and can't be downloaded ({error}).\n"
            f"Connect to the internet and start again; or put {place.name} into a folder and name that "
            f"folder in FF_DATA; or put the original files into {raw / _TORCHVISION[name] / 'raw'}."
        ) from None
    parts = (train.data, train.targets, test.data, test.targets)
    arrays = {key: np.asarray(part, dtype=np.uint8) for key, part in zip(_KEYS, parts, strict=True)}
    unfinished = place.with_suffix(f".{os.getpid()}.tmp")
    with open(unfinished, "wb") as file:
        np.savez_compressed(file, **arrays)
    os.replace(unfinished, place)
    return arrays


def _digits() -> Splits:
    """Scikit-learn's 1,797 digits of 8 × 8 pixels, centred in 28 × 28 so that the label pixels are free."""
    from sklearn.datasets import load_digits

    bundle = load_digits()
    order = np.random.default_rng(0).permutation(len(bundle.images))  # Writers come in blocks.
    images = np.zeros((len(order), 28, 28), np.uint8)
    images[:, 10:18, 10:18] = np.round(bundle.images[order] * (255 / 16))
    labels = bundle.target[order].astype(np.uint8)
    arrays = dict(zip(_KEYS, (images[:-360], labels[:-360], images[-360:], labels[-360:]), strict=True))
    tensors = [torch.from_numpy(arrays[key]) for key in _KEYS]
    return split("digits", *tensors, validation=360, checksum=_checksum(arrays))


class Shifter:
    """Shifts images by whole pixels, zeros coming in at the edge: `jitter` of the run configuration.

    Padding by p pixels and cropping at one of the (2p+1)² places gives exactly the shifts of up to ±p.
    `images` uint8 [n, (channels,) height, width].
    """

    def __init__(self, images: Tensor, reach: int):
        self.reach, self.count = reach, (2 * reach + 1) ** 2
        height, width = images.shape[-2:]
        padded = torch.nn.functional.pad(images, (reach,) * 4)
        self.row = padded.shape[-1]
        places = torch.arange(padded[0].numel(), device=images.device).view(padded.shape[1:])
        self.window = places[..., :height, :width].flatten()
        self.padded = padded.flatten(1)

    def __call__(self, rows: Tensor, shifts: Tensor) -> Tensor:
        """Images `rows` [batch] shifted by `shifts` [batch] in 0..count−1: uint8 [batch, pixels].

        Shift s crops at row s // (2p+1) and column s % (2p+1) of the padded image.
        """
        side = 2 * self.reach + 1
        corner = (shifts // side) * self.row + shifts % side
        return self.padded[rows].gather(1, corner[:, None] + self.window)
