"""The book as a reader sees it: built, then opened from disk in a browser that has no network."""

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "build/book/_build/html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# What is left in the text where markup or mathematics was not rendered.
RAW = re.compile(r"\{(glue|math|cite|numref|ref|doc|eq)[:}]|\[glue|\\\(|\\\)|\\\[|\$\$")

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
# What a reader sees, less code, where such markup may well be the subject.
TEXT = """() => {
    const article = document.querySelector("article").cloneNode(true)
    article.querySelectorAll("pre, code, script, style").forEach(node => node.remove())
    return article.textContent
}"""


def pages() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


@pytest.fixture(scope="module")
def book() -> Path:
    """The folder of the HTML, built by the command a reader types."""
    own = ("FF_RESULTS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(["make", "book"], cwd=ROOT, env=environment, capture_output=True, text=True)
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


@pytest.mark.parametrize("name", ["index", *pages()])
def test_page(page: Page, book: Path, name: str):
    page.goto((book / f"{name}.html").as_uri())
    page.wait_for_selector("article h1")
    problems = page.evaluate(INSPECT)
    problems += [f"raw markup: {found.group()}" for found in RAW.finditer(page.evaluate(TEXT))]
    assert not problems, "\n".join(problems)


def test_search_works_from_disk(page: Page, book: Path):
    page.goto((book / "search.html").as_uri() + "?q=goodness")
    page.wait_for_selector("#search-results li a")
