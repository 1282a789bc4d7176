"""The book as a reader sees it: built, then opened from disk in a browser that has no network."""

import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import axe_playwright_python
import nbformat
import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "build/html/_build/html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# What is left in the text where markup or mathematics was not rendered.
RAW = re.compile(r"\{(glue|math|cite|numref|ref|doc|eq)[:}]|\[glue|\\\(|\\\)|\\\[|\$\$")

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# Mathematics has markup of its own for screen readers, thousands of elements that axe has nothing to say about.
CHECK_ACCESS = """async (rules) => {
    const results = await axe.run(
        {exclude: [["mjx-container"]]}, {resultTypes: ["violations"], preload: false, ...rules})
    return results.violations.filter(found => ["serious", "critical"].includes(found.impact)).flatMap(found =>
        found.nodes.map(node => `${found.impact}: ${found.help}: ${node.html}`))
}"""
# What is wrong with the images and the mathematics of a page.
INSPECT = """async () => {
    const problems = []
    for (const image of document.images) {
        image.loading = "eager"
        await image.decode().catch(() => null)
        if (!image.naturalWidth) problems.push("broken image " + image.src)
        if (!image.alt.trim()) problems.push("image without alternative text " + image.src)
    }
    if (document.querySelector(".math")) await MathJax.startup.promise
    for (const math of document.querySelectorAll(".math"))
        if (!math.querySelector("mjx-container")) problems.push("mathematics not rendered: " + math.textContent)
    // An unknown macro is no error to MathJax: it shows its name in red.
    for (const error of document.querySelectorAll("mjx-merror, mjx-container mtext[mathcolor=red]"))
        problems.push("wrong mathematics: " + (error.getAttribute("data-mjx-error") || error.textContent))
    return problems
}"""
# What makes a page scroll sideways: elements beyond its edge that don't scroll by themselves.
WIDE = """() => {
    if (document.scrollingElement.scrollWidth <= innerWidth) return []
    const wide = [...document.querySelectorAll("main *")].filter(node =>
        node.getBoundingClientRect().right > innerWidth && !node.closest("pre, .output, mjx-container, .container"))
    return ["the page", ...wide.slice(0, 5).map(node => node.outerHTML.slice(0, 200))]
}"""
# The paragraphs, less code and mathematics, and less what the page for drawing writes by itself.
PROSE = """() => [...document.querySelectorAll("main p:not(#draw p)")].map(paragraph => {
    const copy = paragraph.cloneNode(true)
    copy.querySelectorAll("pre, code, .math").forEach(node => node.remove())
    return copy.textContent
})"""
# What a reader sees, less code, where such markup may well be the subject.
TEXT = """() => {
    const main = document.querySelector("main").cloneNode(true)
    main.querySelectorAll("pre, code, script, style").forEach(node => node.remove())
    return main.textContent
}"""


def pages() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


class Links(HTMLParser):
    """The addresses that a page refers to, and the places in it that others can refer to."""

    def __init__(self, page: Path):
        super().__init__()
        self.addresses: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in ("href", "src"):
                self.addresses.add(value)


@pytest.fixture(scope="module")
def book() -> Path:
    """The folder of the HTML, built by the command a reader types, here in the environment of the tests.

    From the stored notebooks: that executing them gives the same is what nbval checks.
    """
    own = ("FF_RESULTS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        ["make", "html", "VENV_HTML=.venv"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert done.stdout.splitlines()[-1] == f"first page: {(HTML / 'index.html').relative_to(ROOT)}"
    return HTML


@contextmanager
def chromium():
    """The browser; where there is none, the test is skipped, or fails where CI=true."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        reason = f"NO BROWSER: the built pages were not checked. Put one of {', '.join(BROWSERS)} on the PATH."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser(book):
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser):
    """A page without network; what goes wrong on it is found at the end of the test."""
    context = browser.new_context()
    problems = []

    def refuse(route):
        problems.append(f"asked the network for {route.request.url}")
        route.abort()

    context.route(re.compile(r"^(?!file:|data:|blob:)"), refuse)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", lambda message: message.type == "error" and problems.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"could not load {request.url}"))
    yield page
    context.close()
    assert not problems, "\n".join(problems)


def test_book_builds(book):
    assert (book / "index.html").exists()


def test_links_within_the_book_lead_somewhere(book):
    found = {path: Links(path) for path in book.rglob("*.html") if "_static" not in path.parts}
    broken = []
    for path, links in found.items():
        for address in links.addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = found[target].anchors if target in found else set()
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{path.relative_to(book)}: {address}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("name", ["index", "search", "genindex", *pages()])
def test_page(page: Page, book: Path, name: str):
    page.goto((book / f"{name}.html").as_uri())
    page.wait_for_selector("main h1", state="attached")
    problems = page.evaluate(INSPECT)
    problems += [f"raw markup: {found.group()}" for found in RAW.finditer(page.evaluate(TEXT))]
    prose = "\n".join(page.evaluate(PROSE))
    problems += [f"a line may end within: {found}" for found in re.findall(r"\d [×%]|× \d", prose)]
    page.evaluate(AXE)
    page.add_style_tag(content="* { transition: none !important }")  # A colour on its way has no contrast yet.
    # What is said to a screen reader is the same in both modes; colours are not.
    for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_selector(f"html[data-theme={scheme}]")
        problems += [f"{scheme}: {problem}" for problem in page.evaluate(CHECK_ACCESS, rules)]
    page.set_viewport_size({"width": 390, "height": 800})
    problems += [f"wider than a phone: {found}" for found in page.evaluate(WIDE)]
    assert not problems, "\n".join(problems)


def test_runs_can_be_filtered_and_sorted(page: Page, book: Path):
    page.goto((book / "notebooks/99-runs.html").as_uri())
    rows = page.locator("table.searchable tbody tr")
    everything = rows.count()
    page.get_by_role("searchbox", name="Filter").fill("hinton 3×1000")
    assert rows.locator("visible=true").count() == 0
    page.get_by_role("searchbox", name="Filter").fill("hinton 1000")
    assert 0 < rows.locator("visible=true").count() < everything
    page.get_by_role("searchbox", name="Filter").fill("")
    for descending in (False, True):
        page.get_by_role("button", name="validation (%)").click()
        errors = [float(text) for text in rows.locator("td:nth-child(4)").all_text_contents()]
        assert len(errors) == everything and errors == sorted(errors, reverse=descending)


def test_the_address_of_the_repository_brings_the_buttons(tmp_path):
    """One page with the book's own settings and an address in them."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["repository"]["url"] = "https://github.com/somebody/book"
    (tmp_path / "_config.yml").write_text(json.dumps(config))
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: notebooks/page")
    shutil.copytree(ROOT / "book", tmp_path / "book")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Page")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks/page.ipynb")
    subprocess.run([ROOT / ".venv/bin/jupyter-book", "build", tmp_path], check=True, capture_output=True)
    addresses = Links(tmp_path / "_build/html/notebooks/page.html").addresses
    assert "https://github.com/somebody/book" in addresses
    colab = "https://colab.research.google.com/github/somebody/book/blob/launch/notebooks/page.ipynb"
    assert colab in addresses


def test_search_works_from_disk(page: Page, book: Path):
    page.goto((book / "search.html").as_uri() + "?q=goodness")
    page.wait_for_selector("#search-results li a")
