"""Training through Ray Train: two workers learn what one learns; a worker that dies goes on."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
import ray.train
import torch
from helpers import DIGITS, tiny_task

from trainables.core.checked_lines import read_lines
from trainables.core.config import as_mapping
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Updates
from trainables.training.batches import Share
from trainables.training.loop import Report
from trainables.workers import train as worker
from trainables.workers.history import History
from trainables.workers.meeting import OnThisMachine
from trainables.workers.shared_data import share
from trainables.workers.train import TrainJob, train_parts

pytestmark = pytest.mark.long(5)
KINDS = ("classifier", "signal", "logit", "nested", "enhanced")
TASK = tiny_task(updates=Updates(classifier=20, signal=40, logit=20, coupled=8))


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.2"
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def _train(storage: Path, workers: int, loop=train_parts, kinds=KINDS, failures=1):
    import ray.train
    from ray.train.torch import TorchTrainer

    storage.mkdir(exist_ok=True)
    (storage / "meeting").mkdir(exist_ok=True)
    history, checkpoints = storage / "history.jsonl", str(storage / "ray" / "t")
    job = TrainJob(TASK, kinds, Storage(str(storage)), (1,) * len(kinds), (checkpoints,))
    trainer = TorchTrainer(
        loop,
        train_loop_config={"job": as_mapping(job), "data": share(DIGITS)},
        torch_config=OnThisMachine(folder=str(storage / "meeting")),
        scaling_config=ray.train.ScalingConfig(num_workers=workers),
        run_config=ray.train.RunConfig(
            name="t",
            storage_path=str(storage / "ray"),
            failure_config=ray.train.FailureConfig(max_failures=failures),
            callbacks=[History(str(history))],
        ),
    )
    trainer.fit()
    store = Storage(str(storage)).parts
    return {kind: store.load(kind, TASK) for kind in kinds}, read_lines(history)


@pytest.fixture(scope="module")
def alone(cluster, tmp_path_factory):
    return _train(tmp_path_factory.mktemp("alone") / "s", 1)


def _assert_close(ours, theirs, tolerance):
    for kind, weights in theirs.items():
        for name, state in weights.items():
            for key, value in state.items():
                torch.testing.assert_close(
                    ours[kind][name][key],
                    value,
                    atol=tolerance,
                    rtol=tolerance,
                    msg=f"{kind}.{key}",
                )


def _whole(weights):
    """All weights of a part as one vector."""
    states = [value for state in weights.values() for value in state.values()]
    return torch.cat([value.flatten().double() for value in states if value.is_floating_point()])


@pytest.mark.slow
def test_two_workers_learn_what_one_learns(alone, tmp_path):
    """Both see the same batches; dropout alone differs, so it is the parts without it that agree.

    They do as a whole: where a bias has next to no gradient, the optimiser makes steps of what is
    rounding, in bf16 by up to 0.002 each. Workers that did not share their gradients end far apart.
    """
    together, _ = _train(tmp_path / "s", 2)
    for kind in ("classifier", "signal", "enhanced"):
        ours, theirs = _whole(together[kind]), _whole(alone[0][kind])
        assert (ours - theirs).norm() < 1e-3 * theirs.norm(), kind


@pytest.mark.slow
def test_the_history_has_every_part(alone):
    _, history = alone
    assert list(dict.fromkeys(report["kind"] for report in history)) == list(KINDS)
    last = [report for report in history if report["kind"] == "signal"][-1]
    assert last["update"] == last["updates"] == 40
    assert len(history) == len({(report["kind"], report["update"]) for report in history})


@pytest.mark.parametrize(
    ("seconds", "saved"),
    [
        (1, [5, 10, 15, 20]),  # a quick training: at each quarter
        (30, [4, 5, 9, 10, 14, 15, 19, 20]),  # and two minutes after the last one
        (300, list(range(1, 21))),  # a long one: with each report
    ],
)
def test_a_long_training_has_a_checkpoint_every_two_minutes(monkeypatch, seconds, saved):
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    passed = []
    monkeypatch.setattr(worker, "time", clock)
    monkeypatch.setattr(worker._Reporter, "_to_ray", lambda self, report: passed.append(report))
    reporter = worker._Reporter(Share(0, 1, torch.device("cpu")))
    for update in range(1, 21):
        clock.now += seconds
        reporter.report(Report("signal", update, 20, {}, {"round": update}))
    assert [one.update for one in passed if one.checkpoint is not None] == saved


def _dying(flag: str):
    """A training that dies once, right after a checkpoint in the middle of the signal denoiser."""

    def dies_once(config):
        import os
        from pathlib import Path

        import trainables.workers.train as worker

        reported = worker._Reporter._to_ray

        def report_and_die(self, report):
            reported(self, report)
            if report.kind == "signal" and report.update >= 20 and not Path(flag).exists():
                Path(flag).touch()
                os._exit(1)

        worker._Reporter._to_ray = report_and_die
        worker.train_parts(config)

    return dies_once


def _assert_went_on(weights, history, alone):
    updates = [report["update"] for report in history if report["kind"] == "signal"]
    repeated = [update for update in set(updates) if updates.count(update) > 1]
    assert not [update for update in repeated if update <= 10], "it began anew"
    assert [report["kind"] for report in history].count("classifier") == 20, (
        "a finished part is kept"
    )
    parts = {kind: alone[0][kind] for kind in ("classifier", "signal")}
    _assert_close(weights, parts, 1e-5)


@pytest.mark.slow
def test_a_worker_that_dies_goes_on_from_its_checkpoint(alone, tmp_path):
    flag = tmp_path / "died"
    weights, history = _train(tmp_path / "s", 1, _dying(str(flag)), ("classifier", "signal"))
    assert flag.exists()
    _assert_went_on(weights, history, alone)


@pytest.mark.slow
def test_a_training_that_was_cut_off_goes_on_in_a_new_run(alone, tmp_path):
    flag = tmp_path / "died"
    with pytest.raises(ray.train.TrainingFailedError):
        _train(tmp_path / "s", 1, _dying(str(flag)), ("classifier", "signal"), failures=0)
    assert flag.exists()
    weights, history = _train(tmp_path / "s", 1, kinds=("classifier", "signal"))
    _assert_went_on(weights, history, alone)
