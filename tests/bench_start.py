"""What a command takes whose work is done already: python tests/bench_start.py [--rounds N].

A small sweep is made in a directory of its own, then started again and again, as is the replay of its point:
nothing is trained, sampled or drawn, so what is measured is loading, opening the stores and looking up.
Beside them stands a bare import of torch, which every one of them has in it. CPU seconds of the process and
its children, by the operating system; median and range.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
_SWEEP = ("-m", "platform.sweep", "nested", "digits", "--preset", "smoke")


def run(words: list[str]) -> tuple[float, float]:
    """CPU seconds and seconds of a run of this Python.

    Raises:
        CalledProcessError: it failed.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "sweep.json"
        sweep = [*_SWEEP, "--storage", f"{name}/runs", "--json", str(file)]
        first, seconds = run(sweep)
        print(f"the sweep itself: {first:.0f} CPU seconds, {seconds:.0f} s", flush=True)
        best = json.loads(file.read_text())
        point = next(p for p in best["front"] if p["label"] == best["cheapest"])["point"]
        evaluate = ["-m", "platform.evaluate", *_SWEEP[2:], "--storage", f"{name}/runs"]
        commands = {
            "import torch": ["-c", "import torch"],
            "sweep, finished": sweep,
            "evaluate, measured": [*evaluate, "--point", json.dumps(point)],
        }
        run(commands["evaluate, measured"])
        spent: dict[str, list[tuple[float, float]]] = {each: [] for each in commands}
        for _ in range(rounds):  # they take turns
            for each, words in commands.items():
                spent[each].append(run(words))
        print(f"{'command':20} {'CPU seconds':>20} {'seconds':>20}")
        for each, values in spent.items():
            columns = (
                f"{statistics.median(v):.1f} [{min(v):.1f}, {max(v):.1f}]"
                for v in zip(*values, strict=True)
            )
            print(f"{each:20}" + "".join(f" {column:>20}" for column in columns))


if __name__ == "__main__":
    main()
