"""The chapters: from `notebooks/NN-name.py`, the only source, to executed notebooks.

  python book/notebooks.py derive                 execute every chapter and store notebooks/NN-name.ipynb
  python book/notebooks.py execute build/book     the same into a folder from which jupyter-book builds
  python book/notebooks.py execute build/quick -p profile quick
  python book/notebooks.py check                  does every stored notebook still have its source's cells?
  python book/notebooks.py launch build/launch    the stored notebooks for a machine that has nothing but Python

`--only 03-theta` restricts a command to one chapter; it can be given more than once. Up to four chapters are executed
at a time; `--jobs` gives another number.
"""

from __future__ import annotations

import argparse
import difflib
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import papermill
import yaml
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from ff_utils.files import replacing
from ff_utils.record import processor

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# A kernel warns that its messages aren't encrypted, though they never leave the machine, and calls the interrupt that
# ends it an error. What goes wrong in a cell arrives by another way.
QUIETLY = {"extra_arguments": ["--log-level=CRITICAL"]}
# The first cell of a chapter on a machine that has only Python and IPython, such as one of Google Colab.
FETCH = """\
# Fetch the book and install its package.
!git clone --quiet --depth 1 {address} book
%cd book/notebooks
%pip install --quiet .. myst-nb
"""

# The kernel `python3` is the one of the environment that runs this, not one the user has elsewhere.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"


class ChapterError(Exception):
    """What is wrong with a chapter, in one line or a few."""


def sources(only: list[str]) -> list[Path]:
    """The chapters' sources in reading order; `only`: those of these names."""
    found = {path.stem: path for path in sorted(NOTEBOOKS.glob("[0-9]*.py"))}
    if unknown := [name for name in only if name not in found]:
        raise ChapterError(f"no chapter {', '.join(unknown)}; the chapters are {', '.join(found)}")
    return [path for name, path in found.items() if not only or name in only]


def read_source(path: Path) -> NotebookNode:
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)  # How the source is spaced is no part of a cell.
    return notebook


def run_chapter(source: Path, output: Path, parameters: dict) -> None:
    """Execute a chapter and write it to `output`. Raises `ChapterError` where it fails."""
    notebook = read_source(source)
    check_parameters(notebook, parameters)
    try:
        executed = papermill.execute_notebook(
            notebook, None, parameters, cwd=NOTEBOOKS, kernel_name=KERNEL["name"], progress_bar=False, **QUIETLY
        )
    except PapermillExecutionError as error:
        line = next((line for line in error.source.splitlines() if line.strip()), "")
        raise ChapterError(f"cell [{error.exec_count}] ({line}) failed: {error.ename}: {error.evalue}") from None
    except DeadKernelError:
        raise ChapterError("its kernel died; was there enough memory?") from None
    write_notebook(clean(executed), output)


def check_parameters(notebook: NotebookNode, parameters: dict) -> None:
    known = list(papermill.inspect_notebook(notebook))
    if unknown := [name for name in parameters if name not in known]:
        raise ChapterError(f"no parameter {', '.join(unknown)}; its parameters are {', '.join(known) or 'none'}")


def clean(notebook: NotebookNode) -> NotebookNode:
    """Drop what differs from one execution to the next without meaning anything."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.language_info.pop("version", None)
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    return notebook


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Replace `path` in one step: who stops the command keeps the old notebook."""
    with replacing(path) as file:
        file.write(f"{nbformat.writes(notebook)}\n".encode())


