"""Arabic and Hebrew for a program that sets one letter after the other, from left to right."""

import re
import unicodedata
from functools import lru_cache

_SIDES = {"R": "R", "AL": "R", "L": "L", "EN": "number", "AN": "number"}
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def _side(letter):
    return _SIDES.get(unicodedata.bidirectional(letter), "")


def as_drawn(line):
    """A line in the order of its letters on paper, the Arabic ones in the form that joins them.

    What has no letters of these scripts comes back as it is. Numbers and words of other scripts
    keep the order of their letters. The whole line goes the way of its first letter.
    """
    if not any(_side(letter) == "R" for letter in line):
        return line
    to_left = next(_side(letter) for letter in line if _side(letter) in ("L", "R")) == "R"
    runs = []  # [side, text]; what is between two words of one side goes with them
    between = ""
    for letter in line:
        side = _side(letter)
        if not side and not unicodedata.combining(letter):
            between += letter
        elif runs and (not side or runs[-1][0] == side):
            runs[-1][1] += between + letter
            between = ""
        else:
            runs += [["", between], [side, letter]]
            between = ""
    runs.append(["", between])
    turned = ("R", "") if to_left else ("R",)
    parts = [_reversed(_joined(text)) if side in turned else text for side, text in runs]
    return "".join(reversed(parts) if to_left else parts)


def _reversed(text):
    """The letters from the last to the first, each with the marks that belong to it."""
    letters = re.findall(".[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]*", text, re.S)
    return "".join(reversed(letters)).translate(_MIRRORED)


@lru_cache(maxsize=1)
def _forms():
    """``{letter, or lam with alef: {"initial": …, "medial": …, "final": …, "isolated": …}}``."""
    found = {"\u0640": dict.fromkeys(("initial", "medial", "final", "isolated"), "\u0640")}
    for code in [*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)]:
        kind, *parts = unicodedata.decomposition(chr(code)).split() or [""]
        letters = "".join(chr(int(part, 16)) for part in parts)
        if len(letters) == 1 or letters[:1] == "\u0644":
            found.setdefault(letters, {})[kind.strip("<>")] = chr(code)
    return found


def _joined(text):
    """Arabic letters by the characters of their forms: alone, first, within or last in a word."""
    forms = _forms()
    parts = re.findall("\u0644[\u0622\u0623\u0625\u0627]|.", text, re.S)
    bases = [(i, forms.get(p, {})) for i, p in enumerate(parts) if not unicodedata.combining(p[-1])]
    for place, (index, form) in enumerate(bases):
        before = bases[place - 1][1] if place else {}
        after = bases[place + 1][1] if place + 1 < len(bases) else {}
        linked = "initial" in before and "final" in form, "initial" in form and "final" in after
        kind = {(0, 0): "isolated", (0, 1): "initial", (1, 0): "final", (1, 1): "medial"}[linked]
        parts[index] = form.get(kind, parts[index])
    return "".join(parts)
