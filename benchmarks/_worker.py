"""The process in which one contender runs; started and driven by `benchmarks.harness.Contest`.

`python -m benchmarks._worker MODULE:FUNCTION OPTIONS THREADS`: the function, called with the JSON options,
prepares the work and returns a function that does it once. The process answers with one JSON line when ready,
then with one line of seconds for every count it reads, and ends with its input.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable

from threadpoolctl import threadpool_info, threadpool_limits


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(target: str, options: str, threads: str) -> None:
    """Prepare the work, then time it as often as asked on standard input."""
    module, function = target.split(":")
    work = getattr(importlib.import_module(module), function)(**json.loads(options))
    with threadpool_limits(int(threads)):
        libraries = [{key: pool[key] for key in ("internal_api", "version")} for pool in threadpool_info()]
        print(json.dumps({"libraries": libraries}), flush=True)
        for count in sys.stdin:
            print(json.dumps([_seconds(work) for _ in range(int(count))]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
