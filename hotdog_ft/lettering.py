"""Text in figures as it is meant: no formulas, fonts that are there, room for long names."""

import textwrap
import unicodedata
import warnings
from functools import lru_cache

from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter


def shortened(text, width):
    """One line of at most `width` characters: both ends of a name, which tell it from others."""
    text = " ".join(str(text).split())
    if len(text) <= width:
        return text
    return f"{text[: width - width // 3 - 1]}…{text[len(text) - width // 3 :]}"


def wrapped(text, width):
    """A text whose every line takes at most two lines of `width` letters, half for wide ones."""
    lines = []
    for line in str(text).split("\n"):
        wide = any(unicodedata.east_asian_width(letter) in "WF" for letter in line)
        limit = width // 2 if wide else width
        if len(line) > limit:
            rest = " ".join(line.split())
            first = "".join(textwrap.wrap(rest, limit)[:1])
            lines += filter(None, [first, shortened(rest[len(first) :], limit)])
        else:
            lines.append(line)
    return "\n".join(lines)


def letters(line):
    """How many letters wide a line is once it is drawn, with names of what no font has."""
    text = Text(text=line)
    families = _families(_lacking(text), len(fontManager.ttflist))
    drawn = _without(_plain(text), {letter for letter, family in families.items() if not family})
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in drawn)


def narrow(text, inches, renderer):
    """Make the letters of a Text smaller, if need be, until it is no wider than so many inches."""
    width = text.get_window_extent(renderer).width / text.figure.dpi
    if width > inches:
        text.set_fontsize(text.get_fontsize() * inches / width)


def prepare(figure, prepared):
    """Make every text of a figure one that can be drawn, whatever names and titles hold.

    Nothing is read as a formula. A character that the font lacks comes from another installed font;
    where none has it, its name or number is written, with one warning that says what to install.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    prepared : dict
        What this has written so far, the figure's own: it is left alone.
    """
    axes = [axis for one in figure.axes for axis in (one.xaxis, one.yaxis)]
    named = [axis for axis in axes if _has_names(axis)]
    numbers = {  # some of them are formulas, such as 10 to the -3
        id(text)
        for axis in axes
        if axis not in named
        for text in [*axis.get_ticklabels(which="both"), axis.get_offset_text()]
    }
    labels = {axis: axis.get_ticklabels() for axis in named}
    texts = [
        text
        for text in figure.findobj(Text)
        if id(text) not in numbers and prepared.get(id(text)) != text.get_text()
    ]
    lacking = {id(text): _lacking(text) for text in texts}
    families = _families(frozenset().union(*lacking.values()), len(fontManager.ttflist))
    for text in texts:
        text.set_parse_math(False)
        own = text.get_fontfamily()
        further = dict.fromkeys(families[letter] for letter in sorted(lacking[id(text)]))
        more = [family for family in further if family and family not in own]
        if more:
            text.set_fontfamily([*own, *more])
        nowhere = {letter for letter in lacking[id(text)] if not families[letter]}
        prepared[id(text)] = _without(_plain(text), nowhere)
        text.set_text(prepared[id(text)])
    for axis in named:  # an axis writes its labels anew whenever it is drawn
        axis.set_ticklabels([label.get_text() for label in labels[axis]])
    unknown = "".join(sorted(x for x, family in families.items() if not family and _name(x)))
    if unknown:
        warnings.warn(
            f"No installed font has {unknown[:8]}: names or numbers stand in the figure instead. "
            "Install a font that has them, such as Noto Sans CJK for Chinese, Japanese and Korean "
            "(Debian's package fonts-noto-cjk), and start Python anew.",
            stacklevel=2,
        )


def _has_names(axis):
    """Whether an axis was given labels, rather than making them from its numbers."""
    given = isinstance(axis.get_major_formatter(), (FixedFormatter, FuncFormatter))
    return given and isinstance(axis.get_major_locator(), FixedLocator)


def _plain(text):
    """What a Text says in characters that a font may be asked for: no controls, no half pairs."""

    def plain(letter):
        kind, code = unicodedata.category(letter), ord(letter)
        if kind == "Cs":  # Python's stand-in for a byte of a file name that is no UTF-8, or a half
            return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"U+{code:04X}"
        return " " if kind == "Cc" and letter != "\n" else letter

    return "".join(map(plain, unicodedata.normalize("NFC", text.get_text())))


def _lacking(text):
    """The characters of a Text that its own font lacks."""
    letters = {letter for letter in _plain(text) if not letter.isascii()}
    if not letters:
        return frozenset()
    font = get_font(findfont(text.get_fontproperties()))
    return frozenset(letter for letter in letters if not font.get_char_index(ord(letter)))


@lru_cache(maxsize=32)
def _families(letters, _number_of_fonts):
    """An installed family for each character, None where no font has it."""
    found = dict.fromkeys(sorted(letters))
    for entry in fontManager.ttflist:
        wanted = [letter for letter, family in found.items() if not family]
        if not wanted:
            break
        if entry.style != "normal" or entry.name.startswith((".", "Last")):  # macOS's boxes
            continue
        try:
            font = get_font(entry.fname)
            font.set_size(10, 72)  # a font of coloured bitmaps has no such size
        except (OSError, RuntimeError):
            continue
        has = [letter for letter in wanted if font.get_char_index(ord(letter))]
        found.update(dict.fromkeys(has, entry.name))
    return found


def _name(letter):
    """What stands for a character that no font has: ``:hot dog:`` or ``U+70ED``."""
    kind, number = unicodedata.category(letter), f"U+{ord(letter):04X}"
    if kind in ("Cf", "Mn", "Sk"):  # joiners and skin colours, within an emoji
        return ""
    return f":{unicodedata.name(letter, number).lower()}:" if kind == "So" else number


def _without(string, letters):
    """A text with names in the place of some characters, its lines no longer than they may be."""
    if not letters:
        return string
    lines = []
    for line in string.split("\n"):
        written = "".join(f" {_name(x)} " if x in letters else x for x in line)
        lines.append(shortened(written, max(24, len(line))))
    return "\n".join(lines)
