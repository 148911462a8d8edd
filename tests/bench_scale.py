"""What a trial costs the driver as a search grows: python tests/bench_scale.py 100 1000 3000.

The driver's own path is run with trials that sample nothing and answer at once: the study is asked and
told, the log of trials, the records and a real MLflow store are written, the front is drawn, all as in a
sweep, only that Ray's actors are left out (`tests/bench_trials.py` measures them). Seconds are of
the driver's processor, not of the clock, so that other work on the machine does not count: by tenths of the
search, apart for asking the study (`ask`), telling it and its log (`tell`), and following (`follow`: MLflow,
hypervolume, front); with the memory that is resident at the end of each tenth.

    --begin N       begin with N trials in the study, the log and MLflow's store, which are made without
                    their cost, and time only those that are asked for on top of them [0]
    --in-flight N   trials that are under way at a time, as with N GPUs [1]
    --tune          with Ray Tune and an actor whose trials sample nothing: the driver's time a trial in all
    --sampler NAME  as of a sweep [tpe]
    --study-uri U   the database of the study [a journal]
    --resume        open the study of the search again, as the same command does, and time it
    --profile       where the time of the whole goes, by functions
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections import deque
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.backend.cluster import Cluster
from platform.backend.session import TrackedSession
from platform.backend.tracking import Tracker
from platform.backend.tracking_database import sqlite_file
from platform.cli.console import Console, chatter_to
from platform.pipeline.follower import Follower
from platform.pipeline.live_front import LiveFront
from platform.pipeline.samplers import sampler_of
from platform.pipeline.search import search
from platform.pipeline.searcher import StudySearcher
from platform.pipeline.study import complete, open_study
from platform.pipeline.trial_log import TrialLog
from platform.planning.plan import SAMPLERS, Plan
from platform.planning.setup import Setup, setup_of
from platform.planning.study_names import POINT, TRIALS

from bench_trials import idle_trial

from dashboards.pareto import shared_reference
from trainables.evaluation.measurement import Tally, measurement_config, measurement_of
from trainables.evaluation.race import RACE
from trainables.evaluation.summary import summary
from trainables.sampling.meter import MeterReading
from trainables.scoring.answers import Correctness
from trainables.scoring.metric_names import ACCURACY, HYPERVOLUME, NFE
from trainables.workers import trial

STEPS = "ask", "tell", "follow"


class Answers:
    """Answers at once in the place of an actor, and writes the records that it would write."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._random = setup, random.Random(0)

    def result(self, point: dict[str, object]) -> dict[str, object]:
        """The result of a trial: accuracy rises with calls, with noise, so that the front has many points."""
        setup, measurements = self._setup, []
        steps = float(point.get("outer_steps", point.get("steps", 1)))  # type: ignore[arg-type]
        calls = max(1.0, round(steps * self._random.uniform(1, 20)))
        for sampling in setup.job("validation", 1).samplings():
            config = measurement_config(setup.task, setup.plan.strategy, point, sampling)
            size = sampling.limit
            right = round(size * min(0.95, 0.3 + 0.1 * calls**0.3 + self._random.gauss(0, 0.05)))
            tally = Tally(Correctness("1" * right + "0" * (size - right)), 0.0, MeterReading())
            measurements.append(measurement_of(config, point, [tally]))
            setup.storage.records.save(measurements[-1])
        accuracy = summary(measurements)[ACCURACY]
        keys = ",".join(measurement.key for measurement in measurements)
        return {ACCURACY: accuracy, NFE: calls, "records": keys, "done": True}


def fill(setup: Setup, tracker: Tracker, trials: int) -> None:
    """Give a study trials at random, and the tracking store as many runs, copies of one."""
    study, log, answers = open_study(setup), TrialLog(setup.folder / TRIALS), Answers(setup)
    study.sampler = sampler_of("random", 0)
    searcher = StudySearcher(study, log, setup.plan.strategy, setup.task.recipe.T)
    for number in range(trials):
        point = searcher.suggest(str(number))
        searcher.on_trial_complete(str(number), answers.result(point))
        ended = searcher.ended(str(number))
    file = sqlite_file(setup.plan.tracking_uri)
    values = {**dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"), 0.5), NFE: 7.0}
    values |= dict.fromkeys(("nfe_signal", "nfe_logit", "nfe_classifier", "gflops", "spread"), 1.0)
    run = tracker.trial(0, ended.user_attrs[POINT], values, 1.0)
    with closing(sqlite3.connect(file)) as store, store:
        for table, key in _KEYS.items():
            names = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
            shown = [_COPIED.get(name, name) for name in names]
            if table == "tags":
                shown[names.index("value")] = "CASE key WHEN 'trial' THEN i ELSE value END"
            store.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?) "
                f"INSERT INTO {table} SELECT {', '.join(shown)} FROM {table}, n WHERE {key} = ?",
                (trials, run),
            )
        store.executemany(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, 0, ?, ?, 0)",
            [(HYPERVOLUME, 0.5, tracker.parent, step) for step in range(1, trials + 1)],
        )


_KEYS = {
    **dict.fromkeys(("runs", "tags", "params", "metrics", "latest_metrics"), "run_uuid"),
    "inputs": "destination_id",
}
"""The tables of MLflow's store that have rows of a run, and the columns that say which run's."""
_COPIED = dict.fromkeys(("run_uuid", "destination_id", "input_uuid"), "printf('%032x', i)")


