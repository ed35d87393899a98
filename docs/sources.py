"""Texts from elsewhere in the repository as pages: their links, and words for their pictures."""

import json
import os
import re
from pathlib import Path

import tomllib
from sphinx.errors import ConfigError

ROOT = Path(__file__).parents[1]

# which page shows a file
PAGES = {
    "README.md": "index.md",
    "results/README.md": "results.md",
    "benchmarks/README.md": "benchmarks.md",
    "tests/README.md": "promises.md",
    "data/README.md": "data.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
}


def jupyter_anchor(title):
    """Jupyter's anchor of a heading, to which contents lists of notebooks lead."""
    return title.replace(" ", "-")


def leading_on(text, folder, page_folder=""):
    """Markdown whose links begin in a folder of the repository, for a page in one of docs/."""

    def link(match):
        path, mark, anchor = match[0].partition("#")
        if not path or ":" in path:
            return match[0]
        file = os.path.normpath(os.path.join(folder, path))
        own = file.startswith(("docs/", "notebooks/"))
        target = PAGES.get(file) or (file.replace("docs/", "", 1) if own else f"../{file}")
        return os.path.relpath(target, page_folder or ".") + mark + anchor

    return re.sub(r"(?<=\]\()[^)\s]+", link, text)


def prepare_included(app, path, docname, content):
    folder = (Path(app.srcdir) / path).resolve().parent.relative_to(ROOT)
    # every page of the site leads to itself in the other language
    text = re.sub(r"(?m)^\[Tiếng Việt\].*\n\n", "", content[0])
    content[0] = leading_on(text, folder)


def prepare_own(app, docname, content):
    if not docname.startswith("notebooks/"):
        content[0] = leading_on(content[0], "docs")


def prepared(path, figures):
    """A notebook for the site, as JSON."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            # the badge is fetched from another host; the page has a button of its own
            text = re.sub(r"(?m)^\[!\[Open in Colab.*\n\n", "", "".join(cell["source"]))
            cell["source"] = leading_on(text, "notebooks", "notebooks")
        elif any("image/png" in output.get("data", {}) for output in cell["outputs"]):
            if cell["id"] not in figures:
                raise ConfigError(f"docs/figures.toml says nothing of {path.name}, {cell['id']}.")
            cell["metadata"]["mystnb"] = {"image": {"alt": figures.pop(cell["id"])}}
    if figures:
        raise ConfigError(f"docs/figures.toml: {path.name} has no figure in {', '.join(figures)}.")
    return json.dumps(notebook)


def alternative_texts():
    return tomllib.loads((ROOT / "docs/figures.toml").read_text(encoding="utf-8"))


def copy_notebooks(app):
    """Sphinx reads below docs/ alone."""
    folder = Path(app.srcdir, "notebooks")
    folder.mkdir(exist_ok=True)
    figures = alternative_texts()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        text, copy = prepared(path, figures.get(path.stem, {})), folder / path.name
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")
    for copy in folder.glob("*.ipynb"):
        if not (ROOT / "notebooks" / copy.name).exists():
            copy.unlink()


def setup(app):
    app.connect("include-read", prepare_included)
    app.connect("source-read", prepare_own)
    app.connect("builder-inited", copy_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
