"""Work for the processes of a cluster, by Dask."""

from itertools import islice

from .cores import usable_cores
from .download import DataError

IN_FLIGHT = 8  # at least: more wait here, so that millions of jobs take no memory
WAIT = 30  # seconds for the scheduler to answer, and for a first worker


def computed(scheduler, function, jobs):
    """What `function` gives for each job, as it comes; a worker that is lost is replaced by others.

    Parameters
    ----------
    scheduler : str
        Its address, or "local" for a process per core of this machine.
    function : callable
        Of this package: the workers import it.
    jobs : iterable of tuple
        Its arguments.

    Raises
    ------
    DataError
        The cluster cannot be used, or is gone.
    """
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise ImportError(
            "A scheduler needs Dask: pip install 'hotdog_ft[cluster]'.", name="distributed"
        ) from error
    jobs = iter(jobs)
    where = {"address": scheduler, "timeout": WAIT}
    if scheduler == "local":
        # one thread each: MXNet computes for one at a time
        where = {"n_workers": usable_cores() or 1, "threads_per_worker": 1, "host": "127.0.0.1"}
        where["dashboard_address"] = None
    try:
        with Client(**where) as client:
            client.wait_for_workers(1, WAIT)
            most = max(IN_FLIGHT, 2 * sum(client.nthreads().values()))
            begun = [client.submit(function, *job, pure=False) for job in islice(jobs, most)]
            running = as_completed(begun)
            del begun  # a result is kept by nobody
            for future in running:
                yield future.result()
                for job in islice(jobs, 1):
                    running.add(client.submit(function, *job, pure=False))
    except DataError:
        raise
    except KilledWorker as error:
        raise DataError(
            f"Workers died over the same part, one after the other ({error}): memory may be short."
        ) from error
