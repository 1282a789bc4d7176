"""The folders that the package reads and writes, and files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs

from .errors import UserError


def cache_folder() -> Path:
    """Where checkpoints and downloaded data live: `FF_CACHE`, else the user's cache directory."""
    return Path(os.environ.get("FF_CACHE") or platformdirs.user_cache_dir("ff_utils", appauthor=False))


def project_folder() -> Path:
    """The book's folder: the nearest, from the working directory and then from this file upwards, with a `_toc.yml`.

    Raises `UserError` where there is none.
    """
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / "_toc.yml").exists():
                return folder
    raise UserError("the book's folder, which holds _toc.yml, was not found: start inside it")


def results_folder() -> Path:
    """`FF_RESULTS`, else `results/` of the book. Raises `UserError` where there is neither."""
    named = os.environ.get("FF_RESULTS")
    try:
        return Path(named) if named else project_folder() / "results"
    except UserError as error:
        raise UserError(f"{error}, or name a results folder in FF_RESULTS") from None


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` in one step when the block ends without an error.

    Until then `path` stays as it was. One process at a time: take a lock where another might write too.
    """
    unfinished = path.with_name(path.name + ".tmp")
    try:
        with open(unfinished, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
