"""How many cores this process may use, by its affinity and a container's quota; what they can."""

import math
import os
from pathlib import Path


def cpu_quota(root="/"):
    """How many CPUs' time the control groups of this process give it, a float; None for no limit.

    It is the tightest limit from its own group up to the outermost, of version 1 or 2; ``proc`` and
    ``sys`` lie in `root`.
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
        if controllers and "cpu" not in controllers.split(","):
            continue
        hierarchies = [groups / controllers, groups / "cpu"] if controllers else [groups]
        for top in hierarchies:
            group = top / path.strip("/")
            # a container may see its own group as the outermost, under a path of the host
            limits += [_limit(one) for one in [group, *group.parents] if top in [one, *one.parents]]
    return min((limit for limit in limits if limit), default=None)


def _limit(group):
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
