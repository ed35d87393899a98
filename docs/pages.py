"""What pages have beside their text: a notebook's buttons, the other language, a theme's words."""

import json
import re
import shutil
from pathlib import Path

from sphinx.locale import _
from sphinx.search import SearchLanguage

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

# Words that Furo and sphinx-copybutton do not ask any catalogue for. Ours, sphinx.po, has them.
SPELLED_OUT = (
    "Toggle site navigation sidebar",
    "Toggle table of contents sidebar",
    "Toggle Light / Dark / Auto color theme",
    "Toggle navigation of",
    "Auto light/dark, in light mode",
    "Auto light/dark, in dark mode",
    "Light mode",
    "Dark mode",
    "Contents",
    "Menu",
    "Expand",
    "Copy",
    "Copied!",
    "Copy to clipboard",
    "Failed to copy",
)


class SearchVietnamese(SearchLanguage):
    """Whole words. Sphinx would take the rules of English, which drop "an", "in" and "to"."""

    lang = "vi"
    language_name = "Vietnamese"


def repository_of(notebook):
    """OWNER/NAME that tools/colab.py wrote into a notebook, or None: no button can lead there."""
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    found = re.search(r"git\+https://github\.com/([\w.-]+/[\w.-]+)", "".join(first["source"]))
    return found and found[1]


def describe(app, pagename, templatename, context, doctree):
    context["english"] = ("api", "modules") if app.config.language != "en" else ()
    path = NOTEBOOKS / f"{Path(pagename).name}.ipynb"
    if pagename.startswith("notebooks/") and path.exists():
        context["notebook"] = path.name
        context["repository"] = repository_of(json.loads(path.read_text(encoding="utf-8")))


def finish(app, exception):
    if app.builder.name != "html" or exception:
        return
    site = Path(app.outdir)
    for path in NOTEBOOKS.glob("*.ipynb"):  # as they are in the repository, beside their pages
        shutil.copy(path, site / "notebooks")
    words = "|".join(map(re.escape, SPELLED_OUT))
    spelled_out = re.compile(rf"""(aria-label="|<title>|: ')({words})(?=[ "<'])""")
    for path in [*site.rglob("*.html"), site / "_static/copybutton.js"]:
        text = path.read_text(encoding="utf-8")
        if app.config.language != "en":
            text = spelled_out.sub(lambda found: f"{found[1]}{_(found[2])}", text)
        # out of the article, whose text a search shows
        text = re.sub(
            r'(<article.*?)(<nav class="tools".*?</nav>\s*)',
            r"\2\1",
            text,
            count=1,
            flags=re.DOTALL,
        )
        # what scrolls must be within a keyboard's reach
        text = re.sub(
            r"<pre|<div(?= class=.(?:table-wrapper|output text_html))", r'\g<0> tabindex="0"', text
        )
        path.write_text(text, encoding="utf-8")


def setup(app):
    app.add_search_language(SearchVietnamese)
    app.connect("html-page-context", describe)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
