"""What the book adds to Sphinx: buttons that need the repository's address, examples in docstrings, roles, spaces."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms.post_transforms import SphinxPostTransform

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


def mend_defaults(app, what, name, obj, options, signature: str | None, returns: str | None) -> tuple | None:
    """A default made by a factory is not Python; with it Sphinx would show the signature as it stands."""
    return (signature.replace("<factory>", "{}"), returns) if signature and "<factory>" in signature else None


def skip_plain_fields(app, what, name, obj, skip: bool, options) -> bool | None:
    """A field of a named tuple has a docstring of Python's own that says nothing; the class describes its fields."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


class KeepTogether(SphinxPostTransform):
    """No line ends within 4 × 2000 or 1.36 %, whose number may be a node of its own.

    Comes after all that puts text into a page.
    """

    default_priority = 999

    def run(self, **kwargs) -> None:
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, (nodes.FixedTextElement, nodes.literal, nodes.math)):
                continue
            kept = re.sub(r"(?:^|(?<=\d)) (?=[×%])|(?<=×) (?=\d|$)", "\N{NO-BREAK SPACE}", text)
            if kept != text:
                text.parent.replace(text, nodes.Text(kept))


def describe_citations(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Give the entries of the list of references the role of list items: docutils' own is out of use."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", add_buttons)
    app.connect("autodoc-process-docstring", mark_examples)
    app.connect("autodoc-process-signature", mend_defaults)
    app.connect("autodoc-skip-member", skip_plain_fields)
    app.connect("html-page-context", describe_citations)
    app.add_post_transform(KeepTogether)
    return {"parallel_read_safe": True}
