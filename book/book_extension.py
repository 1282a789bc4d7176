"""What the book adds to Sphinx: buttons that need the repository's address, examples in docstrings, roles."""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.config import Config

BUTTONS = {
    "use_repository_button": True,
    "use_issues_button": True,
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
}


def add_buttons(app: Sphinx, config: Config) -> None:
    """Show the buttons that link to the repository once `repository.url` of _config.yml names it."""
    if config.html_theme_options.get("repository_url"):
        config.html_theme_options |= BUTTONS


def mark_examples(app, what, name, obj, options, lines: list[str]) -> None:
    """An indented block of a docstring is shown as code, as in Markdown."""
    for i in range(len(lines) - 1, 0, -1):
        before = next((line for line in reversed(lines[:i]) if line), "")
        if lines[i].startswith("    ") and not lines[i - 1] and not before.startswith("    "):
            lines[i:i] = ["::", ""]


def describe_citations(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Give the entries of the list of references the role of list items: docutils' own is out of use."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", add_buttons)
    app.connect("autodoc-process-docstring", mark_examples)
    app.connect("html-page-context", describe_citations)
    return {"parallel_read_safe": True}
