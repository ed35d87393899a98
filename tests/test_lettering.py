"""Text in figures: what is no formula, what a font lacks, what is too long."""

import unicodedata
import warnings

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from hotdog_ft import plot
from hotdog_ft.figure import Plot
from hotdog_ft.history import History
from hotdog_ft.lettering import shortened, wrapped

RUN = History(10, ["cpu(0)"], [2.0, 1.0], [0.5, 0.7], [0.6, 0.8])
TABLE = pd.DataFrame([[2, 1], [0, 3]])


@pytest.fixture(autouse=True)
def fonts(monkeypatch):
    """No font but those that come with matplotlib, wherever this runs."""
    own = [entry for entry in fontManager.ttflist if "mpl-data" in entry.fname]
    monkeypatch.setattr(fontManager, "ttflist", own)


def title_of(text):
    """A figure with a title, drawn: what the title says then, and the picture's bytes."""
    figure = Plot(figsize=(4, 1))
    shown = figure.text(0.5, 0.5, text)
    return figure._repr_png_(), shown.get_text(), shown.get_fontfamily()


def pixels(text):
    return title_of(text)[0]


FORMULAS = ["cost $5 & $6_", "$x^2$", r"$\frac{$", "a_b^c 100 % \\ {x}"]


@pytest.mark.parametrize("text", FORMULAS)
def test_report_79_nothing_is_read_as_a_formula(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert title_of(text)[1] == text
        names = [text, "plain"]
        figures = [
            plot.show_images([np.zeros((4, 4, 3), "uint8")], 1, 1, [text]),
            plot.plot_histories({text: RUN}),
            plot.plot_curves({text: pd.Series([1, 2])}, text, text, mark=(0.5, text)),
            plot.show_confusion(TABLE.set_axis(names).set_axis(names, axis=1)),
            plot.draw_fine_tuning(text, classes=names),
        ]
        for figure in figures:
            assert figure._repr_png_()
            texts = [one for one in figure.findobj(Text) if text in one.get_text()]
            assert texts and not any(one.get_parse_math() for one in texts)


def test_the_powers_of_ten_of_an_axis_stay_formulas():
    figure = plot.plot_curves({"a": pd.Series([1, 2], [0.001, 0.1])}, "x", "y", log_x=True)
    figure._repr_png_()
    ticks = figure.axes[0].get_xticklabels()
    assert any("10^{-2}" in tick.get_text() for tick in ticks)
    assert all(tick.get_parse_math() for tick in ticks)


def test_a_run_whose_name_begins_with_an_underscore_is_in_the_legend():
    legend = plot.plot_histories({"_a": RUN, "b": RUN}).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["_a", "b"]
    axes = plot.plot_curves({"_a": pd.Series([1])}, "x", "y", mark=(0, "_m")).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["_a", "_m"]


KNOWN = ["Bánh mì Việt", "Würstchen", "хот-дог", "χοτ ντογκ", "a\nb", "", "±→½"]


@pytest.mark.parametrize("text", KNOWN)
def test_what_the_usual_font_has_is_left_alone(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert title_of(text)[1] == text
        decomposed = unicodedata.normalize("NFD", text)  # as macOS names files
        assert pixels(decomposed) == pixels(text)


@pytest.mark.parametrize(
    "text, shown",
    [
        ("热狗 1", "U+70ED U+72D7 1"),
        ("🌭", ":hot dog:"),
        ("👍🏽 good", ":thumbs up sign: good"),
        ("ホットドッグ屋のメニュー", "U+30DB U+30C3 U…5 U+30FC"),  # bounded, both ends
        ("Ấ\U000f0000", "Ấ U+F0000"),
    ],
)
def test_report_79_what_no_font_has_is_named_with_one_warning(text, shown):
    figure = Plot(figsize=(4, 1))
    title, _ = (figure.text(0.5, 0.5, text) for _ in range(2))
    with pytest.warns(UserWarning, match="Install a font") as warned:
        figure._repr_png_()
        figure._repr_png_()
    assert len(warned) == 1 and title.get_text() == shown


@pytest.mark.parametrize(
    "text, shown",
    [
        ("caf\udce9.jpg", "caf\\xe9.jpg"),  # Python's name of a file b"caf\xe9.jpg"
        ("\ud83c", "U+D83C"),
        ("a\tb\x00c\x1b", "a b c "),
    ],
)
def test_what_no_font_can_have_is_written_out_without_a_warning(text, shown):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert title_of(text)[1] == shown


@pytest.fixture
def han(tmp_path):
    """A font with two Chinese characters, drawn as boxes of different height."""
    pen = {}
    for name, height in {".notdef": 100, "hot": 400, "dog": 800}.items():
        pen[name] = TTGlyphPen(None)
        pen[name].moveTo((0, 0))
        for point in ((900, 0), (900, height), (0, height)):
            pen[name].lineTo(point)
        pen[name].closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(pen))
    builder.setupCharacterMap({ord("热"): "hot", ord("狗"): "dog"})
    builder.setupGlyf({name: one.glyph() for name, one in pen.items()})
    builder.setupHorizontalMetrics(dict.fromkeys(pen, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Two Of Han", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    builder.setupPost()
    builder.save(tmp_path / "han.ttf")
    fontManager.addfont(tmp_path / "han.ttf")
    return "Two Of Han"


def test_report_79_an_installed_font_that_has_the_characters_is_taken(han):
    names = ["热狗", "not 热狗"]
    figure = plot.show_confusion(TABLE.set_axis(names).set_axis(names, axis=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of each character it lacks
        figure._repr_png_()
        assert pixels("热热") != pixels("狗狗")
        assert title_of("热狗")[1:] == ("热狗", ["sans-serif", han])
    for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == names
        assert all(han in label.get_fontfamily() for label in axis.get_ticklabels())


@pytest.mark.parametrize("name", ["热狗 🌭", "狗" * 20])
@pytest.mark.parametrize("fonts_for_it", [0, 1])
def test_a_confusion_matrix_has_room_for_what_is_written(name, fonts_for_it, request):
    if fonts_for_it:
        request.getfixturevalue("han")
    names = ["$5_menu", "bánh mì", name]
    table = pd.DataFrame(np.eye(3, dtype=int), names, names)
    figure = plot.show_confusion(table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure._repr_png_()
    (axes,) = figure.axes
    across = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(a.x1 <= b.x0 for a, b in zip(across, across[1:]))
    texts = [axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(), *axes.get_yticklabels()]
    for box in (text.get_window_extent() for text in texts):
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1


def test_each_character_is_shown_as_far_as_there_is_a_font(han):
    with pytest.warns(UserWarning, match="has 犬:"):
        assert title_of("热犬")[1] == "热 U+72AC"


def test_a_font_that_cannot_be_read_is_passed_over(han, tmp_path):
    broken = fontManager.ttflist[-1]
    (tmp_path / "han.ttf").write_bytes(b"no font any more")
    fontManager.ttflist.append(broken)
    with pytest.warns(UserWarning, match="Install a font"):
        assert title_of("热")[1] == "U+70ED"


def test_a_name_keeps_both_ends():
    assert shortened("American Staffordshire terrier", 24) == "American Staffo… terrier"
    assert shortened("short", 24) == "short" and shortened("two\nlines", 24) == "two lines"
    assert all(len(shortened("x" * 60, width)) == width for width in range(3, 60))


def test_a_long_line_is_broken_then_shortened():
    assert wrapped("a title of five words", 12) == "a title of\nfive words"
    assert wrapped("hotdog\ntrue: not", 12) == "hotdog\ntrue: not"
    long = wrapped("word " * 40, 12)
    assert long.count("\n") == 1 and max(map(len, long.split("\n"))) <= 12 and "…" in long
    pho = "nạm gầu gân sách, as it is served in Hà Nội"
    assert wrapped(pho, 19) == "nạm gầu gân sách,\nas it is ser…Hà Nội"
    assert wrapped("x" * 30, 12).count("\n") == 1 and wrapped("", 12) == ""
    assert wrapped("热" * 10, 12) == "热" * 6 + "\n" + "热" * 4  # each as wide as two
