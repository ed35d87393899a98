"""Work for the processes of a cluster, by Dask."""

import asyncio
import logging
import os
import signal
from concurrent.futures import CancelledError
from itertools import islice
from multiprocessing import resource_tracker

from .cores import usable_cores
from .files import DataError

IN_FLIGHT = 8  # at least: more wait here, so that millions of jobs take no memory
WAIT = 60  # seconds for the scheduler to answer, and for a first worker


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
        from distributed.comm import CommClosedError
    except ImportError as error:
        raise ImportError(
            "A scheduler needs Dask: pip install 'hotdog_ft[cluster]'.", name="distributed"
        ) from error
    # that the scheduler is gone is said below, in a sentence
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    where = {"address": scheduler, "timeout": WAIT}
    if scheduler == "local":
        where = {"n_workers": usable_cores() or 1, "host": "127.0.0.1"}
        where["dashboard_address"] = "127.0.0.1:0"  # None takes 8787, which somebody else may have
        # one thread each, for MXNet computes for one at a time; a worker that is lost is no news.
        # Above a limit, Dask has a worker wait for memory, which MXNet never gives back.
        where.update(threads_per_worker=1, silence_logs="ERROR", memory_limit=0)
    # the workers begin without Ctrl-C, which is this process's to answer; it comes a moment later.
    # The tracker that multiprocessing begins would let it through again
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threads = os.environ.get("OMP_NUM_THREADS")
    try:
        os.environ["OMP_NUM_THREADS"] = "1"  # for the workers, as they begin
        client = Client(**where)
    except (OSError, TypeError, ValueError) as error:  # the second for tls:// without keys
        raise DataError(f"There is no Dask scheduler at {scheduler} ({error}).") from error
    except RuntimeError as error:
        if scheduler != "local":
            raise
        raise DataError(
            f"The workers did not start ({error}). A script keeps the call that begins them below "
            "`if __name__ == '__main__':`, for each of them imports the script."
        ) from error
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = threads
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    with client:
        try:
            client.wait_for_workers(1, WAIT)
        except asyncio.TimeoutError as error:  # another than Python's own before 3.11
            how = f"OMP_NUM_THREADS=1 dask worker {scheduler} --nthreads 1 --memory-limit 0"
            raise DataError(f"{scheduler} has no workers: begin some, such as {how}.") from error
        jobs = iter(jobs)
        most = max(IN_FLIGHT, 2 * sum(client.nthreads().values()))
        running = as_completed(
            [client.submit(function, *job, pure=False) for job in islice(jobs, most)]
        )
        for future in running:
            try:
                result = future.result()
            except (CancelledError, CommClosedError) as error:  # the latter in a result's midst
                raise DataError(
                    f"The scheduler {scheduler} is gone. The same call goes on when it is back."
                ) from error
            except KilledWorker as error:
                raise DataError(
                    f"Workers died over the same work, one after the other: {error}"
                ) from error
            except (ImportError, RuntimeError) as error:  # before anything of ours can look
                if not isinstance(error, ImportError) and "deserializ" not in str(error):
                    raise
                raise DataError(
                    "The cluster lacks this hotdog_ft: install the same version for the scheduler "
                    f"and all workers ({' '.join(str(error).split())})."
                ) from error
            for job in islice(jobs, 1):
                running.add(client.submit(function, *job, pure=False))
            yield result
