"""The records of speed: the page's tables are those of its records, and no record is lost."""

import re
import subprocess
import sys
from datetime import date

import pytest
from conftest import ROOT

PAGE = (ROOT / "benchmarks/README.md").read_text()
RECORDS = re.findall(r"ceiling \d+ GFLOP/s\*\* \(`(results/bench/[\w-]+\.json)`", PAGE)


def run(*options):
    command = [sys.executable, ROOT / "benchmarks/run.py", *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("record", RECORDS)
def test_a_table_of_the_page_is_that_of_its_record(record):
    shown = run("--show", ROOT / record).stdout
    rows = re.findall(r"^\| \*\*[A-D]\*\* .*$", shown, re.MULTILINE)
    assert len(rows) >= 8 and set(rows) <= set(PAGE.splitlines())


def test_every_machine_of_the_page_has_a_record():
    assert len(set(RECORDS)) == len(RECORDS) == PAGE.count("| **B** prediction, batch 32 |") >= 4


def test_a_record_of_the_same_day_is_not_overwritten(tmp_path):
    there = tmp_path / f"bench-{date.today()}.json"
    there.write_text("{}")
    done = run("--data", tmp_path, "--out", tmp_path)
    assert done.returncode == 2 and f"{there} is there already" in done.stderr
    assert there.read_text() == "{}"
