"""The cache of unpacked archives."""

import os
import tarfile
import time

import pytest
from conftest import zip_of

import hotdog_ft
from hotdog_ft import archives
from hotdog_ft.download import cache_folder


def test_what_a_killed_process_has_left_is_removed_a_day_later(picture_folders, tmp_path):
    left = [cache_folder() / f"unpacking-{name}" for name in ("old", "new")]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(b"")
    os.utime(left[0], (time.time() - 90_000,) * 2)
    assert archives.unpack(zip_of(picture_folders(), tmp_path / "photos.zip")).is_dir()
    assert [folder.exists() for folder in left] == [False, True]


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="unpacks no tar")
def test_a_time_that_no_clock_shows_is_damage(picture_folders, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("a/1.png")
        member.pax_headers = {"mtime": "1e30"}
        tar.addfile(member)
    with pytest.raises(hotdog_ft.DataError, match=r"photos\.tar could not be unpacked"):
        archives.unpack(tmp_path / "photos.tar")
    assert not list(cache_folder().glob("unpacking-*"))
