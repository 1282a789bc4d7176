"""The chapters: source and stored notebook agree, and every chapter trains for real on tiny nets."""

import functools
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from ff_utils import UserError

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.py"))


@functools.cache
def notebooks():
    """The module book/notebooks.py."""
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "book/notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_stored_notebooks_follow_from_their_sources():
    assert notebooks().check(notebooks().sources([])) == 0


def test_every_figure_and_table_is_referred_to():
    sources = [path.read_text() for path in (ROOT / "notebooks").glob("*.py")]
    named = re.findall(r'"name": "((?:fig|tab)-[\w-]+)"', "".join(sources))
    referred = re.findall(r"\{(?:numref|ref)\}`(?:[^`<]*<)?((?:fig|tab)-[\w-]+)>?`", "".join(sources))
    assert len(named) > 150
    assert set(named) == set(referred)


def test_python_of_the_solutions_runs(tmp_path, monkeypatch):
    """That of solutions which stand on their own, on the digits in place of MNIST."""
    small = (
        ('load("mnist")', 'load("digits")'),
        ('recipe("', 'recipe(dataset="digits", name="'),
        ('profile_named("quick")', 'profile_named("smoke")'),
    )
    script = []
    for chapter in CHAPTERS:
        text = re.sub(r"^# ?", "", (ROOT / f"notebooks/{chapter}.py").read_text(), flags=re.MULTILINE)
        for code in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
            if "from ff_utils" in code and "trained(" not in code and "tables." not in code:
                for old, new in small:
                    code = code.replace(old, new)
                script.append(f"exec({code!r}, {{'__name__': '__main__'}})")
    assert len(script) == 6
    for name in ("FF_CACHE", "FF_RESULTS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    done = subprocess.run([sys.executable, "-c", "\n".join(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Kernels that each use every core would slow each other down."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def shared_folders(tmp_path_factory, monkeypatch):
    """Chapters find the runs that others have trained before them."""
    for name in ("FF_CACHE", "FF_RESULTS"):
        monkeypatch.setenv(name, str(tmp_path_factory.getbasetemp() / "chapters" / name))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_runs_from_scratch(chapter, tmp_path, shared_folders):
    source, output = ROOT / f"notebooks/{chapter}.py", tmp_path / f"{chapter}.ipynb"
    # What `auto` can't train, it says and leaves open.
    train = "missing" if 'train = "auto"' in source.read_text(encoding="utf-8") else "never"
    notebooks().run_chapter(source, output, {"profile": "smoke", "train": train})


@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if "03" <= name < "13"])
def test_chapter_of_the_search_log_without_any_run_says_what_is_open(chapter, tmp_path):
    output = tmp_path / f"{chapter}.ipynb"
    notebooks().run_chapter(ROOT / f"notebooks/{chapter}.py", output, {"profile": "paper", "train": "never"})
    executed = nbformat.read(output, as_version=4)
    shown = str([cell.get("outputs") for cell in executed.cells])
    assert "open" in shown and "python -m ff_utils study" in shown


@pytest.mark.parametrize("parameter", ["profile", "train"])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_refuses_a_parameter_before_any_work(chapter, parameter):
    """Its first cells, run here: starting a kernel takes a hundred times as long."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", as_version=4)
    parameters, head = [cell for cell in notebook.cells if cell.cell_type == "code"][:2]
    assert "parameters" in parameters.metadata.tags
    namespace = {}
    exec(parameters.source, namespace)
    assert parameter in namespace
    namespace[parameter] = "nonsense"
    with pytest.raises(UserError, match=f"^{parameter}: "):
        exec(head.source, namespace)


@pytest.mark.parametrize("parameter", ["profile", "train"])
def test_chapter_refuses_a_parameter_that_means_nothing(parameter, tmp_path):
    arguments = ["execute", tmp_path, "--only", "03-theta", "-p", parameter, "nonsense"]
    done = subprocess.run([sys.executable, ROOT / "book/notebooks.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: chapter 03-theta" in done.stderr and f"{parameter}: " in done.stderr


def test_launched_notebook_fetches_the_book_first(tmp_path):
    notebooks().write_launch_notebooks(tmp_path, "https://github.com/somebody/book")
    for chapter in CHAPTERS:
        launched, stored = (
            nbformat.read(folder / f"{chapter}.ipynb", as_version=4) for folder in (tmp_path, ROOT / "notebooks")
        )
        assert "git clone --quiet --depth 1 https://github.com/somebody/book " in launched.cells[0].source
        assert launched.cells[1:] == stored.cells
