"""Data sets as people have them: what the folders are called, what else lies in them."""

import os
import unicodedata

import pytest
from folder_zoo import CLASSES, PICTURE, error_of, load, parts, put
from picture_zoo import GOOD

import hotdog_ft
from hotdog_ft import doctor
from hotdog_ft.folders import ImageFolder, picture_files


class TestParts:
    @pytest.mark.parametrize(
        "train, test",
        [
            ("train", "test"),
            ("train", "val"),
            ("train", "valid"),
            ("train", "validation"),
            ("Train", "Test"),
            ("TRAIN", "Val"),
            ("Training", "Testing"),
            ("training_set", "test_set"),
            ("seg_train", "seg_test"),
            ("train2017", "val2017"),
        ],
    )
    def test_report_61_parts_have_many_names(self, tmp_path, train, test):
        train_imgs, test_imgs, notes = load(put(tmp_path, *parts(train), *parts(test)[1:]))
        assert (train_imgs.root.name, test_imgs.root.name) == (train, test)
        assert (len(train_imgs), len(test_imgs), notes) == (4, 3, "")
        assert train_imgs.classes == test_imgs.classes == ["a", "b"]
        assert train_imgs.valid_imgs is None

    def test_report_61_a_validation_set_beside_a_test_set_is_kept_apart(self, tmp_path):
        train_imgs, test_imgs, _ = load(put(tmp_path, *parts("train", "Val", "test")))
        assert test_imgs.root.name == "test" and train_imgs.valid_imgs.root.name == "Val"

    @pytest.mark.parametrize("twice", [("test", "Test"), ("val", "validation"), ("train", "Train")])
    def test_report_61_two_parts_that_mean_the_same_are_refused(self, tmp_path, twice):
        error = error_of(put(tmp_path, *parts("train", "test"), *parts(*twice)))
        assert all(name in error for name in twice) and "mean the same" in error

    @pytest.mark.parametrize("wrap", ["chairs", "download/chairs"])
    def test_report_84_folders_around_the_set_do_not_matter(self, tmp_path, wrap):
        put(tmp_path, *(f"{wrap}/{path}" for path in parts("train", "test")), "__MACOSX/x/1.png")
        train_imgs, test_imgs, _ = load(tmp_path)
        assert (len(train_imgs), len(test_imgs)) == (4, 4)

    def test_report_84_nor_do_they_around_class_folders_alone(self, tmp_path):
        put(tmp_path, *(f"download/chairs/{path}" for path in CLASSES))
        assert load(tmp_path)[0].classes == ["a", "b"]

    def test_several_sets_in_a_folder_are_refused(self, tmp_path):
        put(tmp_path, *(f"x/{path}" for path in parts("train", "test")))
        put(tmp_path, *(f"y/{path}" for path in parts("train", "test")))
        assert "several data sets" in error_of(tmp_path)

    def test_folders_with_such_a_name_that_hold_no_classes_do_not_matter(self, tmp_path):
        put(tmp_path, *parts("train", "test"), "training/run.log", "dev/notes.txt", "docs/1.png")
        put(tmp_path, *parts("train_old", "test_old"))
        train_imgs, test_imgs, notes = load(tmp_path)
        assert (len(train_imgs), len(test_imgs)) == (4, 4) and train_imgs.valid_imgs is None
        assert "test_old, train_old" in notes and "docs" not in notes

    def test_a_test_set_without_labels_is_named_and_the_validation_set_takes_its_place(
        self, tmp_path
    ):
        _, test_imgs, notes = load(put(tmp_path, *parts("train", "valid"), "test/1.png"))
        assert test_imgs.root.name == "valid" and "Not used" in notes and "test." in notes

    @pytest.mark.parametrize("names", [["bus", "train"], ["invalid", "valid"]])
    def test_a_class_may_be_called_as_a_part(self, tmp_path, names):
        put(tmp_path, *(f"{name}/{n}.png" for name in names for n in range(5)))
        assert load(tmp_path)[0].classes == names

    @pytest.mark.parametrize(
        "paths, words",
        [
            (parts("test"), "no class folders in a folder train"),
            (["train/1.png", "test/1.png"], "no class folders in a folder train"),
            (["train/1.png", "train/2.png"], "no class folders in a folder train"),
            ([*CLASSES, "test/1.png"], "no class folders in a folder train"),
            ([*CLASSES, "seg_train/1.png", "seg_test/1.png"], "no class folders in a folder"),
            ([*parts("train"), "test/1.png"], "none in a folder"),  # a test set without labels
            ([*parts("train"), "more/1.png"], "beside it, in more"),
            (["a/train/1.png", "a/test/1.png", "b/train/1.png", "b/test/1.png"], "way round"),
            (["1.png", "2.png"], "none in a folder"),
            (["notes/1.txt"], "no pictures"),
        ],
    )
    def test_what_is_not_clear_is_refused_with_what_is_there(self, tmp_path, paths, words):
        error = error_of(put(tmp_path, *paths))
        assert words in error and "It holds:" in error and "What fits:" in error
        assert len(error.splitlines()) <= 14

    def test_the_error_counts_what_is_there(self, tmp_path):
        put(tmp_path, *parts("test"), "test/1.png", *(f"{n}/x.txt" for n in range(20)))
        error = error_of(tmp_path).splitlines()
        assert "  test/  5 pictures" in error and "  0/  0 pictures" in error
        assert error[-2] == "  …" and len(error) == 14


