"""The Vietnamese texts: whole, true to their originals, and of the texts as they are now.

Run by `make site-test`, in the site's own environment; nothing needs a browser.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from conftest import ROOT

polib = pytest.importorskip("polib", reason="the site's packages are in .venv-site: make site-test")
import jinja2  # noqa: E402

CATALOGUES = ROOT / "docs/locale/vi/LC_MESSAGES"
NAMES = sorted(str(path.relative_to(CATALOGUES)) for path in CATALOGUES.rglob("*.po"))
# A code span begins and ends with as many backticks. A target may hold brackets of its own.
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
TARGET = re.compile(r"(?<=\]\()[^)\s]+|(?<=<)https?:[^>\s]+(?=>)")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def parts(text):
    """What a translation keeps: code spans, link targets, and the numbers outside of both."""
    code = [span[1] for span in CODE.findall(text)]
    text = CODE.sub("`", text)
    targets = TARGET.findall(text)
    return Counter(code), Counter(targets), Counter(NUMBER.findall(TARGET.sub("", text)))


def differences(original, translation):
    found = []
    for kind, before, after in zip(("code", "link", "number"), parts(original), parts(translation)):
        found += [f"lost the {kind} {part}" for part in (before - after).elements()]
        found += [f"gained the {kind} {part}" for part in (after - before).elements()]
    return found


def has_words(text):
    """Whether there is anything to translate beside numbers, code and names of files."""
    return re.search(r"[^\W\d_]", TARGET.sub("", CODE.sub("", text))) is not None


@pytest.mark.parametrize(
    ("translation", "found"),
    [
        ("Chạy `make`, xem [trang](a.md#b): 2,000 ảnh, 0.5 điểm.", []),
        ("Xem [trang](a.md#b), chạy `make`: 0.5 điểm trên 2,000 ảnh.", []),  # in any order
        ("Chạy make, xem [trang](a.md#b): 2,000 ảnh, 0.5 điểm.", ["lost the code make"]),
        ("Chạy `mak`, xem [trang](a.md#b): 2,000 ảnh, 0.5 điểm.", None),
        ("Chạy `make`, xem [trang](a.md): 2,000 ảnh, 0.5 điểm.", None),
        ("Chạy `make`, xem trang: 2,000 ảnh, 0.5 điểm.", ["lost the link a.md#b"]),
        ("Chạy `make`, xem [trang](a.md#b): 2.000 ảnh, 0,5 điểm.", None),
        ("Chạy `make`, xem [trang](a.md#b): 2,000 ảnh.", ["lost the number 0.5"]),
        ("Chạy `make`, xem [trang](a.md#b): 2,000 ảnh, 0.5 điểm 1.", ["gained the number 1"]),
    ],
)
def test_what_a_translation_loses_or_gains_is_found(translation, found):
    differing = differences("Run `make`, see [page](a.md#b): 2,000 pictures, 0.5.", translation)
    assert differing if found is None else differing == found


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_translated(name):
    untranslated = [
        entry.msgid[:80]
        for entry in polib.pofile(CATALOGUES / name)
        if not entry.obsolete and has_words(entry.msgid) and not entry.translated()
    ]
    assert not untranslated


@pytest.mark.parametrize("name", NAMES)
def test_numbers_code_and_links_of_the_original_are_kept(name):
    wrong = {
        entry.msgid[:80]: differences(entry.msgid, entry.msgstr)
        for entry in polib.pofile(CATALOGUES / name)
        if entry.msgstr and differences(entry.msgid, entry.msgstr)
    }
    assert not wrong


def test_the_catalogues_are_of_the_texts_as_they_are_now(tmp_path):
    command = "-m sphinx --quiet -b gettext -d doctrees -c"
    docs = str(ROOT / "docs")
    subprocess.run(
        [sys.executable, *command.split(), docs, docs, "gettext"], cwd=tmp_path, check=True
    )
    now = {path.relative_to(tmp_path / "gettext"): path for path in tmp_path.rglob("*.pot")}
    now = {str(name.with_suffix(".po")): polib.pofile(path) for name, path in now.items()}
    words = {entry.msgid for entry in now.pop("sphinx.po")}  # of our own templates
    kept = {name: polib.pofile(CATALOGUES / name) for name in NAMES}
    assert words <= {entry.msgid for entry in kept.pop("sphinx.po")}
    del now["api.po"], now["modules.po"]  # stay English
    assert sorted(now) == sorted(kept)
    for name, catalogue in now.items():
        texts = {entry.msgid for entry in catalogue}
        assert texts == {entry.msgid for entry in kept[name]}, f"{name}: make site-catalogues"


@pytest.mark.parametrize("place", range(1, 5))
def test_the_vietnamese_readme_has_the_figures_commands_and_links_of_the_english_one(place):
    # the later parts are arranged otherwise
    names = "README.md", "README.vi.md"
    both = [(ROOT / name).read_text(encoding="utf-8").split("\n## ")[place] for name in names]
    table = [[line for line in text.splitlines() if line.startswith("|")] for text in both]
    assert len(table[0]) == len(table[1])
    for original, translation in [both, *zip(*table)]:
        assert not differences(original, translation)


def test_buttons_lead_to_the_repository_that_colab_py_wrote(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    monkeypatch.syspath_prepend(ROOT / "tools")
    import colab
    import pages
    import sources

    path = tmp_path / "02-learning-rate.ipynb"
    shutil.copy(ROOT / "notebooks" / path.name, path)
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(ROOT / "docs/templates"))
    for repository in (None, "somebody/hot.dog_ft"):
        colab.rewrite(path, repository)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert pages.repository_of(notebook) == repository
        buttons = templates.get_template("tools.html").render(
            {"_": str, "pagename": "notebooks/02", "notebook": "02.ipynb", "content_root": "../"},
            repository=repository,
        )
        for start in ("colab.research.google.com/github", "mybinder.org/v2/gh"):
            assert (f'href="https://{start}/{repository}/' in buttons) == bool(repository)
    # nor is its badge fetched from elsewhere
    figures = sources.alternative_texts()[path.stem]
    assert "Open in Colab" in path.read_text(encoding="utf-8")
    assert "Open in Colab" not in sources.prepared(path, figures)
