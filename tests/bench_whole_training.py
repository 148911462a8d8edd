"""The time of a whole training: python tests/bench_whole_training.py [--before COMMIT] [--rounds 3] [...].

It runs `python -m platform.train nested digits`, from nothing to the last part, in turns: as another commit
has it, where one is named; here, with the parts that do not need each other side by side; and, with
`--in-turn`, here one after the other (`--workers 1`). Each time it prints the seconds of the whole command,
and of each part the seconds, the threads and the last validation loss; at the end the medians and their
ratios to the first. Run it on a quiet machine: what else is busy is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-training-") as folder:
        ways: dict[str, tuple[Path, tuple[str, ...]]] = {"side by side": (ROOT, ())}
        if arguments.in_turn:
            ways["one after the other"] = ROOT, ("--workers", "1")
        if arguments.before:
            ways = {f"at {arguments.before}": (_tree(arguments.before, folder), ()), **ways}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(arguments.rounds):
            for way, (root, words) in ways.items():
                storage = Path(folder) / f"{way}-{number}".replace(" ", "-")
                seconds[way].append(_timed(arguments, root, words, storage))
                print(f"{way}: {seconds[way][-1]:.1f} s", flush=True)
                _tell_parts(storage)
    first = statistics.median(next(iter(seconds.values())))
    for way, values in seconds.items():
        median = statistics.median(values)
        each = ", ".join(f"{value:.1f}" for value in values)
        print(f"{way:24} median {median:7.1f} s, {median / first:.2f} of the first ({each})")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", default="", help="a commit to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-turn", action="store_true", help="also one part after the other")
    parser.add_argument("--strategy", default="nested")
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--preset", default="quick")
    return parser.parse_args()


def _tree(commit: str, folder: str) -> Path:
    """The files of another commit."""
    tree = Path(folder) / "before"
    tree.mkdir()
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "x", "-C", tree], input=archive, check=True)
    return tree


def _timed(
    arguments: argparse.Namespace, root: Path, words: tuple[str, ...], storage: Path
) -> float:
    """The seconds of a training from nothing."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"  (not quiet: a load of {load:.1f} before it)")
    command = [sys.executable, "-m", "platform.train", arguments.strategy, arguments.dataset]
    command += ["--preset", arguments.preset, "--storage", str(storage), *words]
    environment = {k: v for k, v in os.environ.items() if k not in ("RAY_ADDRESS", "PYTHONPATH")}
    start = time.monotonic()
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def _tell_parts(storage: Path) -> None:
    """Print what is stored with the parts."""
    for file in sorted(storage.glob("parts/*/*/part.json"), key=lambda one: one.stat().st_mtime):
        facts = json.loads(file.read_text())
        loss = facts["metrics"]["validation_loss"]
        print(
            f"  {facts['origin']['kind']:12} {facts['seconds']:7.1f} s, {facts['threads']} threads, "
            f"validation loss {loss:.4f}, accuracy {facts['metrics']['validation_accuracy']:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
