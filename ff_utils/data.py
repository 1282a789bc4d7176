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
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from .errors import UserError, explained
from .files import cache_folder, project_folder, replacing

MEND_CACHE = "Remove it; the next start fetches the data again."
VALIDATION = 10_000  # Of the training set, as in both sources; that it is the last ones is our choice.


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

    @property
    def classes(self) -> int:
        """How many classes there are; labels count from 0."""
        return int(self.train.labels.max()) + 1

    def to(self, device) -> Splits:
        return replace(self, **{part: getattr(self, part).to(device) for part in ("train", "validation", "test")})


# SHA-256 over the bytes of train_images, train_labels, test_images, test_labels in this order. For SVHN none is
# known here: torchvision checks the files it downloads.
CHECKSUMS = {
    "mnist": "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    "fashion_mnist": "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
    "cifar10": "a16a298fbd9199cee070fb3c3ab0d68595b78ec260a36738f299ed6e5ecf684b",
}
# torchvision's class, and where below its folder the original files belong.
_TORCHVISION = {
    "mnist": ("MNIST", "MNIST/raw"),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST/raw"),
    "cifar10": ("CIFAR10", "."),
    "svhn": ("SVHN", "."),
}
NAMES = (*_TORCHVISION, "digits")
_KEYS = ("train_images", "train_labels", "test_images", "test_labels")


def load(name: str) -> Splits:
    """The data set `name`. Raises `UserError` where it can't be had, is damaged or has no such name."""
    if name not in NAMES:
        raise UserError(f"no data set {name!r}; the data sets are {', '.join(NAMES)}")
    return _load(name, os.environ.get("FF_DATA"), str(cache_folder()))


@functools.lru_cache(maxsize=2)
def _load(name: str, data_folder: str | None, cache: str) -> Splits:
    if name == "digits":
        return _digits()
    if data_folder and not Path(data_folder).is_dir():
        raise UserError(f"FF_DATA is {data_folder}, and that is no folder; name the one that holds {name}.npz")
    places = _places(name, data_folder, cache)
    for place in places:
        if place.exists():
            # A file that the user has put there is the user's to remove.
            mend = MEND_CACHE if place == places[-1] else "Replace it, or name another folder in FF_DATA."
            arrays = _in_order(name, _read(place, mend))
            checksum = _check(name, arrays, place, mend)
            break
    else:
        folder = places[-1].parent
        if data_folder:
            warnings.warn(f"FF_DATA is {data_folder}, which has no {name}.npz: downloading it", stacklevel=3)
        # Of processes that start together, one downloads.
        with explained(folder, variable="FF_CACHE"), FileLock(folder / f"{name}.lock"):
            if places[-1].exists():  # By now: another process was quicker.
                return _load(name, data_folder, cache)
            arrays, checksum = _download(name, places[-1])
    tensors = [torch.from_numpy(arrays[key]) for key in _KEYS]
    return split(name, *tensors, validation=VALIDATION, checksum=checksum)


def _places(name: str, data_folder: str | None, cache: str) -> list[Path]:
    """The files that may hold a data set, in the order they are tried; the last may be downloaded to."""
    return [Path(folder) / f"{name}.npz" for folder in (data_folder, Path(cache) / "data") if folder]


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


def _read(path: Path, mend: str) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in _KEYS}
    except Exception as error:  # A damaged archive makes zipfile, its codecs and numpy raise nearly anything.
        raise UserError(f"{path} can't be read ({error}): it is damaged or incomplete. {mend}") from None


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in _KEYS:
        digest.update(np.ascontiguousarray(arrays[key]).tobytes())
    return digest.hexdigest()


