"""The site in one language: the Makefile's `site` makes English and Vietnamese from this."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import hotdog_ft  # noqa: E402

project = html_title = "hotdog_ft"
author = copyright = "hotdog_ft contributors"
release = hotdog_ft.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sources",
    "pages",
]
exclude_patterns = ["locale", "**.ipynb_checkpoints"]

nb_execution_mode = "off"  # committed outputs are shown
nb_merge_streams = True
nb_mime_priority_overrides = [("gettext", "image/png", 0)]  # whose alternative texts are translated
myst_heading_anchors = 3
myst_heading_slug_func = "sources.jupyter_anchor"

numpydoc_show_class_members = False
nitpick_ignore = [("py:class", "pathlib.Path")]  # its page is on another host
autodoc_member_order = "bysource"  # for the package itself: as in __all__
default_role = "code"  # what a docstring has in single backticks

templates_path = ["templates"]
# what was put in, without the prompts of an example
copybutton_selector = "div:not(.output) > div.highlight pre"
copybutton_exclude = ".linenos, .gp, .go"

locale_dirs = ["locale"]
gettext_compact = False

# Furo, 0.6 MB, rather than sphinx-book-theme, 5 MB with the theme that it builds on: dark mode,
# menus and lists of pages are plain CSS and work without JavaScript, fonts are the system's, and
# nothing is fetched from elsewhere. What it lacks, buttons for notebooks, is a short template here.
html_theme = "furo"
html_theme_options = {"top_of_page_buttons": []}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/icon.svg"
html_show_sphinx = html_copy_source = html_use_index = html_domain_indices = False