class TestOnePart:
    def test_report_62_without_parts_the_same_share_of_each_class_is_held_out(self, tmp_path):
        put(tmp_path, *(f"a/{n}.png" for n in range(20)), *(f"b/{n}.png" for n in range(7)))
        put(tmp_path, *(f"c/{n}.png" for n in range(2)))
        train_imgs, test_imgs, notes = load(tmp_path)
        # a fifth of 20, 7 and 2 is 4, 1.4 and 0.4: at least one, and one stays
        assert [test_imgs.labels.count(label) for label in range(3)] == [4, 1, 1]
        assert [train_imgs.labels.count(label) for label in range(3)] == [16, 6, 1]
        assert not set(train_imgs.paths) & set(test_imgs.paths)
        assert load(tmp_path)[1].paths == test_imgs.paths
        assert "6 of 29 pictures" in notes and "held out" in repr(test_imgs)
        counts = [load(tmp_path, holdout=0.9)[1].labels.count(label) for label in range(3)]
        assert counts == [18, 6, 1]

    def test_report_62_nothing_is_held_out_where_nothing_is_wanted(self, tmp_path):
        train_imgs, test_imgs, notes = load(put(tmp_path, *CLASSES), holdout=0)
        assert (len(train_imgs), test_imgs, notes) == (4, None, "")

    def test_report_62_a_training_part_alone_is_all_for_training(self, tmp_path):
        put(tmp_path, *parts("train"))
        train_imgs, test_imgs, notes = load(tmp_path)
        assert (len(train_imgs), test_imgs) == (4, None) and "nothing will be measured" in notes
        assert [len(images) for images in load(tmp_path, holdout=0.5)[:2]] == [2, 2]
        assert [len(images) for images in load(tmp_path / "train")[:2]] == [2, 2]

    def test_report_62_the_doctor_copes_and_a_comparison_says_what_it_needs(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("HOTDOG_FT_DATA", str(put(tmp_path, *parts("train"))))
        status, message = doctor.check_data()
        assert status == "OK" and "4 pictures of 2 classes" in message
        assert "nothing will be measured" in message
        monkeypatch.setenv("HOTDOG_FT_MODE", "full")
        needs = pytest.raises(hotdog_ft.DataError, match="name its folder train itself")
        with pytest.warns(UserWarning), needs:
            hotdog_ft.load_recipe().load_data()

    def test_a_class_of_a_single_picture_cannot_be_divided(self, tmp_path):
        put(tmp_path, *CLASSES, "c/1.png")
        assert "single picture of c" in error_of(tmp_path)
        assert len(load(tmp_path, holdout=0)[0]) == 5

    @pytest.mark.parametrize("share", [1, -0.1, 20, float("nan"), "0.2", True])
    def test_a_share_that_is_none_is_refused(self, tmp_path, share):
        assert "holdout is" in error_of(tmp_path, ValueError, holdout=share)

    def test_nothing_is_held_out_beside_a_test_set(self, tmp_path):
        put(tmp_path, *parts("train", "val"))
        assert "there is one: val" in error_of(tmp_path, ValueError, holdout=0.2)

    @pytest.mark.parametrize("paths", [["train/a/1.png", "test/a/1.png"], ["a/1.png", "a/2.png"]])
    def test_report_53_a_single_class_is_refused(self, tmp_path, paths):
        assert "one class, a:" in error_of(put(tmp_path, *paths))


class TestWhatElseIsThere:
    def test_report_60_what_is_no_picture_is_counted_in_one_line(self, tmp_path):
        put(tmp_path, *parts("train", "test"), "train/Thumbs.db", "train/a/desktop.ini")
        put(tmp_path, "train/a/labels.txt", "train/a/IMG_1.MOV", "test/b/IMG_2.mov")
        put(tmp_path, "train/a/@eaDir/1.png/SYNOPHOTO_THUMB_M.png", "train/@eaDir/a/1.png")
        put(tmp_path, "train/a/.DS_Store", "train/a/._1.png", "train/a/IMG_1.AAE")
        (tmp_path / "train/a/IMG_3.NEF").write_bytes(GOOD["plain.tiff"][0])  # it begins like one
        train_imgs, test_imgs, notes = load(tmp_path)
        assert (len(train_imgs), len(test_imgs), train_imgs.classes) == (4, 4, ["a", "b"])
        assert notes.count("\n") == 0 and notes.startswith("Skipped")
        for words in ("2 @eaDir", "2 .mov", "1 .db", "1 .ini", "1 .txt", "1 .aae", "1 .nef"):
            assert words in notes

    def test_report_60_a_picture_without_its_suffix_is_one(self, tmp_path):
        put(tmp_path, *CLASSES)
        (tmp_path / "a/photo").write_bytes(PICTURE)
        (tmp_path / "a/photo.orig").write_bytes(PICTURE)
        assert len(load(tmp_path, holdout=0)[0]) == 6

    def test_report_63_folders_in_class_folders_are_gone_into(self, tmp_path):
        put(tmp_path, *parts("train", "test"), "train/a/old/10.png", "train/a/old/9.png")
        put(tmp_path, "train/a/old/x/y/1.png")
        train_imgs, _, notes = load(tmp_path)
        assert [str(path.relative_to(tmp_path / "train/a")) for path in train_imgs.paths[:5]] == [
            *("1.png", "2.png", "old/9.png", "old/10.png", "old/x/y/1.png")
        ]
        assert train_imgs.labels == [0] * 5 + [1] * 2 and not notes

    def test_report_64_loose_pictures_are_named(self, tmp_path):
        put(tmp_path, *parts("train", "test"), *(f"train/{n}.png" for n in range(5)), "10.png")
        train_imgs, _, notes = load(tmp_path)
        assert len(train_imgs) == 4 and "beside the class folders" in notes
        assert "0.png, 1.png, 2.png and 2 more" in notes and "10.png" in notes

    def test_a_folder_without_pictures_is_no_class_unless_another_part_says_so(self, tmp_path):
        put(tmp_path, *parts("train", "test"), "train/c/notes.txt", "test/d/notes.txt")
        train_imgs, _, notes = load(tmp_path)
        assert train_imgs.classes == ["a", "b"]
        assert f"Without a picture in {tmp_path / 'train'}: c." in notes
        put(tmp_path, "test/c/1.png")
        assert f"{tmp_path / 'train/c'} holds no pictures" in error_of(tmp_path)

    def test_names_that_look_the_same_are_one_class(self, tmp_path):
        composed, apart = (unicodedata.normalize(form, "bánh mì") for form in ("NFC", "NFD"))
        assert composed != apart  # as most systems write it, and as Macs do
        put(tmp_path, "train/a/1.png", f"train/{apart}/1.png", "test/a/1.png")
        put(tmp_path, f"test/{composed}/1.png", f"test/{apart}/2.png")
        train_imgs, test_imgs, _ = load(tmp_path)
        assert train_imgs.classes == test_imgs.classes == ["a", composed]
        assert test_imgs.labels == [0, 1, 1]

    def test_a_name_that_is_no_unicode_can_be_printed(self, tmp_path):
        put(tmp_path, *CLASSES)
        os.rename(os.fsencode(tmp_path / "b"), os.fsencode(tmp_path) + b"/\xe9t\xe9")
        train_imgs, _, _ = load(tmp_path)
        assert repr(train_imgs).encode().endswith(rb": 1 \udce9t\udce9, 1 a>")

    def test_links_are_followed_and_never_in_a_circle(self, tmp_path):
        put(tmp_path, *(f"set/{path}" for path in parts("train", "test")), "elsewhere/x/3.png")
        (tmp_path / "set/train/a/more").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere/x/up").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "set/train/b/up").symlink_to(tmp_path / "set/train")
        (tmp_path / "link").symlink_to(tmp_path / "set")
        train_imgs, _, notes = load(tmp_path / "link")
        assert train_imgs.labels == [0, 0, 0, 1, 1] and "2 up" in notes

    def test_a_pipe_or_a_broken_link_is_not_waited_for(self, tmp_path):
        put(tmp_path, "1.png")
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "to-nothing").symlink_to(tmp_path / "absent")
        files, skipped = picture_files(tmp_path)
        assert [file.name for file in files] == ["1.png"]
        assert skipped == {"pipe": 1, "to-nothing": 1}

    def test_classes_may_be_given_in_the_order_of_a_net(self, tmp_path):
        put(tmp_path, *CLASSES)
        assert ImageFolder(tmp_path, ["b", "a"]).labels == [0, 0, 1, 1]
        with pytest.raises(hotdog_ft.DataError, match="what differs: c"):
            ImageFolder(tmp_path, ["a", "b", "c"])

    def test_copies_are_left_out_but_not_what_a_number_tells_apart(self, tmp_path):
        """`wget` numbers different files of the same name."""
        names = ["image.jpg", "image.jpg.1", "image.jpg.2"]
        for name in (*names, "image.jpg.bak", "image.jpg~", "image.jpg.crdownload"):
            (tmp_path / name).write_bytes(PICTURE)
        assert [file.name for file in picture_files(tmp_path)[0]] == names
