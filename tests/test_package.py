"""The package as others use it: it declares what it imports, and nothing of the book is needed to import it."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from ff_utils.reporting import speed

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "ff_utils").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The first names of all absolute imports, those inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_every_import_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.match(r"[\w-]+", line).group().lower() for line in project["dependencies"]}
    distributions = packages_distributions()
    for path in MODULES:
        for name in imported(path) - set(sys.stdlib_module_names) - {"ff_utils"}:
            assert declared & {found.lower() for found in distributions[name]}, f"{path.name} imports {name}"


def test_every_module_is_described():
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("api-*.md"))
    described = set(re.findall(r"automodule:: ff_utils\.([\w.]+)", pages))
    modules = {".".join(path.relative_to(ROOT / "ff_utils").with_suffix("").parts) for path in MODULES}
    plain = {name for name in modules if "__" not in name}
    assert plain <= described <= plain | {name.removesuffix(".__init__") for name in modules}


def test_the_changes_of_the_record_log_are_in_the_history():
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True)

    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("no history here")
    for rung in speed.RUNGS.values():
        assert git("merge-base", "--is-ancestor", rung.commit, "HEAD").returncode == 0, rung
