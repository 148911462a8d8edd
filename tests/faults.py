"""The fault suite: python -m tests.faults [--seed N] [--short] [--only ROW ...] [--ROW TIMES ...].

Every fault is injected so many times into real sweeps, at random moments that follow from the printed seed,
and a table says what came of it: all but the first number should be 0. It is run by hand, on a quiet machine,
and takes hours; the short version takes some minutes. It wants Linux, and for full disks a user who may mount
one.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests import faults_files, faults_servers, faults_sweeps
from tests.faults_bench import Bench, Counts

ROWS: dict[str, tuple[Callable[[Bench, int], Counts], int, int]] = {
    "flips": (faults_files.flips, 2000, 200),
    "journals": (faults_files.journals, 100, 12),
    "malformed": (faults_files.malformed, 300, 30),
    "openings": (faults_sweeps.openings, 30, 2),
    "kills": (faults_sweeps.kills, 40, 2),
    "killed-trainings": (faults_sweeps.killed_trainings, 5, 0),
    "pairs": (faults_sweeps.pairs, 20, 1),
    "at-once": (faults_sweeps.at_once, 8, 0),
    "actors": (faults_sweeps.actors, 10, 1),
    "cuts": (faults_files.cuts, 4, 1),
    "outages": (faults_servers.outages, 2, 1),
    "gone-for-good": (faults_servers.gone_for_good, 2, 0),
    "full-disks": (faults_servers.full_disks, 4, 1),
    "ports": (faults_sweeps.ports, 1, 0),
}
"""Of each row its function, how often it is injected, and how often in the short version."""
_COLUMNS = ("times", "lost", "doubled", "inconsistent", "left", "tracebacks", "hangs")


def main(words: list[str] | None = None) -> int:
    """Inject the faults and print the table; returns 1 if anything is not 0."""
    given = _parser().parse_args(words)
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=given.folder))
    print(f"seed {seed}; in {folder}; left: processes", flush=True)
    bench = Bench(folder, seed, given.warm)
    print(
        f"{'fault':18}" + "".join(f"{name:>13}" for name in _COLUMNS) + f"{'seconds':>9}",
        flush=True,
    )
    clean = True
    for name, (inject, usual, short) in ROWS.items():
        asked = getattr(given, name.replace("-", "_"))
        times = asked if asked is not None else short if given.short else usual
        if not times or (given.only and name not in given.only):
            continue
        bench.random = random.Random(f"{seed} {name}")  # whichever rows are asked for
        started = time.monotonic()
        counts = inject(bench, times)
        numbers = "".join(f"{getattr(counts, column):>13}" for column in _COLUMNS)
        print(f"{name:18}{numbers}{time.monotonic() - started:>9.0f}", flush=True)
        for note in counts.notes[:10]:
            print("    " + note.replace("\n", "\n    "), flush=True)
        clean = clean and counts.clean
    if clean:
        shutil.rmtree(folder)
    return 0 if clean else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="of all that is random [made up, and printed]")
    parser.add_argument("--short", action="store_true", help="few of each")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), help="only these rows")
    parser.add_argument("--folder", default=None, help="where storages are made [the system's]")
    parser.add_argument("--warm", type=Path, help="a storage of a smoke sweep of nested on digits")
    for name, (_, usual, short) in ROWS.items():
        parser.add_argument(
            f"--{name}", type=int, metavar="TIMES", help=f"[{usual}; short: {short}]"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
