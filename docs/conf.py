"""Settings of Sphinx for the documentation site: `make docs-site` builds it into build/site.

The pages are those that a reader of the repository sees as well. Links from them to files outside of docs/ lead to the
repository where its address is known, as it is in GitHub's workflows.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

import puffer  # noqa: E402

project = "puffer"
author = copyright = "The puffer authors"
version = release = puffer.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.intersphinx", "sphinx_copybutton"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
root_doc = "index"
html_theme = "furo"
html_title = f"puffer {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
pygments_style, pygments_dark_style = "friendly", "monokai"

# A link to a heading is written as GitHub makes it.
myst_heading_anchors = 4
# Pictures of a given width are <img> on the pages.
myst_enable_extensions = ["html_image"]
# A name in backticks is code, in docstrings as on the pages.
default_role = "code"
# `rows` is an attribute of several classes, and a word for a shape.
suppress_warnings = ["ref.python"]

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "groupwise"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = napoleon_use_ivar = False
# Only where there is a network; the names of NumPy and Gymnasium lead to their pages then.
intersphinx_mapping = {}
if os.environ.get("GITHUB_ACTIONS"):
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
    }

_SERVER, _NAME = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
_REPOSITORY = f"{_SERVER}/{_NAME}/blob/main" if _SERVER and _NAME else None
_OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./([^)]+)\)")
_PAGE = re.compile(r"^   (?:.* <)?([\w/-]+)>?$", re.MULTILINE)


def _without_outside(app: object, name: str, source: list[str]) -> None:
    """Turn links to files that are not on the site into links to the repository, or into their texts."""

    def other(match: re.Match[str]) -> str:
        text, path = match.groups()
        target = (DOCS / Path(name).parent / ".." / path.partition("#")[0]).resolve()
        if target.is_relative_to(DOCS):
            return match[0]
        return f"[{text}]({_REPOSITORY}/{target.relative_to(DOCS.parent)})" if _REPOSITORY else text

    source[0] = _OUTSIDE.sub(other, source[0])


def _with_every_page(app: object, name: str, source: list[str]) -> None:
    """List pages that no list of contents has at the end of the first page's, so that each can be reached."""
    if name == "environments/README":
        pages = sorted(path.stem for path in (DOCS / "environments").glob("*.md") if path.stem != "README")
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```\n"
    if name != root_doc:
        return
    listed = set(_PAGE.findall(source[0]))
    more = sorted(path.stem for path in DOCS.glob("*.md") if path.stem not in listed)
    if more:
        source[0] += "\n.. toctree::\n   :caption: More\n   :hidden:\n\n" + "".join(f"   {page}\n" for page in more)


def _as_restructured(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep the star of a shape, as in (rows, *shape), from beginning an emphasis, and show indented code as code."""
    for k, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        following = lines[k + 1 : k + 3]
        is_code = len(following) == 2 and not following[0].strip() and following[1].startswith(" " * (indent + 4))
        if is_code and line.endswith(":") and not line.endswith("::") and not line.lstrip().startswith((":", "..")):
            lines[k] = line = f"{line}:"
        parts = line.split("`")
        parts[::2] = [re.sub(r"(?<![\\*])\*(?=[^\s*])", r"\\*", part) for part in parts[::2]]
        lines[k] = "`".join(parts)


def setup(app: object) -> None:
    app.connect("source-read", _without_outside)
    app.connect("source-read", _with_every_page)
    # After napoleon, which reads the stars of parameters.
    app.connect("autodoc-process-docstring", _as_restructured, priority=900)
