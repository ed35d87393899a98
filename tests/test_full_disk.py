"""Disks that are full and folders that may not be written to."""

import os
import tempfile
from pathlib import Path

import pytest
from conftest import run_python, zip_of

from hotdog_ft.archives import unpack
from hotdog_ft.download import fetch
from hotdog_ft.files import DataError, write_whole

BODY = bytes(100_000)

# A disk that is full after 1,000 bytes (the kernel's own limit on file sizes), and a folder that
# may not be written to (root drops its rights first, for it may write anywhere).
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
LOCKED = "os.chmod(sys.argv[3], 0o555); os.getuid() or os.setuid(65534)"
CLOSED = LOCKED.replace("0o555", "0o000")  # nobody can tell what is in it
WRITERS = {
    "a download": "download.fetch(sys.argv[1], None, folder / 'file')",
    "an archive": "os.environ.update(HOTDOG_FT_CACHE=str(folder)); archives.unpack(sys.argv[2])",
    "a record": "Record('x' * 2000, 'full', {}, {}, path=folder / 'record.json').save()",
}
CODE = """
import os, sys, pathlib
from hotdog_ft import archives, download
from hotdog_ft.records import Record

def write(folder):
    {writer}

write(pathlib.Path(sys.argv[4]))  # it works, and all that it imports is there
{trouble}
try:
    write(pathlib.Path(sys.argv[3]))
except download.DataError as error:
    print(error)
"""


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "trouble", [FULL, LOCKED, CLOSED], ids=["full disk", "read-only folder", "closed folder"]
)
def test_a_disk_that_takes_nothing_is_one_clear_line(server, writer, trouble, picture_folders):
    server.answers["/file"] = 200, BODY
    with tempfile.TemporaryDirectory() as root:  # pytest's own folders are closed to other users
        os.chmod(root, 0o755)
        folder = Path(root, "folder")
        folder.mkdir()
        zip_of(picture_folders(), Path(root, "pictures.zip"))
        code = CODE.format(writer=WRITERS[writer], trouble=trouble)
        paths = Path(root, "pictures.zip"), folder, Path(root, "elsewhere")
        done = run_python(code, server.url + "/file", *paths)
        assert str(folder) in done.stdout and "ake room" in done.stdout, done.stderr
        assert done.stdout.count("\n") == 1
        folder.chmod(0o755)
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("trouble", [LOCKED, CLOSED], ids=["read-only", "closed"])
def test_a_folder_for_no_checkpoint_is_told_before_the_first_epoch(trouble, picture_folders):
    code = f"""
import os, sys
import hotdog_ft
sets = hotdog_ft.load_image_folders(sys.argv[1])
net = hotdog_ft.load_recipe("mini").load_pretrained_net()
net = hotdog_ft.finetune_net(net, 2)
settings = hotdog_ft.Settings(size=32, num_epochs=1)
{trouble}
try:
    hotdog_ft.train(net, *sets, settings, report=print, checkpoint=sys.argv[3] + "/runs/c")
except hotdog_ft.DataError as error:
    print(error)
"""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        Path(root, "folder").mkdir()
        done = run_python(code, picture_folders(), "", Path(root, "folder"))
    assert "folder/runs cannot be written to" in done.stdout, done.stderr
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("name", ["file/net", "n" * 300])
def test_a_place_where_no_file_can_be_is_one_clear_line(name, tmp_path):
    (tmp_path / "file").write_bytes(BODY)
    with pytest.raises(DataError, match=r"Could not write .*name another place"):
        write_whole(tmp_path / name, BODY)


def test_any_name_that_the_disk_takes_can_be_written(tmp_path):
    write_whole(tmp_path / ("ơ" * 127), BODY)  # 254 bytes of at most 255
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [BODY]


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/net").write_bytes(b"old")
    (tmp_path / "net").symlink_to("disk/net")
    write_whole(tmp_path / "net", BODY)
    assert (tmp_path / "net").is_symlink() and (tmp_path / "disk/net").read_bytes() == BODY


def test_what_one_user_fetched_or_unpacked_others_may_read(server, picture_folders, tmp_path):
    server.answers["/file"] = 200, BODY
    fetched = fetch(server.url + "/file", None, tmp_path / "fetched/file")
    folder = unpack(zip_of(picture_folders(), tmp_path / "pictures.zip"))
    (tmp_path / "own").touch()
    (tmp_path / "own folder").mkdir()
    for ours, usual in ((fetched, tmp_path / "own"), (folder, tmp_path / "own folder")):
        assert ours.stat().st_mode == usual.stat().st_mode


def test_a_cache_that_is_closed_to_this_user_is_named(server):
    """As where HOME is that of another user."""
    server.answers["/file"] = 200, BODY
    code = """
import os, sys
from hotdog_ft import download, zoo
home = os.environ["MXNET_HOME"] = os.environ["HOTDOG_FT_CACHE"] = sys.argv[1]
os.environ["MXNET_GLUON_REPO"] = os.environ["HF_ENDPOINT"] = sys.argv[2]
os.chmod(home, 0o000)
os.getuid() or os.setuid(65534)
try:
    zoo.fetch_weights()
except download.DataError as error:
    print(error)
"""
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        Path(root, "closed").mkdir()
        done = run_python(code, Path(root, "closed"), server.url)
    assert "HOTDOG_FT_CACHE (MXNET_HOME" in done.stdout, done.stderr
