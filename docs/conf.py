"""How the pages are built, by ``./dev docs``. They need no network and no script of others'.

Three things are ours: formulas become MathML, which browsers draw themselves; code spans such as
`derivata.objective.Expansion` become links; and docstrings are shown as they stand in the source,
which is how they are written to be read.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes

import derivata

project = "derivata"
copyright = "the derivata developers"
version = release = derivata.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
root_doc = "index"
exclude_patterns = ["_build", "measured"]

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "derivata"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["derivata.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "architecture": []}
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": {
        "index": ["page-toc"],
        "architecture": ["page-toc"],
        "math/**": ["page-toc"],
        "how_to/**": ["page-toc"],
        "rooms/**": [],
    },
    "footer_start": ["copyright"],
    "footer_end": [],
}

OUR_NAME = re.compile(r"derivata(\.\w+)+")
# Pages whose docstrings stand as they are; the others' go through numpydoc.
VERBATIM = "rooms/"


def setup(app: Any) -> None:
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))
    app.connect("doctree-read", _link_names)
    app.connect("autodoc-process-docstring", _escape, priority=100)  # before numpydoc
    app.connect("autodoc-process-docstring", _keep_as_written, priority=900)  # after it


def _inline_math(translator: Any, node: nodes.Node) -> None:
    translator.body.append(tex2mathml(_primes_first(node.astext())))
    raise nodes.SkipNode


def _block_math(translator: Any, node: nodes.Node) -> None:
    formula = tex2mathml(_primes_first(node.astext()), as_block=True)
    translator.body.append(f"<div class='formula'>{formula}</div>\n")
    raise nodes.SkipNode


def _primes_first(tex: str) -> str:
    """Make primes part of what they stand on; docutils would hang an index on the last prime."""
    return re.sub(r"((?:\\[a-zA-Z]+|\w)'+)(?=[_^])", r"{\1}", tex)


def _link_names(app: Any, doctree: nodes.document) -> None:
    """Let each code span with a full name refer to that name, where it is documented."""
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if OUR_NAME.fullmatch(name) and not isinstance(literal.parent, nodes.reference):
            link = addnodes.pending_xref(
                "", refdomain="py", reftype="obj", reftarget=name, refwarn=False
            )
            literal.replace_self(link)
            link += literal


def _keep_as_written(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    if app.env.docname.startswith(VERBATIM) and lines:
        written = (inspect.getdoc(obj) or "").splitlines()
        block = [".. code-block:: text", "   :class: docstring", ""]
        lines[:] = [*block, *(f"   {line}" for line in written)]


def _escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep |w|, alpha_ and `code` in our docstrings from being read as reStructuredText."""
    if app.env.docname.startswith(VERBATIM):
        return
    for number, line in enumerate(lines):
        parts = re.split(r"(``[^`]+``)", line)
        for place, part in enumerate(parts):
            if part.startswith("``") or ">>>" in line:
                continue
            part = re.sub(r"`([^`]+)`", r"``\1``", part)
            words = re.split(r"(``[^`]+``)", part)
            words[::2] = [re.sub(r"([|*]|(?<=\w)_(?!\w))", r"\\\1", word) for word in words[::2]]
            parts[place] = "".join(words)
        lines[number] = "".join(parts)
