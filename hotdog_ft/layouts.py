"""What the folders of a data set are, as people lay them out: parts, classes, and wraps."""

import re
import unicodedata

from .folders import (
    ImageFolder,
    class_name,
    holds_pictures,
    listed,
    loose_pictures,
    misfit,
    subfolders,
)

PARTS = {  # in English, and in Vietnamese without accents
    **dict.fromkeys(("train", "training", "trn", "huan luyen"), "train"),
    **dict.fromkeys(("test", "testing", "tst", "kiem tra", "kiem thu"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "eval", "evaluation", "dev"), "valid"),
    **dict.fromkeys(("kiem dinh", "xac thuc"), "valid"),
}
WORDS = "|".join(PARTS).replace(" ", "[ _-]")
PART = re.compile(rf"(?<![a-z])({WORDS})(?=(?:set|data|images?)?(?![a-z]))")


def plain(text):
    """In lower case and without accents, as Vietnamese is typed where keys for them are missing."""
    letters = unicodedata.normalize("NFD", text.lower()).replace("đ", "d")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def part_of(name):
    """``kind, rest`` of a part's name such as "Train" or "seg_test"; None for any other name.

    The kind is "train", "test" or "valid". The rest is what parts of one set have in common: a
    number in front, as in "01_train", is none of it.
    """
    low = re.sub(r"^\d+[\W_]*", "", plain(name))
    word = PART.search(low)
    kind = word and PARTS[re.sub("[_-]", " ", word[0])]
    return word and (kind, f"{low[: word.start()]}*{low[word.end() :]}")


def other_reading(images):
    """A note where all classes hold folders of the same names, which may be the classes instead."""
    classes = filter(holds_pictures, subfolders(images.root))
    held = [{sub.name for sub in subfolders(one) if holds_pictures(sub)} for one in classes]
    if len(held[0]) < 2 or any(names != held[0] for names in held):
        return []
    return [
        f"{listed(images.classes)} in {images.root} are taken for the classes, and each holds "
        f"{listed(sorted(held[0]))}: if these are the classes, name one of the former, or call "
        "two of them train and test."
    ]


def parts_of_folder(folder):
    """The data sets in a folder: "train", "test", "valid", or "all" without parts; and notes.

    Raises
    ------
    DataError
        There are several data sets, or it is not clear what is a part and what a class.
    """
    found = _find_parts(folder)
    if len(found) > 1:
        names = [str(next(iter(some.values())).parent) for some in found]
        raise misfit(folder, f"holds several data sets, {listed(names)}: name one of them.")
    if not found:
        images = ImageFolder(_folder_of_classes(folder))
        return {"all": images}, other_reading(images)
    parts = {kind: ImageFolder(_without_wraps(part)) for kind, part in found[0].items()}
    for kind, part in found[0].items():
        parts[kind].name = class_name(part.name)
    parent, notes = found[0]["train"].parent, []
    others = [sub for sub in subfolders(parent) if sub not in found[0].values()]
    if len(parts) > 1:
        others = [sub for sub in others if part_of(sub.name)]  # of any other it is no wonder
    others = [sub.name for sub in others if holds_pictures(sub)]
    if others and len(parts) == 1:
        raise misfit(
            parent,
            f"holds pictures in train and, beside it, in {listed(others)}: without a test set it "
            "is not clear which are classes. Name one of these folders, or move them apart.",
        )
    others += [path.name for path in loose_pictures(parent)]
    if others:
        notes.append(f"Not used, as it lies beside the parts in {parent}: {listed(others)}.")
    return parts, notes


def _find_parts(folder, levels=2):
    """All splits in a folder, or else in the folders below: a list of ``{"train": folder, …}``."""
    groups, found = {}, {}
    for sub in subfolders(folder):
        kind, rest = part_of(sub.name) or ("", "")
        groups.setdefault(rest, {}).setdefault(kind, []).append(sub)
    for rest, group in groups.items():
        told = len(group) > 1 or rest in ("*", "*set", "*_set", "*-set", "* set")
        parts = {kind: list(filter(_holds_classes, subs)) for kind, subs in group.items()}
        parts = {kind: subs for kind, subs in parts.items() if subs}
        if "train" not in parts or not told:
            continue
        if len(parts) == 1:  # opening what is beside it says what is wrong with it
            parts.update(
                {k: v for k, v in group.items() if k == "test" or any(map(holds_pictures, v))}
            )
        twice = next((subs for subs in parts.values() if len(subs) > 1), None)
        if twice:
            names = listed(sub.name for sub in twice)
            raise misfit(folder, f"holds {names}, which mean the same: rename or merge them.")
        found[rest] = {kind: subs[0] for kind, subs in parts.items()}
    if "*" in found:
        return [found["*"]]
    if found or not levels:
        return list(found.values())
    inner = subfolders(folder)
    levels -= len(inner) > 1  # as many folders in each other as there are, where each is alone
    return [parts for sub in inner for parts in _find_parts(sub, levels)]


def _holds_classes(folder):
    return any(holds_pictures(sub) for sub in subfolders(folder))


def _without_wraps(part):
    """The folder of the classes in a part: "train/images" where that is all that "train" holds."""
    inner = [sub for sub in subfolders(part) if holds_pictures(sub)]
    if len(inner) != 1 or loose_pictures(part) or not _holds_classes(inner[0]):
        return part
    return _without_wraps(inner[0])


def _folder_of_classes(folder):
    """The folder whose folders are the classes: this one, or one below if that is all it holds."""
    while True:
        inner = [sub for sub in subfolders(folder) if holds_pictures(sub)]
        parts = [part_of(sub.name) for sub in inner if part_of(sub.name)]
        alike = len({rest for _, rest in parts}) < len(parts)  # "train" alone may be a class
        if alike or len(parts) == len(inner) > 0 or ("test", "*") in parts:
            names = listed(sub.name for sub in inner if part_of(sub.name))
            raise misfit(
                folder,
                f"holds {names}, and no class folders in a folder train beside the rest. To hold "
                "out a test set, name the folder of the classes itself; rename what is a class.",
            )
        if _without_wraps(folder) == folder:
            break
        folder = inner[0]
    for sub in inner:
        kinds = {part_of(below.name)[0] for below in subfolders(sub) if part_of(below.name)}
        if len(kinds) > 1:
            raise misfit(folder, f"holds parts in {sub.name}: it must be the other way round.")
    return folder
