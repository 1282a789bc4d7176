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


@pytest.mark.parametrize("chapter, parameter", [*((chapter, "profile") for chapter in CHAPTERS), ("03-theta", "train")])
def test_chapter_refuses_a_parameter_that_means_nothing(chapter, parameter, tmp_path):
    arguments = ["execute", tmp_path, "--only", chapter, "-p", parameter, "nonsense"]
    done = subprocess.run([sys.executable, ROOT / "book/notebooks.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"error: chapter {chapter}" in done.stderr and f"{parameter}: " in done.stderr
