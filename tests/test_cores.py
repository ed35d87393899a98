"""How many threads MXNet gets: affinity, hyper-threads, and a container's CPU quota."""

import os
import sys

import pytest
from conftest import run_python

from hotdog_ft import doctor
from hotdog_ft.cores import cpu_quota, memory_limit, usable_cores

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")


@pytest.fixture
def machine(tmp_path):
    """A function that writes files below a root of its own, and returns the root.

    Each CPU that this process may use is a core of its own there, among 64.
    """

    def write(files):
        for cpu in os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ():
            path = f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
            files = {path: f"{cpu}\n", **files}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


GROUPS = "sys/fs/cgroup"
# Documentation/admin-guide/cgroup-v2.rst: cpu.max holds "$MAX $PERIOD"; sched-bwc.rst: -1 is none
QUOTAS = {
    "no groups at all": ({}, None),
    "version 2, own group": (
        {"proc/self/cgroup": "0::/\n", f"{GROUPS}/cpu.max": "150000 100000\n"},
        1.5,
    ),
    "version 2, no limit": (
        {"proc/self/cgroup": "0::/\n", f"{GROUPS}/cpu.max": "max 100000\n"},
        None,
    ),
    "version 2, a group above is tighter": (
        {
            "proc/self/cgroup": "0::/kubepods/pod1/box\n",
            f"{GROUPS}/kubepods/pod1/box/cpu.max": "max 100000\n",
            f"{GROUPS}/kubepods/pod1/cpu.max": "50000 100000\n",
            f"{GROUPS}/kubepods/cpu.max": "800000 100000\n",
        },
        0.5,
    ),
    "version 2, under a path of the host": (
        {"proc/self/cgroup": "0::/../../docker/0f3a\n", f"{GROUPS}/cpu.max": "200000 100000\n"},
        2,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "5:memory:/\n4:cpu,cpuacct:/box\n",
            f"{GROUPS}/cpu,cpuacct/box/cpu.cfs_quota_us": "350000\n",
            f"{GROUPS}/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
        },
        3.5,
    ),
    "version 1 by its short name, under a path of the host": (
        {
            "proc/self/cgroup": "4:cpuacct,cpu:/docker/0f3a\n1:name=systemd:/x\n0::/\n",
            f"{GROUPS}/cpu/cpu.cfs_quota_us": "100000\n",
            f"{GROUPS}/cpu/cpu.cfs_period_us": "50000\n",
        },
        2,
    ),
    "version 1, no limit": (
        {
            "proc/self/cgroup": "1:cpu:/\n",
            f"{GROUPS}/cpu/cpu.cfs_quota_us": "-1\n",
            f"{GROUPS}/cpu/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "nonsense": ({"proc/self/cgroup": "0::/\n", f"{GROUPS}/cpu.max": "much\n"}, None),
    "a line of another form": (
        {"proc/self/cgroup": "?\n0::/\n", f"{GROUPS}/cpu.max": "300000 100000\n"},
        3,
    ),
}


@pytest.mark.parametrize("which", QUOTAS)
def test_report_70_a_quota_is_read_from_the_tightest_group(machine, which):
    files, quota = QUOTAS[which]
    assert cpu_quota(machine(files)) == quota


@linux
def test_report_70_no_more_cores_than_the_quota_rounded_up_and_at_least_one(machine):
    cpus = len(os.sched_getaffinity(0))
    root = machine({"proc/self/cgroup": "0::/\n"})
    assert usable_cores(root) == cpus
    for quota, cores in {"1000": 1, "100000": 1, "110000": min(2, cpus), "9900000": cpus}.items():
        root = machine({f"{GROUPS}/cpu.max": f"{quota} 100000\n"})
        assert usable_cores(root) == cores


@linux
def test_two_hyper_threads_are_one_core(machine):
    siblings = {
        f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": "0-999\n"
        for cpu in os.sched_getaffinity(0)
    }
    assert usable_cores(machine(siblings)) == 1


@linux
def test_where_nothing_says_what_is_a_core_mxnet_decides_within_the_quota(tmp_path):
    assert usable_cores(tmp_path) is None
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / GROUPS).mkdir(parents=True)
    (tmp_path / GROUPS / "cpu.max").write_text("10000 100000")
    assert usable_cores(tmp_path) == 1


@linux
def test_a_process_bound_to_one_cpu_gets_one_thread():
    code = (
        "import os; [os.environ.pop(x, 0) for x in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS')]"
        "; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])"
        "; import hotdog_ft; print(os.environ['OMP_NUM_THREADS'])"
    )
    assert run_python(code).stdout == "1\n"


@pytest.mark.parametrize("threads", ["", " 2", "+1"])
def test_threads_that_mxnet_takes_are_left_alone(threads):
    code = "import hotdog_ft, os; print(os.environ.get('OMP_NUM_THREADS'))"
    done = run_python(code, OMP_NUM_THREADS=threads)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{threads}\n" if threads else done.stdout.strip()


@pytest.mark.parametrize("threads", ["2,1", "auto", "-1", "0", "1.5", "99999999999", "２"])
def test_threads_that_mxnet_would_not_take_are_told_and_not_set(threads):
    code = "import hotdog_ft, mxnet, os; print(int(os.environ.get('OMP_NUM_THREADS', 1)))"
    done = run_python(code, OMP_NUM_THREADS=threads)
    assert done.returncode == 0 and int(done.stdout) >= 1, done.stderr
    assert f"OMP_NUM_THREADS={threads} is no whole number from 1" in done.stderr


@pytest.mark.parametrize(
    "quota, cores, threads, status, words",
    [
        (1.5, 2, "2", "OK", "2 threads, 2 cores (a CPU quota allows 1.5 of 64)"),
        (1.5, 2, "64", "WARN", "OMP_NUM_THREADS=64 is more than 2 cores (a CPU quota allows 1.5"),
        (None, 64, "64", "OK", "64 threads, 64 cores"),
        (32, 32, "2", "WARN", "uses few of 32 cores (a CPU quota allows 32 of 64); unset it"),
    ],
)
def test_report_70_the_doctor_says_what_a_quota_leaves(
    monkeypatch, quota, cores, threads, status, words
):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr("hotdog_ft.cores.cpu_quota", lambda: quota)
    monkeypatch.setattr("hotdog_ft.cores.usable_cores", lambda: cores)
    found, message = doctor.check_threads()
    assert found == status and words in message


@pytest.mark.parametrize(
    "files, limit",
    [
        ({"proc/self/cgroup": "0::/box\n", f"{GROUPS}/box/memory.max": "4294967296\n"}, 4 << 30),
        ({"proc/self/cgroup": "0::/box\n", f"{GROUPS}/box/memory.max": "max\n"}, None),
        (
            {
                "proc/self/cgroup": "5:memory:/box\n4:cpu:/\n",
                f"{GROUPS}/memory/box/memory.limit_in_bytes": "2147483648\n",
                f"{GROUPS}/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            2 << 30,
        ),
    ],
)
def test_a_limit_of_memory_is_read_from_the_tightest_group(machine, files, limit):
    assert memory_limit(machine(files)) == limit


def test_the_doctor_counts_the_memory_that_a_container_leaves(monkeypatch):
    monkeypatch.setattr("hotdog_ft.cores.memory_limit", lambda: 4e9)
    status, message = doctor.check_memory()
    assert status == "WARN" and message.startswith("4.0 GB of memory")
