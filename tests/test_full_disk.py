"""Disks that are full and folders that may not be written to."""

import os
import tempfile
from pathlib import Path

import pytest
from conftest import run_python, zip_of

BODY = bytes(100_000)

# A disk that is full after 1,000 bytes (the kernel's own limit on file sizes), and a folder that
# may not be written to (root drops its rights first, for it may write anywhere).
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
LOCKED = "os.chmod(sys.argv[3], 0o555); os.getuid() or os.setuid(65534)"
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
@pytest.mark.parametrize("trouble", [FULL, LOCKED], ids=["full disk", "read-only folder"])
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
        assert list(folder.iterdir()) == []
