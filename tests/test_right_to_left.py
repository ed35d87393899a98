"""Arabic and Hebrew in figures."""

import numpy as np
import pytest

from hotdog_ft.plot import show_images
from hotdog_ft.right_to_left import as_drawn

# As arabic-reshaper 3.0 and python-bidi 0.6, two independent programs, give them.
DRAWN = {
    "هوت دوغ": "\ufecd\ufeed\ufea9 \ufe95\ufeee\ufeeb",
    "لا إله": "\ufeea\ufedf\ufe87 \ufefb",  # lam and alef are one letter on paper
    "شاي": "\ufef1\ufe8e\ufeb7",
    "פיצה": "הציפ",
    "קפה hot dog": "hot dog הפק",
    "hot dog קפה": "hot dog הפק",
    "true: قطة": "true: \ufe94\ufec4\ufed7",
    "قطة 0.97": "0.97 \ufe94\ufec4\ufed7",
    "قطة (2)": "(2) \ufe94\ufec4\ufed7",
    "plain (1)": "plain (1)",
    "": "",
}


@pytest.mark.parametrize("text", DRAWN)
def test_report_79_letters_are_joined_and_stand_in_their_order(text):
    assert as_drawn(text) == DRAWN[text]


def test_marks_stay_with_their_letters():
    assert as_drawn("כָּל") == "לכָּ"


def test_a_figure_that_is_drawn_twice_turns_its_text_once():
    figure = show_images([np.zeros((4, 4, 3), "uint8")], 1, 1, ["פיצה\nقطة"])
    for _ in range(2):
        assert figure._repr_png_()
    assert figure.axes[0].get_title() == "הציפ\n\ufe94\ufec4\ufed7"
    figure.axes[0].set_title("קפה")
    assert figure._repr_png_() and figure.axes[0].get_title() == "הפק"
