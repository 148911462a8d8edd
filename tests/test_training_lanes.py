"""Parts that do not need each other are trained side by side, and come out as they do one after the other."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from platform.backend.allocation import Node, allocation, trainings_at_a_time
from platform.pipeline import training_lanes
from platform.pipeline.training_watch import running
from platform.planning.lanes import Lane, lanes_of, seconds_of
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
import ray
import torch
from helpers import DIGITS, tiny_recipe, tiny_task

from trainables.core.checked_lines import read_lines
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Updates
from trainables.training.checkpoints import save_state
from trainables.training.stages import parts_given
from trainables.workers.shared_data import share
from trainables.workers.train import TrainJob, _can_begin, _saved_states, give_up

RECIPE = tiny_recipe(updates=Updates(classifier=100, signal=200, logit=500, coupled=200))
TASK = tiny_task(updates=Updates(classifier=4, signal=8, logit=12, coupled=4))
NESTED = ["classifier", "signal", "logit", "nested"]


def test_signal_and_logit_are_trained_side_by_side():
    assert lanes_of(NESTED, NESTED, RECIPE, 2, threads=8) == [
        Lane(("classifier", "signal"), (8, 4)),
        Lane(("logit", "nested"), (4, 8)),
    ]


def test_one_lane_trains_all_parts_in_order_with_all_threads():
    for most in (1, 2):
        missing = ["classifier", "logit", "card"]  # each needs the one before it
        assert lanes_of(missing, missing, RECIPE, most, threads=2) == [
            Lane(tuple(missing), (2, 2, 2))
        ]
    assert lanes_of(NESTED, NESTED, RECIPE, 1, threads=2) == [Lane(tuple(NESTED), (2,) * 4)]


def test_the_parts_of_a_sweep_fill_the_lanes():
    kinds = ["classifier", "signal", "logit", "nested", "enhanced", "card", "retrained"]
    lanes = lanes_of(kinds, kinds, RECIPE, 2, threads=2)
    assert sorted(kind for lane in lanes for kind in lane.kinds) == sorted(kinds)
    assert lanes[0].kinds[0] == "classifier" and lanes[0].threads[0] == 2
    assert all(count == 1 for lane in lanes for count in lane.threads if lane.threads[0] != 2)


def test_short_trainings_are_not_worth_a_lane():
    for classifier, lanes in ((10, 1), (50, 2)):  # beside 150 updates of signal
        recipe = tiny_recipe(updates=Updates(classifier, signal=150, logit=500, coupled=200))
        assert len(lanes_of(NESTED, NESTED, recipe, 2, threads=2)) == lanes
    assert lanes_of(NESTED, NESTED, TASK.recipe, 2, threads=2) == [Lane(tuple(NESTED), (2,) * 4)]


def test_a_part_has_the_same_threads_whatever_else_is_missing():
    for wanted in (NESTED, [*NESTED, "enhanced", "card"]):
        whole = lanes_of(wanted, wanted, RECIPE, 2, threads=8)
        counts = {
            kind: n for lane in whole for kind, n in zip(lane.kinds, lane.threads, strict=True)
        }
        for first in range(1, len(wanted)):
            for lane in lanes_of(wanted, wanted[first:], RECIPE, 2, threads=8):
                assert lane.threads == tuple(counts[kind] for kind in lane.kinds)


def test_no_lane_waits_for_a_part_that_waits_for_it():
    """Parts of a lane come after all that they need, whichever lane that is in: played through."""
    kinds = ["classifier", "signal", "logit", "nested", "enhanced", "card", "parallel", "retrained"]
    for most in (1, 2, 3, 4):
        waiting = [list(lane.kinds) for lane in lanes_of(kinds, kinds, RECIPE, most, threads=4)]
        done: set[str] = set()
        while any(waiting):
            ready = [
                lane for lane in waiting
                if lane and set(parts_given(lane[0])) & set(kinds) <= done
            ]  # fmt: skip
            assert ready
            done |= {lane.pop(0) for lane in ready}


def test_a_lane_waits_for_what_it_starts_from():
    """By hand: `nested` starts from both signal and logit, each of which another lane trains."""
    lanes = [Lane(("classifier", "signal", "nested"), (1,) * 3), Lane(("logit",), (1,))]
    seconds = {"classifier": 1.0, "signal": 2.0, "logit": 5.0, "nested": 4.0}
    assert seconds_of(lanes, seconds) == 1 + 5 + 4
    assert seconds_of(lanes, seconds | {"logit": 1.0}) == 1 + 2 + 4
    assert seconds_of([], {}) == 0


@pytest.mark.parametrize(
    ("nodes", "workers", "own", "most"),
    [
        ([Node(2)], 0, True, 2),
        ([Node(64)], 0, True, 2),
        ([Node(1)], 0, True, 1),
        ([Node(2)], 1, True, 1),  # asked for
        ([Node(8), Node(8)], 0, False, 1),  # what waits there would keep others waiting
        ([Node(16, 4, 2**36)], 0, True, 1),  # one training has all GPUs
    ],
)
def test_how_many_are_trained_at_a_time(nodes, workers, own, most):
    plan = Plan("nested", "digits", "gn30", "smoke", 24, 0, workers, None, "/s", "sqlite:///x.db")
    setup = setup_of(plan)
    assert trainings_at_a_time(setup, allocation(setup, nodes), own) == most


def test_what_is_shown_are_the_parts_that_are_being_trained():
    def report(kind, update):
        return {"kind": kind, "update": update, "updates": 9}

    reports = [report("signal", 3), report("logit", 3), report("signal", 9), report("logit", 6)]
    assert running(reports) == [report("logit", 6)]
    assert running(reports[:2]) == reports[:2]
    assert running([report("signal", 9), report("logit", 9)]) == [report("logit", 9)]


def _job(root, kinds):
    (root / "given-up").mkdir(exist_ok=True)
    return TrainJob(TASK, kinds, Storage(str(root)), (1,) * len(kinds), (), str(root / "given-up"))


def test_a_part_waits_for_what_another_lane_trains(tmp_path):
    job, began = _job(tmp_path, ("signal",)), []
    waiting = threading.Thread(target=lambda: began.append(_can_begin("signal", job)))
    waiting.start()
    time.sleep(0.5)
    assert waiting.is_alive() and not began
    job.storage.parts.save("classifier", TASK, {}, {})
    waiting.join(timeout=20)
    assert began == [True]


def test_what_needs_a_part_that_is_given_up_is_given_up_in_turn(tmp_path):
    job = _job(tmp_path, ("logit", "nested", "card"))
    job.storage.parts.save("classifier", TASK, {}, {})
    give_up(("classifier", "signal"), job)  # the lane that trains both has ended
    assert _can_begin("logit", job)
    job.storage.parts.save("logit", TASK, {}, {})
    assert not _can_begin("nested", job) and _can_begin("card", job)
    assert sorted(file.name for file in (tmp_path / "given-up").iterdir()) == ["nested", "signal"]


def test_a_checkpoint_is_found_in_whichever_lane_made_it(tmp_path):
    states = {"t": ("signal", 3), "t-2": ("logit", 8), "t-3": ("signal", 5), "t-4": ("card", 1)}
    for name, (kind, number) in states.items():
        folder = tmp_path / name / "checkpoint_2026"
        folder.mkdir(parents=True)
        save_state(folder, {"kind": kind, "state": {"round": number}})
    folders = tuple(str(tmp_path / name) for name in states)
    job = replace(_job(tmp_path, ("signal", "logit")), checkpoints=folders)
    found = _saved_states(job, torch.device("cpu"))
    assert {kind: state["round"] for kind, state in found.items()} == {"signal": 5, "logit": 8}


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.2"
    os.environ["RAY_TRAIN_V2_ENABLED"] = "1"
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield share(DIGITS)
    ray.shutdown()


def _trained(storage: Path, data, lanes):
    """The store, and the reports, after a training of tiny parts in these lanes."""
    plan = Plan("nested", "digits", "gn30", "smoke", 24, 0, 0, 0.0, str(storage), "sqlite:///x.db")
    setup = replace(setup_of(plan), task=TASK, storage=Storage(str(storage)))
    (storage / "training").mkdir(parents=True)
    given, history = allocation(setup, [Node(2)]), storage / "history.jsonl"
    try:
        training_lanes.train_in_lanes(setup, given, True, data, lanes, "t", history)
    finally:
        reports = read_lines(history)
    return setup.storage.parts, reports


@pytest.mark.slow
def test_side_by_side_parts_come_out_as_one_after_the_other(cluster, tmp_path):
    alone, _ = _trained(tmp_path / "1", cluster, [Lane(tuple(NESTED), (1,) * 4)])
    lanes = [Lane(("classifier", "signal"), (1, 1)), Lane(("logit", "nested"), (1, 1))]
    together, reports = _trained(tmp_path / "2", cluster, lanes)
    for kind in NESTED:
        states = alone.load(kind, TASK), together.load(kind, TASK)
        for name, state in states[0].items():
            for key, value in state.items():
                assert torch.equal(states[1][name][key], value), f"{kind} {name} {key}"
        last = [report for report in reports if report["kind"] == kind][-1]
        assert last["update"] == last["updates"]
        assert together.facts(kind, TASK)["threads"] == 1
    checkpoints = (tmp_path / "2" / "training").glob("t*/checkpoint_*")
    assert not [one for one in checkpoints if one.is_dir()]


@pytest.mark.slow
def test_what_does_not_need_a_part_that_fails_is_trained_all_the_same(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(training_lanes, "_MAX_FAILURES", 0)
    lanes = [Lane(("classifier", "signal"), (1, 1)), Lane(("logit", "nested", "card"), (1, 1, 1))]
    store = Storage(str(tmp_path / "s")).parts
    store.folder("signal", TASK).parent.mkdir(parents=True)
    store.folder("signal", TASK).touch()  # no directory can be made there
    with pytest.raises(Exception, match="signal"):
        _trained(tmp_path / "s", cluster, lanes)
    stored = [kind for kind in (*NESTED, "card") if store.has(kind, TASK)]
    assert stored == ["classifier", "logit", "card"]
