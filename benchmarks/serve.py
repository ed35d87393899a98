"""What the contenders share: each is a process that does one task a line and says what it cost.

A line on standard input is a JSON list, the task's name and its arguments. The answer is a JSON
object with the pictures that were handled, wall and cpu seconds, and the process's peak memory.
What a task needs is set up outside of the measurement, when its first line with the same arguments
comes.
"""

import json
import resource
import sys
import time


def serve(tasks):
    """Answer requests until standard input ends.

    ``tasks[name](*arguments)`` sets up, and returns a function that does the work once and returns
    the number of pictures.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever libraries print goes elsewhere
    ready = {}
    for line in sys.stdin:
        if line not in ready:
            name, *arguments = json.loads(line)
            ready[line] = tasks[name](*arguments)
        wall, cpu = time.perf_counter(), time.process_time()
        pictures = ready[line]()
        print(
            json.dumps(
                {
                    "pictures": pictures,
                    "seconds": time.perf_counter() - wall,
                    "cpu_seconds": time.process_time() - cpu,
                    "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                }
            ),
            file=answers,
            flush=True,
        )