def run_chapters(chapters: list[Path], folder: Path, parameters: dict, jobs: int) -> dict[str, float]:
    """Execute all `chapters` into `folder`, `jobs` at a time; returns the seconds of those that did not fail."""
    folder.mkdir(parents=True, exist_ok=True)
    # Kernels that each use every core would slow each other down.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    run = partial(timed_chapter, folder=folder, parameters=parameters)
    seconds = {}
    with multiprocessing.Pool(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        # Side by side from the last, since those that take longest are among the later ones. One at a time in reading
        # order: a chapter then takes the time of what those before it have not trained.
        order = chapters[::-1] if jobs > 1 else chapters
        for number, (chapter, took, error) in enumerate(pool.imap_unordered(run, order), 1):
            print(f"[{number}/{len(chapters)}] {chapter}: {'failed' if error else f'{took:.0f} s'}", flush=True)
            if error:
                print(f"error: chapter {chapter}: {error}", file=sys.stderr, flush=True)
            else:
                seconds[chapter] = took
    return seconds


def timed_chapter(chapter: Path, folder: Path, parameters: dict) -> tuple[str, float, str | None]:
    """Execute a chapter into `folder`; returns its name, its seconds, and what went wrong."""
    started = time.monotonic()
    try:
        run_chapter(chapter, folder / f"{chapter.stem}.ipynb", parameters)
        error = None
    except ChapterError as found:
        error = str(found)
    except Exception as found:  # Whatever it is, the other chapters go on.
        error = f"{type(found).__name__}: {found}"
    return chapter.stem, time.monotonic() - started, error


def save_times(path: Path, seconds: dict[str, float], profile: str) -> None:
    """Keep how long each chapter took at `profile` here, in place of what the table `path` says of it."""
    key = ["chapter", "profile"]
    table = pd.DataFrame({"chapter": seconds.keys(), "seconds": seconds.values()}).assign(
        profile=profile, machine=f"{processor()}, {os.cpu_count()} cores"
    )
    table = table.set_index(key)
    if path.exists():
        table = table.combine_first(pd.read_csv(path, index_col=key))
    table.sort_index().to_csv(path, float_format="%.0f")


def repository_address() -> str:
    address = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    if not address:
        raise ChapterError("name the address of the repository in _config.yml, under repository: url")
    return address


def write_launch_notebooks(folder: Path, address: str) -> None:
    """Copy the stored notebooks with a first cell that fetches the book from `address` and installs the package."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources([]):
        notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
        fetch = nbformat.v4.new_code_cell(FETCH.format(address=address), id="fetch")
        notebook.cells.insert(0, fetch)
        nbformat.write(notebook, folder / source.with_suffix(".ipynb").name)


def copy_frame(folder: Path) -> None:
    """Put beside the chapters in `folder` what else the book is built from."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.rmtree(folder / "book", ignore_errors=True)
    scripts = shutil.ignore_patterns("notebooks.py", "excerpts.py", "__pycache__")
    shutil.copytree(ROOT / "book", folder / "book", ignore=scripts)


def differences(source: Path) -> Iterator[str]:
    """The lines in which a stored notebook, written as py:percent, differs from its source."""
    stored = source.with_suffix(".ipynb")
    if not stored.exists():
        yield f"{stored.name} does not exist"
        return

    def as_text(notebook: NotebookNode) -> list[str]:
        notebook.metadata = nbformat.from_dict({})
        for cell in notebook.cells:  # A stored notebook has its keys in alphabetical order.
            cell.metadata = nbformat.from_dict(dict(sorted(cell.metadata.items())))
        return jupytext.writes(notebook, fmt="py:percent").splitlines()

    ours, theirs = as_text(read_source(source)), as_text(nbformat.read(stored, as_version=4))
    yield from difflib.unified_diff(ours, theirs, source.name, stored.name, n=0, lineterm="")


def check(chapters: list[Path]) -> int:
    """Report the chapters whose stored notebook does not follow from the source; returns how many."""
    failed = 0
    for chapter in chapters:
        if lines := list(differences(chapter)):
            failed += 1
            print(f"error: chapter {chapter.stem} and its stored notebook differ; run: make notebooks", file=sys.stderr)
            print("\n".join(f"    {line}" for line in lines[:12]), file=sys.stderr)
    return failed


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("derive", "execute", "check", "launch"):
        command = commands.add_parser(name)
        if name in ("execute", "launch"):
            command.add_argument("folder", type=Path)
        if name != "launch":
            command.add_argument("--only", action="append", default=[], metavar="CHAPTER")
        if name in ("derive", "execute"):
            few = min(4, os.cpu_count() or 1)
            command.add_argument("--jobs", type=int, default=few, choices=range(1, 17), metavar="N")
        if name == "execute":
            command.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
            command.add_argument(
                "--times", type=Path, metavar="TABLE", help="keep there how long chapters took, one at a time"
            )
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    for name in ("FF_DATA", "FF_CACHE", "FF_RESULTS"):  # Chapters run in a folder of their own.
        if os.environ.get(name):
            os.environ[name] = os.path.abspath(os.environ[name])
    try:
        if arguments.command == "launch":
            write_launch_notebooks(arguments.folder, repository_address())
            return 0
        chapters = sources(arguments.only)
    except ChapterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if arguments.command == "check":
        return 1 if check(chapters) else 0
    if arguments.command == "derive":
        seconds = run_chapters(chapters, NOTEBOOKS, {}, arguments.jobs)
    else:
        try:
            parameters = {name: yaml.safe_load(value) for name, value in arguments.p}
        except yaml.YAMLError as error:
            print(f"error: -p takes a value in YAML, and this is none: {error}", file=sys.stderr)
            return 2
        copy_frame(arguments.folder)
        jobs = 1 if arguments.times else arguments.jobs
        seconds = run_chapters(chapters, arguments.folder / "notebooks", parameters, jobs)
        if arguments.times:
            save_times(arguments.times, seconds, parameters.get("profile", "stored runs"))
    return 1 if len(seconds) < len(chapters) else 0


if __name__ == "__main__":
    sys.exit(main())
