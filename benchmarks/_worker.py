"""The process in which one contender runs; started and driven by `benchmarks.harness.Contest`.

`python -m benchmarks._worker MODULE:FUNCTION OPTIONS THREADS`: the function, called with the JSON options,
prepares the work and returns a function that does it once. The process answers with one JSON line when ready,
then with one line of seconds for every count it reads, and with its peak resident set, bytes, when it reads
`peak`; it ends with its input. When something fails it answers `{"error": ...}` and ends with code 1.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from threadpoolctl import threadpool_info, threadpool_limits


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_bytes() -> int:
    """Return the peak resident set of this process, bytes."""
    # Linux counts in ru_maxrss also what the parent held when it started this process; VmHWM is this program's own.
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    for line in lines:
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _serve(target: str, options: str, threads: str) -> None:
    module, function = target.split(":")
    work = getattr(importlib.import_module(module), function)(**json.loads(options))
    with threadpool_limits(int(threads)):
        keys = ("internal_api", "version", "architecture")
        libraries = [{key: pool[key] for key in keys if key in pool} for pool in threadpool_info()]
        print(json.dumps({"libraries": libraries}), flush=True)
        for line in sys.stdin:
            request = line.strip()
            answer = peak_bytes() if request == "peak" else [_seconds(work) for _ in range(int(request))]
            print(json.dumps(answer), flush=True)


def main(target: str, options: str, threads: str) -> None:
    """Prepare the work, then answer what is asked on standard input."""
    try:
        _serve(target, options, threads)
    except Exception as error:
        message = next((line for line in str(error).splitlines() if line.strip()), "no message")
        print(json.dumps({"error": f"{type(error).__name__}: {message}"}), flush=True)
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
