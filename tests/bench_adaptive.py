"""What chains that end once a sample is settled gain over fixed numbers of them:
python tests/bench_adaptive.py STORAGE.

Points are measured by trained parts of a storage, as sweeps leave them. For each strategy fixed chains and
adaptive ones are measured on validation and test images, at several sampling seeds. A pair is chosen on
validation images alone: the fixed number of chains that is the most accurate, of equal ones the cheapest, and
the cheapest threshold that is as accurate, or else the most accurate one. On test images both are compared by
a paired test, and so is the same threshold with the fixed number of chains whose calls are nearest to its
mean.

`--sweep SUMMARY` tests what a sweep with `--settled` found in the place of these points: each one of its
confirmed front that has `settled`, against the same one with the fixed number of chains whose calls on
validation images are nearest to its mean there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.planning.plan import Plan
from platform.planning.setup import Setup, setup_of

import torch

from trainables.core.memory import keep_pages
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.sampling.cost import cost
from trainables.scoring.metric_names import ACCURACY, GFLOPS, NFE
from trainables.scoring.statistics import PairedTest
from trainables.strategies import schedule_of

POINTS = {
    "enhanced": {"steps": 4, "eta": 0.0},
    "card": {"steps": 4, "eta": 1.0},
    "nested": {
        "outer_steps": 2, "inner_steps": 2, "t_switch": 0.5, "refresh_interval": 1.0, "eta": 1.0,
        "answer": "x",
    },
}  # fmt: skip
"""One chain of each strategy."""
CHAINS, THRESHOLDS = (1, 2, 3, 4, 6, 8, 12), (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Measured:
    """A point with its measurements, one a seed, on both splits."""

    label: str
    validation: Sequence[Measurement]
    test: Sequence[Measurement]

    @property
    def score(self) -> tuple[float, float]:
        """Accuracy and calls on validation images."""
        values = summary(self.validation)
        return values[ACCURACY], values[NFE]

    @property
    def row(self) -> str:
        """A line of the table."""
        texts = [f"{self.label:12}"]
        for measurements in (self.validation, self.test):
            values = summary(measurements)
            texts.append(f"{100 * values[ACCURACY]:10.1f}{values[NFE]:8.2f}{values[GFLOPS]:9.4f}")
        going_on = " ".join(f"{100 * share:.0f}" for share in self.test[0].running)
        return "".join(texts) + (f"   {going_on}" if going_on else "")


def measured(evaluator: Evaluator, setup: Setup, point: Mapping[str, object], seeds: int) -> list:
    """The measurements of a point on validation and on test images."""
    limits = {split: setup.job(split, 1).limit for split in ("validation", "test")}
    return [
        [evaluator.measure(point, Sampling(split, limit, seed)) for seed in range(seeds)]
        for split, limit in limits.items()
    ]


def compared(title: str, ours: Measured, theirs: Measured) -> str:
    """A paired test of two points on test images, as a line."""
    test: PairedTest = paired(ours.test, theirs.test)
    gain, low, high = (100 * value for value in (test.difference, test.low, test.high))
    calls = [summary(point.test)[NFE] for point in (ours, theirs)]
    return (
        f"  {title}: {ours.label} at {calls[0]:.2f} calls against {theirs.label} at {calls[1]:.2f}: "
        f"{gain:+.1f} [{low:+.1f}, {high:+.1f}], p={test.p_value:.2g}"
    )


def report(strategy: str, fixed: Sequence[Measured], adaptive: Sequence[Measured]) -> None:
    """Print the table and the tests of a strategy."""
    print(f"\n{strategy}: {POINTS[strategy]}")
    heads = "".join(f"{split:>10}{'calls':>8}{'GFLOPs':>9}" for split in ("valid., %", "test, %"))
    print(f"{'':12}{heads}   share that goes on after each chain, %")
    for point in [*fixed, *adaptive]:
        print(point.row)
    best = max(fixed, key=lambda point: (point.score[0], -point.score[1]))
    as_good = [point for point in adaptive if point.score[0] >= best.score[0]]
    chosen = min(as_good or adaptive, key=lambda p: p.score[1] if as_good else -p.score[0])
    calls = chosen.score[1]
    nearest = min(fixed, key=lambda point: abs(point.score[1] - calls))
    print(compared("as good on validation", chosen, best))
    print(compared("at equal calls", chosen, nearest))


def report_points(evaluator: Evaluator, setup: Setup, one: Mapping, seeds: int) -> None:
    """Measure one chain of a strategy, fixed numbers of it and adaptive ones, and report."""
    fixed = [
        Measured(f"{n} chains", *measured(evaluator, setup, one | {"chains": n}, seeds))
        for n in CHAINS
    ]
    most = one | {"chains": CHAINS[-1]}
    adaptive = [
        Measured(f"settled {t:g}", *measured(evaluator, setup, most | {"settled": t}, seeds))
        for t in THRESHOLDS
    ]
    report(evaluator.strategy, fixed, adaptive)


def report_front(evaluator: Evaluator, setup: Setup, rows: Sequence[Mapping], seeds: int) -> None:
    """Print the tests of the points of a confirmed front that have `settled`: rows of a sweep's summary."""
    for row in rows:
        if not row["point"].get("settled"):
            continue
        ours = Measured(row["label"], *measured(evaluator, setup, row["point"], seeds))
        one = {name: value for name, value in row["point"].items() if name != "settled"}
        points = [one | {"chains": n} for n in range(1, one["chains"] + 1)]
        calls = [cost(schedule_of(evaluator.strategy, point)).nfe for point in points]
        nearest = min(range(len(points)), key=lambda i: abs(calls[i] - ours.score[1]))
        values = measured(evaluator, setup, points[nearest], seeds)
        fixed = Measured(f"{nearest + 1} chains", *values)
        print(f"{row['point']}\n{ours.row}\n{fixed.row}")
        print(compared("at equal calls", ours, fixed), flush=True)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("storage", help="a copy of a storage with trained parts")
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data-dir", default="", help="where the dataset's files are")
    parser.add_argument("--corruption", default="gn30")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, default=3, help="sampling seeds [%(default)s]")
    parser.add_argument("--strategies", nargs="+", default=list(POINTS))
    parser.add_argument("--sweep", type=Path, help="summary.json of a sweep")
    words = parser.parse_args()
    torch.set_num_threads(1)
    keep_pages()
    for strategy in words.strategies:
        storage = str(Path(words.storage).resolve())
        fields = (words.dataset, words.corruption, words.preset, 1, 0, 1, 0.0, storage, "sqlite://")
        setup = setup_of(Plan(strategy, *fields, data_dir=words.data_dir))
        cpu = torch.device("cpu")
        evaluator = Evaluator(setup.task, strategy, setup.storage, setup.job("test", 1).batch, cpu)
        if words.sweep is None:
            report_points(evaluator, setup, POINTS[strategy], words.seeds)
        else:
            rows = json.loads(words.sweep.read_text())["front"]
            rows = [row for row in rows if row["strategy"] == strategy]
            report_front(evaluator, setup, rows, words.seeds)


if __name__ == "__main__":
    main()
