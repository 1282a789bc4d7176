"""The chapters: source and stored notebook agree, and every chapter trains for real on tiny nets."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.py"))


def notebooks(*arguments) -> None:
    """Run book/notebooks.py; fails with its error message."""
    command = [sys.executable, ROOT / "book/notebooks.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_stored_notebook_follows_from_its_source(chapter):
    notebooks("check", "--only", chapter)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_runs_from_scratch(chapter, tmp_path):
    notebooks("execute", tmp_path / "out", "--only", chapter, "-p", "profile", "smoke")
