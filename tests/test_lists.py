"""Data sets from a CSV file or a Python list."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
from conftest import run_python
from folder_zoo import CLASSES, PICTURE, error_of, load, put

import hotdog_ft
from hotdog_ft.data import content_sha256
from hotdog_ft.folders import ImageFolder


@pytest.fixture
def write(tmp_path):
    """A function that puts a CSV file of this text beside pictures of two classes."""

    def csv(text, encoding="utf-8"):
        put(tmp_path, *CLASSES)
        (tmp_path / "chairs.csv").write_bytes(text.encode(encoding))
        return tmp_path / "chairs.csv"

    return csv


class TestCsv:
    @pytest.mark.parametrize("mark", [",", ";", "\t"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_report_62_it_is_read_as_spreadsheets_write_it(self, write, mark, end, encoding):
        rows = [["File", " label", "note"], ["a/1.png", "gỗ sồi", ""], ["a/2.png", "gỗ sồi", "x"]]
        rows += [["", "", ""], ["b/1.png", '"pine, old; ""red"""', "y"], ["./b/2.png", "Föhre", ""]]
        path = write(end.join(mark.join(row) for row in rows) + end, encoding)
        train_imgs, test_imgs, notes = load(path, holdout=0)
        assert train_imgs.classes == ["Föhre", "gỗ sồi", 'pine, old; "red"']
        assert train_imgs.labels == [1, 1, 2, 0] and test_imgs is None and not notes
        assert repr(train_imgs) == '<Pictures chairs.csv: 1 Föhre, 2 gỗ sồi, 1 pine, old; "red">'

    def test_it_is_the_same_set_as_the_folders(self, write, tmp_path):
        path = write("sep=;\nfile;label\n" + "".join(f"{name};{name[0]}\n" for name in CLASSES))
        images, _, _ = load(path, holdout=0)
        assert content_sha256(images) == content_sha256(ImageFolder(tmp_path))
        assert images.subset([3]).classes == ["a", "b"] and images[3][1] == 1
        train_imgs, test_imgs, notes = load(path)
        assert (len(train_imgs), len(test_imgs)) == (2, 2) and "2 of 4 pictures" in notes

    def test_it_may_name_the_parts(self, write):
        path = write(
            "file,label,split\na/1.png,a,train\nb/1.png,b,Train\na/2.png,a,test\nb/2.png,b,test\n"
        )
        train_imgs, test_imgs, notes = load(path)
        assert (train_imgs.labels, test_imgs.labels, notes) == ([0, 1], [0, 1], "")
        assert repr(test_imgs) == "<Pictures chairs.csv (test): 1 a, 1 b>"
        assert "there is one" in error_of(path, ValueError, holdout=0.1)

    def test_all_that_is_wrong_is_named_with_its_line(self, write):
        path = write(
            'file,label,split\na/1.png,a,train\nabsent.png,a,train\n"b/1.png",,test\n'
            ",b,train\nb/2.png,b,other\na/1.png,b,train\na/1.png,a,test\n"
        )
        error = error_of(path)
        assert f"line 3: there is no {path.parent / 'absent.png'}" in error
        assert "line 4: no label for b/1.png" in error and "line 5: no file" in error
        assert "line 6: the split 'other' is none of" in error
        assert "line 7: a/1.png has another label or split than on line 2" in error
        assert "line 8: a/1.png has another" in error and error.count("\n") == 6
        assert "line 3: there is no" in error_of(write("sep=,\nfile,label\nabsent.png,a\n"))

    def test_a_row_twice_counts_once(self, write):
        path = write("file,label\na/1.png,a\na/1.png,a\na/2.png,a\nb/1.png,b\nb/2.png,b\n")
        train_imgs, _, notes = load(path, holdout=0)
        assert len(train_imgs) == 4 and notes == "Rows of chairs.csv that repeat an earlier one: 1."

    @pytest.mark.parametrize(
        "text, words",
        [
            ("", "no column file and no column label"),
            ("a/1.png,a\na/2.png,a\n", "no column file and no column label"),
            ("file,kind\na/1.png,a\n", "no column label"),
            ("file,label\n", "no picture to train on"),
            ("file,label\na/1.png,a\na/2.png,a\n", "one class, a:"),
            ("file,label,split\na/1.png,a,test\nb/1.png,b,test\n", "no picture to train on"),
            ("file,label,split\na/1.png,a,train\na/2.png,a,test\nb/1.png,b,train\n", "(test): b"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, write, text, words):
        path = write(text)
        assert words in error_of(path) and "chairs.csv" in error_of(path)

    def test_a_bad_picture_and_another_encoding_are_named(self, write):
        path = write("file,label\na/1.png,a\nb/1.png,b\n")
        (path.parent / "b/1.png").write_bytes(PICTURE[:30])
        assert "1 of 2 pictures are bad" in error_of(path, holdout=0)
        assert "Save it as CSV UTF-8" in error_of(write("file,label\na/1.png,ä\n", "latin-1"))
        (path.parent / "chairs.xlsx").write_bytes(b"PK")
        assert "save it as CSV UTF-8" in error_of(path.parent / "chairs.xlsx")

    def test_report_62_columns_have_many_names(self, write):
        rows = "a/1.png,{0}\na/2.png,{0}\nb/1.png,{1}\nb/2.png,{1}\n"
        for header in ("file_name,label", "Image Path,Category", "filepath,class name"):
            train_imgs, _, _ = load(write(f"{header}\n{rows.format('a', 'b')}"), holdout=0)
            assert train_imgs.labels == [0, 0, 1, 1]
        odd = write("path,file,set,label\nx,a/1.png,train,a\nx,b/1.png,train,b\n")
        assert len(load(odd)[0]) == 2  # the plain word goes before another that means the same
        for header in ("path,image", "file,file", "Filename,file_name"):
            error = error_of(write(f"{header},label\nx,y,z\n"))
            assert "mean the same" in error and header.replace(",", ", ") in error

    @pytest.mark.parametrize("form", ["NFC", "NFD"])  # Macs write the latter
    def test_it_may_be_in_vietnamese(self, write, form):
        rows = "a/1.png;ghế;huấn luyện\nb/1.png;bàn;Huan luyen\na/2.png;ghế;Kiểm tra\n"
        text = f"Tên tệp;Nhãn;Tập\n{rows}b/2.png;bàn;kiểm tra\n"
        train_imgs, test_imgs, _ = load(write(unicodedata.normalize(form, text)))
        assert (train_imgs.classes, len(train_imgs), len(test_imgs)) == (["bàn", "ghế"], 2, 2)

    @pytest.mark.parametrize("header", ["image,class,loại", "filename,label,tập", "img,label,ảnh"])
    def test_a_table_in_english_may_have_other_columns_in_vietnamese(self, write, header):
        path = write(f"{header}\na/1.png,a,0\nb/1.png,b,1\n")
        assert load(path, holdout=0)[0].classes == ["a", "b"]

    def test_empty_lines_before_the_header_do_not_matter(self, write):
        assert "line 4: there is no" in error_of(write("\n  \nfile,label\nno.png,a\n"))

    def test_report_62_a_set_column_is_the_split(self, write):
        path = write(
            "file,label,set\na/1.png,a,train\nb/1.png,b,train\na/2.png,a,test\nb/2.png,b,test\n"
        )
        assert [len(images) for images in load(path)[:2]] == [2, 2]

    def test_report_84_names_from_windows_and_from_macs_are_found(self, write, tmp_path):
        apart = unicodedata.normalize("NFD", "mì.png")
        put(tmp_path, apart)
        path = write("file,label\na\\1.png,a\nmì.png,b\n")
        assert len(load(path, holdout=0)[0]) == 2


class TestLists:
    def test_report_44_labels_of_any_kind_become_positions(self, tmp_path):
        put(tmp_path, *CLASSES)
        pairs = [(tmp_path / name, name[0]) for name in CLASSES]
        train_imgs, test_imgs, _ = load(pairs)
        assert (train_imgs.classes, len(train_imgs), len(test_imgs)) == (["a", "b"], 2, 2)
        numbers = [(path, np.int64(10 if label == "a" else 9)) for path, label in pairs]
        images, _, _ = load(iter(numbers), holdout=0)
        assert (images.classes, images.labels) == (["9", "10"], [1, 1, 0, 0])
        table = np.array([(str(path), label) for path, label in pairs])
        flags = [(path, np.bool_(label == "a")) for path, label in pairs]
        assert [load(rows)[0].classes for rows in (table, flags)] == [["a", "b"], ["False", "True"]]
        split = [(*pair, split) for pair, split in zip(pairs, ("train", "test") * 2)]
        assert [len(images) for images in load(split)[:2]] == [2, 2]

    @pytest.mark.parametrize(
        "item, words",
        [
            ("a/1.png", "Item 2 is no"),
            (("a/1.png",), "Item 2 is no"),
            ((np.zeros((2, 2)), 0), "begins with ndarray"),
            (("a/1.png", 0.5), "label of type float"),
            (("a/1.png", None), "label of type NoneType"),
            (("absent.png", "a"), "item 2: there is no absent.png"),
            (("absent.png", "a", "train"), "the list"),
        ],
    )
    def test_what_is_no_path_with_a_label_is_named(self, tmp_path, item, words):
        put(tmp_path, *CLASSES)
        assert words in error_of([(tmp_path / "a/1.png", "a"), item], ValueError)

    @pytest.mark.parametrize("source", [None, 3, b"chairs", {"a/1.png": "a"}])
    def test_reports_43_and_71_what_is_no_source_at_all_is_one_sentence(self, source):
        assert f"is expected instead of {type(source).__name__}" in error_of(source, ValueError)

    def test_report_43_a_frame_is_refused_with_the_list_to_make_of_it(self):
        frame = pd.DataFrame({"file": ["a/1.png"], "label": ["a"]})
        assert "list(zip(frame.file, frame.label))" in error_of(frame, ValueError)


class TestPaths:
    @pytest.mark.parametrize("path", ["chiars", "chiars/train"])
    def test_report_71_a_typo_gives_the_nearest_name(self, tmp_path, path):
        put(tmp_path / "chairs", *CLASSES)
        error = error_of(tmp_path / path)
        assert f"There is no {tmp_path / path}. Did you mean {tmp_path / 'chairs'}?" in error

    @pytest.mark.parametrize(
        "path, words",
        [
            ("https://example.org/chairs.zip", "is an address: download it first"),
            ("s3://chairs", "is an address"),
            ("", "The path is empty"),
            ("chairs\0", "cannot be opened"),
            ("/dev/null", "no file and no folder"),
            ("x" * 300, "cannot be opened"),
        ],
    )
    def test_report_71_what_is_no_path_is_one_sentence(self, path, words):
        assert words in error_of(path) and "\n" not in error_of(path)

    def test_a_home_folder_is_meant_by_a_tilde(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        put(tmp_path / "chairs", *CLASSES)
        assert len(hotdog_ft.load_image_folders("~/chairs", holdout=0)[0]) == 4


def test_labels_that_are_equal_as_numbers_have_one_order(tmp_path):
    put(tmp_path, *CLASSES)
    code = """
import sys, hotdog_ft
rows = [("a/1.png", "1"), ("a/2.png", "01"), ("b/1.png", "2"), ("b/2.png", "-3")]
rows = [(f"{sys.argv[1]}/{file}", label) for file, label in rows]
print(hotdog_ft.load_image_folders(rows, holdout=0)[0].classes)
"""
    found = {run_python(code, tmp_path, PYTHONHASHSEED=seed).stdout for seed in "1234"}
    assert found == {"['-3', '01', '1', '2']\n"}


def test_a_label_with_two_signs_is_a_name(write):
    train_imgs, _, _ = load(write("file,label\na/1.png,--1\nb/1.png,2\n"), holdout=0)
    assert train_imgs.classes == ["--1", "2"]


def test_an_address_in_a_list_is_to_be_downloaded(write):
    path = write("file,label\nhttp://x.org/a.jpg,a\nb/1.png,b\n")
    assert "http://x.org/a.jpg is an address: download it first" in error_of(path)


@pytest.mark.parametrize(
    "rows, words",
    [
        ("a/1.png,a, green\nb/1.png,b\n", "(line 2: more cells than columns"),
        ("a/1.png,a,,\nb/1.png,b,x\n", "(line 3: more cells than columns"),
        ('a/1.png,a\n\na/2.png,"a\nb/1.png,b\nb/2.png,b\n', "(line 4: unexpected end of data)"),
        ('a/1.png,"a" green\nb/1.png,b\n', "(line 2: "),
    ],
)
def test_a_row_that_is_not_what_it_seems_is_refused(write, rows, words):
    """An unquoted comma would make one class of two, an open quote one of all that follows."""
    assert words in error_of(write("file,label\n" + rows), holdout=0)


@pytest.mark.parametrize("again", ["a/../a/1.png", "./a//1.png", "{folder}/a/1.png"])
def test_one_file_written_in_two_ways_is_one_file(write, tmp_path, again):
    again = again.format(folder=tmp_path)
    rows = "a/1.png,a,train\nb/1.png,b,train\na/2.png,a,test\nb/2.png,b,test\n"
    path = write(f"file,label,split\n{rows}{again},a,test\n")
    assert f"line 6: {again} has another label or split than on line 2" in error_of(path)
    path = write(f"file,label,split\n{rows}{again},a,train\n")
    train_imgs, _, notes = load(path)
    assert len(train_imgs) == 2 and "repeat an earlier one: 1" in notes
