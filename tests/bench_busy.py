"""The slowdown of training beside busy neighbours: python tests/bench_busy.py [DATASET [ROUNDS [ATTEMPTS]]].

An update of the signal denoiser of preset `quick` is timed on one thread, and on as many threads as
there are CPUs. These threads wait for each other by the defaults of GNU's OpenMP (before), and by those of
`trainables.core.threads` (after). Each setting is timed alone, and beside one and two processes that
multiply matrices on a thread each, in turns. The figures are medians of the wall time of an update,
relative to one thread alone in the same round. In brackets is the number of CPUs that processes foreign
to the measurement took: a turn is repeated, at most ATTEMPTS times, until that number is small.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.planning.presets import preset

import torch
from bench_training import FACTS, blank

from trainables.core import threads
from trainables.task.recipe import Task, Updates
from trainables.training import loop
from trainables.training.batches import Batches, Share
from trainables.training.objective import Context

GNU = {"GOMP_SPINCOUNT": "300000"}  # from libgomp's env.c: about 3 ms, more where a pause is slow
ALL = threads.available()
SETTINGS = {
    "1 thread": (1, threads.ENVIRONMENT),
    f"{ALL} threads, before": (ALL, GNU),
    f"{ALL} threads, after": (ALL, threads.ENVIRONMENT),
    f"{ALL} threads that sleep at once": (ALL, {"GOMP_SPINCOUNT": "0"}),
}
NEIGHBOURS = (0, 1, 2)
NEGLIGIBLE = 0.15  # CPUs
SECONDS, LEAST = 0.6, 2  # the least duration of a turn, and its least number of updates
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Turn:
    """Wall and CPU time of an update in ms, and the CPUs that foreign processes took."""

    wall: float
    cpu: float
    foreign: float


def train(dataset: str, count: int) -> None:
    """Train on `count` threads, one turn for every line of standard input; print each turn's seconds."""
    torch.set_num_threads(count)
    facts, share = FACTS[dataset], Share()
    data, recipe = blank(facts), preset("quick", facts).recipe
    classifier_task = Task(dataset, "gn30", 0, replace(recipe, updates=Updates(1, 1, 1, 1)))
    classifier = loop.train_part(
        "classifier", Context(classifier_task, data, {}), share, lambda report: None
    )
    context = Context(Task(dataset, "gn30", 0, recipe), data, {"classifier": classifier})
    run = loop._begin("signal", context, share, None)
    batches, number = Batches(context.task, data.train, share), 0

    def turn() -> tuple[float, float]:
        nonlocal number
        first, wall, cpu = number, time.perf_counter(), time.process_time()
        while number - first < LEAST or time.perf_counter() - wall < SECONDS:
            loop._round(run, "signal", context, share, batches.batch(number), number, 10**6)
            number += 1
        count = number - first
        return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count

    turn()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(*turn(), flush=True)


def multiply() -> None:
    """Multiply matrices on one thread for ever, as a busy neighbour."""
    torch.set_num_threads(1)
    matrix = torch.randn(384, 384)
    print("ready", flush=True)
    while True:
        matrix @ matrix


class Machine:
    """The measured processes and their neighbours, started and stopped together."""

    def __init__(self, dataset: str) -> None:
        self.trainings = {
            title: _start(environment, "train", dataset, str(count))
            for title, (count, environment) in SETTINGS.items()
        }
        self.neighbours = [_start({}, "multiply") for _ in range(max(NEIGHBOURS))]
        self.processes = [*self.trainings.values(), *self.neighbours]
        for process in self.processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for neighbour in self.neighbours:
            neighbour.send_signal(signal.SIGSTOP)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def turn(self, title: str, neighbours: int, attempts: int) -> Turn:
        """The turn of a training beside so many neighbours that foreign processes disturbed least."""
        for neighbour in self.neighbours[:neighbours]:
            neighbour.send_signal(signal.SIGCONT)
        best = self._turn(title)
        for _ in range(attempts - 1):
            if best.foreign <= NEGLIGIBLE:
                break
            best = min(best, self._turn(title), key=lambda turn: turn.foreign)
        for neighbour in self.neighbours:
            neighbour.send_signal(signal.SIGSTOP)
        return best

    def _turn(self, title: str) -> Turn:
        process = self.trainings[title]
        assert process.stdin is not None and process.stdout is not None
        start, busy_before, used_before = time.perf_counter(), _busy(), self._used()
        process.stdin.write("\n")
        process.stdin.flush()
        wall, cpu = map(float, process.stdout.readline().split())
        foreign = (_busy() - busy_before) - (self._used() - used_before)
        return Turn(1000 * wall, 1000 * cpu, max(0.0, foreign / (time.perf_counter() - start)))

    def _used(self) -> float:
        """Seconds of CPU time of this process and of those that it started."""
        return time.process_time() + sum(_seconds(process.pid) for process in self.processes)


def _start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, __file__, *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, env=inherited | environment, text=True
    )


def _busy() -> float:
    """Seconds that the machine's CPUs have been busy, summed."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICKS


def _seconds(pid: int) -> float:
    """Seconds of CPU time of a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def main() -> None:
    dataset, rounds, attempts = (sys.argv[1:] + ["digits", "5", "5"][len(sys.argv) - 1 :])[:3]
    turns: dict[tuple[str, int], list[Turn]] = {}
    ratios: dict[tuple[str, int], list[float]] = {}
    with Machine(dataset) as machine:
        for _ in range(int(rounds)):
            alone = None
            for neighbours in NEIGHBOURS:
                for title in SETTINGS:
                    turn = machine.turn(title, neighbours, int(attempts))
                    alone = alone or turn.wall  # the first is one thread alone
                    turns.setdefault((title, neighbours), []).append(turn)
                    ratios.setdefault((title, neighbours), []).append(turn.wall / alone)
    first = turns[next(iter(SETTINGS)), 0]
    wall = statistics.median(turn.wall for turn in first)
    print(f"signal, preset quick, {dataset}: {wall:.0f} ms an update on one thread alone")
    print(f"{'':32}" + "".join(f"{f'beside {n}':>18}" for n in NEIGHBOURS) + "   CPU ms, beside 0")
    for title in SETTINGS:
        cells = ""
        for n in NEIGHBOURS:
            foreign = statistics.median(turn.foreign for turn in turns[title, n])
            cells += f"{statistics.median(ratios[title, n]):11.2f} [{foreign:.2f}]"
        cpu = statistics.median(turn.cpu for turn in turns[title, 0])
        print(f"{title:32}{cells} {cpu:10.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["multiply"]:
        multiply()
    else:
        main()