def _in_order(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays in the order all copies agree on.

    Copies of CIFAR-10 differ in theirs: its images are put in the order of a hash of their content, which mixes
    the classes and divides into the same training and validation images everywhere.
    """
    if name != "cifar10":
        return arrays
    ordered = {}
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        keys = [hashlib.sha256(i.tobytes() + bytes([k])).digest() for i, k in zip(images, labels.tolist(), strict=True)]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        ordered[f"{part}_images"], ordered[f"{part}_labels"] = images[order], labels[order]
    return ordered


def _check(name: str, arrays: dict[str, np.ndarray], place: Path, mend: str) -> str:
    """The checksum of the arrays. Raises `UserError` if they are not the data set."""
    checksum = _checksum(arrays)
    if name in CHECKSUMS and checksum != CHECKSUMS[name]:
        raise UserError(f"{place} is not the {name} data set (its checksum differs). {mend}")
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        sound = images.dtype == labels.dtype == np.uint8 and images.ndim in (3, 4) and labels.shape == images.shape[:1]
        if not sound or len(images) == 0 or (part == "train" and len(images) <= VALIDATION):
            raise UserError(
                f"{place} is not the {name} data set: its {part} images are {images.dtype} {list(images.shape)}, "
                f"the labels {labels.dtype} {list(labels.shape)}. {mend}"
            )
    return checksum


def _original(name: str, folder: Path) -> dict[str, np.ndarray]:
    """The data set read by torchvision from its original files, which it downloads where they are missing."""
    from torchvision import datasets

    kind = getattr(datasets, _TORCHVISION[name][0])
    if name == "svhn":
        parts = [kind(folder, split=part, download=True) for part in ("train", "test")]
    else:
        parts = [kind(folder, train=is_train, download=True) for is_train in (True, False)]
    arrays = []
    for part in parts:
        images = np.asarray(part.data, dtype=np.uint8)
        if name == "cifar10":
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))  # There the channels come last.
        arrays += [images, np.asarray(part.labels if name == "svhn" else part.targets, dtype=np.uint8)]
    return _in_order(name, dict(zip(_KEYS, arrays, strict=True)))


def _download(name: str, place: Path) -> tuple[dict[str, np.ndarray], str]:
    raw = place.parent / "torchvision"
    try:
        arrays = _original(name, raw)
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        raise UserError(
            f"the {name} data is not on this machine and can't be downloaded ({error}).\n"
            f"Connect to the internet and start again, without {raw} if the files in it are damaged; or put "
            f"{place.name} into a folder and name that folder in FF_DATA; or put the original files into "
            f"{raw / _TORCHVISION[name][1]}."
        ) from None
    checksum = _check(name, arrays, raw, MEND_CACHE)
    with replacing(place) as file:
        np.savez_compressed(file, **arrays)
    return arrays, checksum


def _digits() -> Splits:
    """Scikit-learn's 1,797 digits of 8 × 8 pixels, each pixel drawn 3 × 3 and padded to 28 × 28.

    The padding leaves the label pixels free, and the image fills the frame about as MNIST's does.
    """
    from sklearn.datasets import load_digits

    bundle = load_digits()
    order = np.random.default_rng(0).permutation(len(bundle.images))  # Writers come in blocks.
    enlarged = np.kron(bundle.images[order], np.ones((1, 3, 3)))
    images = np.pad(np.round(enlarged * (255 / 16)).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
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
        return self.padded.index_select(0, rows).gather(1, corner[:, None] + self.window)


def excerpt(name: str, part: str, indices: Sequence[int]) -> ImageSet:
    """Some images of `part` ("train", "validation", "test"), never downloading anything.

    Out of the whole data set where this machine has it, else out of `results/excerpts`, so that a page that pictures a
    few images needs no data set. Raises `UserError` where neither holds them.
    """
    indices = [int(i) for i in indices]
    places = _places(name, os.environ.get("FF_DATA"), str(cache_folder()))
    if name == "digits" or any(place.exists() for place in places):
        whole = getattr(load(name), part)
        return ImageSet(whole.images[indices], whole.labels[indices])
    file = project_folder() / "results" / "excerpts" / f"{name}.npz"
    if file.exists():
        try:
            with np.load(file, allow_pickle=False) as archive:
                kept = archive[f"{part}_indices"].tolist()
                rows = [kept.index(i) for i in indices]
                return ImageSet(*(torch.from_numpy(archive[f"{part}_{key}"][rows]) for key in ("images", "labels")))
        except (KeyError, ValueError):
            problem = f"{file} lacks some of the {part} images {indices}"
        except Exception as error:  # As in `_read`.
            problem = f"{file} can't be read ({error})"
    else:
        problem = f"there is no excerpt of {name} here"
    raise UserError(f"{problem}, and the whole data set is not on this machine. Fetch it with: load({name!r})")


def write_excerpt(name: str, parts: dict[str, Sequence[int]], file: Path) -> None:
    """Write some images of each part of a data set to `file`, usually `results/excerpts/<name>.npz`."""
    arrays = {}
    for part, indices in parts.items():
        chosen = excerpt(name, part, indices)
        arrays[f"{part}_indices"] = np.array(indices, dtype=np.int32)
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = chosen.images.numpy(), chosen.labels.numpy()
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as whole:
        np.savez_compressed(whole, **arrays)
