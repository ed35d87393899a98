"""How many cores and how much memory this process may use, and what the cores can."""

import math
import os
from contextlib import suppress
from pathlib import Path


def _tightest(limit_of, controller, root):
    """The tightest limit from this process's own control group up to the outermost, or None.

    Groups are of version 1 or 2; ``proc`` and ``sys`` lie in `root`.
    """
    root = Path(root)
    groups = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    limits = []
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        for top in [groups / controllers, groups / controller] if controllers else [groups]:
            group = top / path.strip("/")
            # a container may see its own group as the outermost, under a path of the host
            limits += [limit_of(one) for one in [group, *group.parents] if one.is_relative_to(top)]
    return min((limit for limit in limits if limit), default=None)


def cpu_quota(root="/"):
    """How many CPUs' time this process's control groups give it, a float; None for no limit."""
    return _tightest(_cpus_of, "cpu", root)


def memory_limit(root="/"):
    """How many bytes the control groups of this process let it use; None for no limit."""
    return _tightest(_bytes_of, "memory", root)


def _bytes_of(group):
    for name in ("memory.max", "memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # no such group; "max"
            return int((group / name).read_text())
    return None


def _cpus_of(group):
    """The limit that one control group sets, None if it sets none."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no such group; "max"
        return None


def usable_cores(root="/"):
    """Physical cores that this process may keep busy, at least 1; None where nothing says so.

    A quota is rounded up.
    """
    try:
        cpus = os.sched_getaffinity(0)
    except AttributeError:  # not Linux
        return None
    quota = cpu_quota(root)
    folder = Path(root) / "sys/devices/system/cpu"
    try:
        cores = {(folder / f"cpu{cpu}/topology/thread_siblings_list").read_text() for cpu in cpus}
    except OSError:
        cores = cpus if quota else None
    return cores and min(len(cores), math.ceil(quota or len(cores)))


def has_instructions(names, root="/"):
    """Whether the processor has one of these, by Linux's names of them; ``proc`` lies in `root`."""
    try:
        text = (Path(root) / "proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False
    return not set(names).isdisjoint(text.split())
