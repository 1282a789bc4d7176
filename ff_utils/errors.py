"""The one kind of error that is the caller's to mend."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can put right. Its text says what is wrong and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: the text alone, without the way through our code."""
        return [f"error: {self}"]


@contextmanager
def explained(place: Path, kept: str = "", variable: str = "FF_RESULTS"):
    """Turn a failing write below `place` into a `UserError` that says what to do.

    `kept` says what is not lost; `variable` is the environment variable that names another folder.
    """
    try:
        yield
    except OSError as error:
        elsewhere = f"name another folder in {variable}"
        advice = {
            errno.ENOSPC: "the disk is full: free some space",
            errno.EDQUOT: "your disk quota is used up: free some space",
            errno.EACCES: f"you may not write there: change its permissions, or {elsewhere}",
            errno.EROFS: f"it is read-only: {elsewhere}",
            errno.ENOTDIR: f"a part of that path is a file and no folder: {elsewhere}",
            errno.EEXIST: f"there is a file in the place of a folder: {elsewhere}",
            errno.EISDIR: f"there is a folder in the place of a file: {elsewhere}",
        }.get(error.errno, str(error))
        raise UserError(f"cannot write to {place}: {advice}.{' ' + kept if kept else ''}") from error
