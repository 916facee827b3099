"""Runs seeds of the simulation:  python -m tests.resilience.simulate --seeds 100000    --seed 17 replays one."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from tests.resilience.simulation.run import Run, run

HASH_SEED = "0"  # the order of sets is part of what a seed decides
SHOWN_FAILURES = 10
SEEDS_AT_ONCE = 25  # that a process is given, where none of them may be the last


def main() -> int:
    """Exit code 1 when a seed fails."""
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.resilience.simulate", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": HASH_SEED},
        )
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay one seed, with its trace")
    parser.add_argument("--seeds", type=int, default=2_000, help="how many seeds (2000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--stop", action="store_true", help="stop at the first seed that fails")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many at once")
    options = parser.parse_args()
    if options.seed is not None:
        return replay(options.seed)
    return run_all(range(options.first, options.first + options.seeds), options.processes, stop=options.stop)


def replay(seed: int) -> int:
    """Run one seed and show everything."""
    done = run(seed)
    print("\n".join(done.trace))
    print(f"seed {seed}: {done.seconds:.0f} s of virtual time, trace {done.digest}")
    print("\n".join(done.violations) or "every invariant holds")
    return 1 if done.violations else 0


def run_all(seeds: range, processes: int, *, stop: bool) -> int:
    """Run many seeds and show what they hit and which of them failed. stop: at the first that does."""
    hit: Counter[str] = Counter()
    failed: list[Run] = []
    with ProcessPoolExecutor(processes) as pool:
        for number, done in enumerate(pool.map(run, seeds, chunksize=1 if stop else SEEDS_AT_ONCE), start=1):
            hit += done.hit
            if done.violations:
                failed.append(done)
                if stop:
                    pool.shutdown(wait=False, cancel_futures=True)
                    break
            if number % 500 == 0:
                print(f"{number} seeds, {len(failed)} failed", file=sys.stderr)
    for name, count in sorted(hit.items()):
        print(f"{count:9}  {name}")
    for done in islice(failed, SHOWN_FAILURES):
        print(f"seed {done.seed}:", *done.violations, sep="\n  ")
    print(f"{len(seeds)} seeds, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
