"""A folder of one's own images, read as a data set: one sub-folder per class.

Whatever cannot be used is skipped and listed with its reason. A folder that leaves nothing to learn from is refused
with a message that says what to do.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps

from ..data import ImageSet, Splits
from ..errors import UserError

MOST_PIXELS = 60_000_000  # Of one file; larger ones take longer to decode than all others together.
FEWEST = 10  # Images of a class.
MOST_CLASSES = 100
SIDE = 32  # Pixels of what the nets see, along each axis.
SHARES = (0.6, 0.2)  # Of training and validation; the rest is for the test.
IGNORED = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Folder:
    """`splits`: the data. `names` of the classes, in the order of their labels; `table`: a row per class, how many
    files it has and how many were used. `skipped`: (file, reason), in order. `notes`: what was done to the images."""

    splits: Splits
    names: tuple[str, ...]
    table: pd.DataFrame
    skipped: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


class Unusable(Exception):
    """Why one file is skipped."""


def read_image(path: Path, side: int) -> np.ndarray:
    """The middle square of an image file as uint8 [side, side, 3]. Raises `Unusable`."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise Unusable(f"too large: {width} × {height} pixels, at most {MOST_PIXELS // 10**6} million are read")
            if min(width, height) < 2:
                raise Unusable(f"too small: {width} × {height} pixels")
            image.draft("RGB", (2 * side, 2 * side))  # Lets a JPEG be decoded at a fraction of its size.
            image = ImageOps.exif_transpose(image)
            return np.asarray(ImageOps.fit(_plain(image), (side, side), Image.Resampling.BOX))
    except Unusable:
        raise
    except Image.UnidentifiedImageError:
        raise Unusable("not an image, or of a format Pillow does not know") from None
    except Image.DecompressionBombError:
        raise Unusable(f"too large: at most {MOST_PIXELS // 10**6} million pixels are read") from None
    except Exception as error:  # Damaged files make the decoders raise nearly anything.
        raise Unusable(f"can't be read: {error or type(error).__name__}") from None


def _plain(image: Image.Image) -> Image.Image:
    """The image in RGB: what is transparent on white, more than 8 bits scaled down."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        if image.mode.startswith("I"):
            top = 65535 if values.max() > 255 else 255
        else:  # Fractions of white, or grey levels.
            top = 1 if values.max() <= 1 else max(values.max(), 255)
        image = Image.fromarray((values.clip(0, top) * (255 / top)).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def class_folders(folder: Path) -> dict[str, list[Path]]:
    """The files below each sub-folder, by its name. Raises `UserError` where there are not at least two."""
    if not folder.exists():
        raise UserError(f"images: there is no folder {folder}")
    if not folder.is_dir():
        raise UserError(f"images: {folder} is a file; give the folder that holds one sub-folder per class")
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        subfolders = [entry for entry in entries if entry.is_dir()]
        found = {entry.name: list(_files(entry)) for entry in subfolders}
    except OSError as error:
        raise UserError(f"images: {folder} can't be read ({error.strerror})") from None
    layout = f"Sort the images into one sub-folder per class: {folder}/cats/…, {folder}/dogs/…"
    if not entries:
        raise UserError(f"images: {folder} is empty. {layout}")
    if not found:
        raise UserError(f"images: {folder} has no sub-folders. {layout}")
    if len(found) == 1:
        raise UserError(f"images: {folder} has one class only ({next(iter(found))}); at least two are needed. {layout}")
    if len(found) > MOST_CLASSES:
        raise UserError(
            f"images: {folder} has {len(found)} classes; this comparison takes at most {MOST_CLASSES}. Make a folder "
            "with some of them."
        )
    return found


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower() not in IGNORED:
                yield Path(place) / name


def read_folder(path: str | Path, limit: int = 2000, side: int = SIDE) -> Folder:
    """Read the images below `path`, at most `limit`, equally many of each class where there are enough.

    `side`: their size in pixels, even. Which images are taken, and for which part, is
    drawn once and for all. Raises `UserError` where they are too few to learn from.
    """
    if side % 2 or not 8 <= side <= 128:
        raise UserError(f"side: {side} pixels; give an even number from 8 to 128")
    folder = Path(path).expanduser()
    files = class_folders(folder)
    quota = limit // len(files)
    if quota < FEWEST:
        raise UserError(f"limit: {limit} images are fewer than {FEWEST} for each of {len(files)} classes; raise it")
    draw = np.random.default_rng(0)
    kept, skipped, rows, seen = {}, [], [], {}
    for name, found in files.items():
        shuffled = [found[i] for i in draw.permutation(len(found))]
        kept[name] = list(islice(_usable(shuffled, side, folder, seen, skipped), quota))
        rows.append({"class": name, "files": len(found), "used": len(kept[name])})
    table = pd.DataFrame(rows).set_index("class")
    few = [name for name, images in kept.items() if len(images) < FEWEST]
    for name in few:
        skipped.append((name, f"class left out: {len(kept.pop(name))} usable images, at least {FEWEST} are needed"))
        table.loc[name, "used"] = 0
    if len(kept) < 2:
        reasons = Counter(reason.split(":")[0] for _, reason in skipped)
        counted = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
        raise UserError(
            f"images: {folder} leaves {len(kept)} class{'es' * (len(kept) != 1)} with at least {FEWEST} usable images; "
            f"two are needed. {counted}."
        )
    return _assembled(kept, table, skipped, side, folder, draw)


def _usable(files: list[Path], side: int, root: Path, seen: dict, skipped: list) -> Iterator[np.ndarray]:
    """The images of `files` that can be read and were not seen before; the others go to `skipped`."""

    def attempt(path: Path) -> np.ndarray | Unusable:
        try:
            return read_image(path, side)
        except Unusable as error:
            return error

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), 64):  # A class may have many more files than are needed.
            chunk = files[start : start + 64]
            for path, image in zip(chunk, pool.map(attempt, chunk), strict=True):
                name = str(path.relative_to(root))
                if isinstance(image, Unusable):
                    skipped.append((name, str(image)))
                    continue
                first = seen.setdefault(hashlib.sha256(image.tobytes()).digest(), name)
                if first != name:  # A copy in another part would make the test too easy.
                    skipped.append((name, f"looks the same as another: {first}"))
                    continue
                yield image


def _assembled(kept: dict, table: pd.DataFrame, skipped: list, side: int, folder: Path, draw) -> Folder:
    colour = any((image != image[..., :1]).any() for images in kept.values() for image in images)
    parts: dict[str, list] = {"train": [], "validation": [], "test": []}
    for label, images in enumerate(kept.values()):
        first, second = (round(share * len(images)) for share in (SHARES[0], sum(SHARES)))
        for part, chosen in (
            ("train", images[:first]),
            ("validation", images[first:second]),
            ("test", images[second:]),
        ):
            parts[part] += [(image, label) for image in chosen]

    def image_set(pairs: list) -> ImageSet:
        order = draw.permutation(len(pairs))
        images = np.stack([pairs[i][0] for i in order])
        images = np.moveaxis(images, -1, 1) if colour else images[..., 0]
        labels = np.array([pairs[i][1] for i in order], dtype=np.uint8)
        return ImageSet(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels))

    sets = {part: image_set(pairs) for part, pairs in parts.items()}
    digest = hashlib.sha256(b"".join(s.images.numpy().tobytes() + s.labels.numpy().tobytes() for s in sets.values()))
    counts = [f"{len(part):,} for {name}" for name, part in sets.items()]
    notes = [
        f"{'in colour' if colour else 'grey'}, the middle square of each, scaled to {side} × {side} pixels",
        ", ".join(counts),
    ]
    splits = Splits(folder.name, **sets, checksum=digest.hexdigest())
    return Folder(splits, tuple(kept), table, tuple(skipped), tuple(notes))
