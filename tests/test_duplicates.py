"""Pictures that look alike."""

import numpy as np
from PIL import Image

import hotdog_ft
from hotdog_ft.duplicates import near_duplicates
from hotdog_ft.folders import ImageFolder


def test_report_22_copies_between_training_and_test_set_are_listed(tmp_path):
    """Copies in another size, format and quality, one of them under another label."""
    rng = np.random.default_rng(0)

    def photo():  # smooth, as photographs are
        return Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype="uint8")).resize(
            (90, 60), Image.BICUBIC
        )

    for split, count in (("train", 12), ("test", 8)):
        for label in ("a", "b"):
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(count):
                photo().save(tmp_path / split / label / f"{number}.png")
    leak = Image.open(tmp_path / "train/a/3.png")
    leak.resize((45, 30)).save(tmp_path / "test/a/leak.jpg", quality=80)
    leak.save(tmp_path / "test/b/leak.webp", quality=60)
    frame = near_duplicates(*hotdog_ft.load_image_folders(tmp_path))
    assert set(frame["first"]) == {str(tmp_path / "train/a/3.png")}
    assert dict(zip(frame["second"], frame["same_label"])) == {
        str(tmp_path / "test/a/leak.jpg"): True,
        str(tmp_path / "test/b/leak.webp"): False,
    }
    within = ImageFolder(tmp_path / "test")
    assert len(near_duplicates(within, within)) == 1
