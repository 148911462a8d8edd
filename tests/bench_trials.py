"""The cost of a trial besides its sampling: python tests/bench_trials.py.

Ray Tune, Optuna and MLflow are real; only the sampling is left out, or replaced by two seconds' sleep.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.backend.cluster import Cluster
from platform.backend.session import TrackedSession
from platform.backend.tracking import Tracker
from platform.cli.console import Console, chatter_to
from platform.pipeline.search import search
from platform.pipeline.study import complete
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import optuna

import search_spaces
from dashboards.pareto import shared_reference
from trainables.evaluation.measurement import Tally, measurement_config, measurement_of
from trainables.evaluation.summary import summary
from trainables.sampling.meter import MeterReading
from trainables.scoring.answers import Correctness
from trainables.scoring.metric_names import ACCURACY, NFE
from trainables.workers import trial
from trainables.workers.job import Job
from trainables.workers.trial import SamplingTrial


def idle_trial(seconds: float) -> type[SamplingTrial]:
    """A trial that sleeps instead of sampling, and writes its records as the real one does."""

    class IdleTrial(SamplingTrial):
        def setup(self, config, job: Job | None = None, data=None) -> None:
            self._job = job

        def step(self):
            time.sleep(seconds)
            job, measurements = self._job, []
            for sampling in job.samplings():
                config = measurement_config(job.task, job.strategy, self.config, sampling)
                tally = Tally(Correctness("10" * (sampling.limit // 2)), 0.0, MeterReading())
                measurements.append(measurement_of(config, self.config, [tally]))
                job.storage.records.save(measurements[-1])
            values = summary(measurements)
            keys = ",".join(measurement.key for measurement in measurements)
            return {ACCURACY: values[ACCURACY], NFE: values[NFE], "records": keys, "done": True}

    return IdleTrial


def sweep_of(trials: int, seconds: float) -> tuple[float, list[float]]:
    """Seconds of a whole search by one actor, and the times between the ends of its trials."""
    folder = Path(tempfile.mkdtemp())
    uri = f"sqlite:///{folder}/mlflow.db"
    plan = Plan("nested", "digits", "gn30", "smoke", trials, 0, 1, 0.0, str(folder), uri)
    setup = setup_of(plan)
    trial.SamplingTrial = idle_trial(seconds)
    try:
        with chatter_to(folder / "log"), Cluster() as cluster:
            tracker = Tracker(setup)
            tracker.begin()
            cluster.allocation(setup)
            start = time.perf_counter()
            reference = shared_reference(setup.facts.classes, setup.task.recipe.T)
            session = TrackedSession(setup, cluster, Console(), tracker)
            study = search(session, reference).study
            took = time.perf_counter() - start
        ends = sorted(one.datetime_complete.timestamp() for one in complete(study))
        return took, [later - sooner for sooner, later in pairwise(ends)]
    finally:
        trial.SamplingTrial = SamplingTrial
        shutil.rmtree(folder)


def plain_loop(trials: int, seconds: float) -> float:
    """Seconds of the same trials by Optuna alone, in this process."""
    study = optuna.create_study(directions=("maximize", "minimize"))
    space = search_spaces.load("nested")
    start = time.perf_counter()
    for _ in range(trials):
        optuna_trial = study.ask()
        space.suggest(optuna_trial, 10)
        time.sleep(seconds)
        study.tell(optuna_trial, (0.5, 10.0))
    return time.perf_counter() - start


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _, gaps = sweep_of(60, 0.0)
    print(
        f"one more trial of 60 that sample nothing: median {statistics.median(gaps):.3f} s, "
        f"mean {statistics.mean(gaps):.3f} s"
    )
    sweep_seconds, _ = sweep_of(30, 2.0)
    loop_seconds = plain_loop(30, 2.0)
    print(
        f"30 trials of 2 s, one actor: {sweep_seconds:.1f} s; plain Optuna loop: {loop_seconds:.1f} s"
    )
    print(f"ratio {sweep_seconds / loop_seconds:.3f}")


if __name__ == "__main__":
    main()