def memory() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Search:
    """A search of so many trials, of which some are under way at a time."""

    def __init__(self, setup: Setup, session: TrackedSession, options: argparse.Namespace) -> None:
        self._setup, self._in_flight = setup, options.in_flight
        reference = shared_reference(setup.facts.classes, setup.task.recipe.T)
        self.study = open_study(setup)
        log = TrialLog(setup.folder / TRIALS)
        self._searcher = StudySearcher(
            self.study, log, setup.plan.strategy, setup.task.recipe.T, racing=setup.plan.racing
        )
        self._say = session.console.line
        self._bar = session.console.bar("trials").__enter__()
        live = LiveFront(session, self._bar)
        self._follower = Follower(session, self._searcher, self._bar, reference, live)
        self._answers = Answers(setup)
        self._spent = dict.fromkeys(STEPS, 0.0)

    def run(self) -> None:
        """Run all trials; prints a line for each tenth."""
        trials = self._setup.plan.trials
        waiting: deque[tuple[str, dict[str, object]]] = deque()
        asked = 0
        self._say(
            f"{'trials':>8}{'':>2}" + "".join(f"{name:>10}" for name in (*STEPS, "ms/trial", "MB"))
        )
        for ended in range(1, trials + 1):
            while asked < min(trials, ended - 1 + self._in_flight):
                point = self._timed("ask", self._searcher.suggest, str(asked))
                waiting.append((str(asked), point))
                asked += 1
            name, point = waiting.popleft()
            result = self._answers.result({k: v for k, v in point.items() if k != RACE})
            self._timed("tell", self._searcher.on_trial_complete, name, result)
            self._timed("follow", self._follower.end_trial, name, "")
            if ended % max(1, trials // 10) == 0:
                self._report(ended, max(1, trials // 10))

    def _timed(self, step, work, *words):
        start = time.process_time()
        value = work(*words)
        self._spent[step] += time.process_time() - start
        return value

    def _report(self, ended: int, count: int) -> None:
        each = [1000 * self._spent[step] / count for step in STEPS]
        row = "".join(f"{value:10.1f}" for value in (*each, sum(each), memory()))
        self._say(f"{ended:8d}  {row}")
        self._spent = dict.fromkeys(STEPS, 0.0)


def measure(trials: int, options: argparse.Namespace) -> None:
    """Run a search of so many trials in a storage of its own."""
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    uri = f"sqlite:///{folder}/mlflow.db"
    words = ["nested", "digits", "gn30", "smoke", trials, 0, 1, 0.0, str(folder), uri]
    plan = Plan(*words, sampler=options.sampler, study_uri=options.study_uri, racing=options.racing)
    setup = setup_of(plan)
    console = Console()
    if options.tune:
        return _tune(setup, console, folder)
    start = time.perf_counter()
    with chatter_to(folder / "log"), Cluster() as cluster:
        tracker = Tracker(setup)
        tracker.begin()
        session = TrackedSession(setup, cluster, console, tracker)
        if options.begin:
            fill(setup, tracker, options.begin)
        search = Search(setup, session, options)
        profile = cProfile.Profile(time.process_time) if options.profile else None
        console.line(
            f"{trials} trials after {options.begin}, {options.in_flight} in flight, {options.sampler}:"
        )
        if profile:
            profile.runcall(search.run)
        else:
            search.run()
        found = len(complete(search.study))
        tracker.finish("FINISHED")
    print(
        f"{found} complete; {time.perf_counter() - start:.0f} s by the clock; {_sizes(setup, folder)}"
    )
    if options.resume:
        _resume(setup)
    if profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


def _tune(setup: Setup, console: Console, folder: Path) -> None:
    """Run the search itself, with Tune, and say what a trial costs the driver in all."""
    trial.SamplingTrial = idle_trial(0.0)
    with chatter_to(folder / "log"), Cluster() as cluster:
        tracker = Tracker(setup)
        tracker.begin()
        cluster.allocation(setup)
        reference = shared_reference(setup.facts.classes, setup.task.recipe.T)
        start = time.process_time()
        search(TrackedSession(setup, cluster, console, tracker), reference)
        each = 1000 * (time.process_time() - start) / setup.plan.trials
        console.line(
            f"{setup.plan.trials} trials by Tune: {each:.1f} ms/trial of the driver, {memory():.0f} MB"
        )
        tracker.finish("FINISHED")


def _sizes(setup: Setup, folder: Path) -> str:
    """What lies in the storage."""
    names = {"study": setup.folder / "study.journal", "log": setup.folder / TRIALS}
    names |= {"mlflow.db": folder / "mlflow.db"}
    texts = [
        f"{name} {file.stat().st_size / 2**20:.1f} MB"
        for name, file in names.items()
        if file.exists()
    ]
    records = list((folder / "records").rglob("*.json"))
    size = sum(file.stat().st_size for file in records) / 2**20
    most = max((len(os.listdir(place)) for place in (folder / "records").iterdir()), default=0)
    return ", ".join(
        [*texts, f"{len(records)} records {size:.1f} MB, at most {most} in a directory"]
    )


def _resume(setup: Setup) -> None:
    """Time how the same command begins again."""
    start = time.process_time()
    study = open_study(setup)
    opened = time.process_time() - start
    tracker = Tracker(setup)
    tracker.begin()
    start = time.process_time()
    logged = tracker.logged_trials({trial.number for trial in complete(study)})
    print(
        f"again: the study opens in {opened:.1f} s, MLflow's {len(logged)} runs are read in "
        f"{time.process_time() - start:.1f} s"
    )
    tracker.finish("FINISHED")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", type=int, nargs="+")
    parser.add_argument("--begin", type=int, default=0)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--sampler", default="tpe", choices=SAMPLERS)
    parser.add_argument("--study-uri", default="")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--racing", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--folder", default=None)
    options = parser.parse_args()
    for trials in options.trials:
        measure(trials, options)


if __name__ == "__main__":
    main()
