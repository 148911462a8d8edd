"""How work is spread over CPUs and GPUs, and what is refused: a table of cases."""

from dataclasses import replace
from platform.backend.allocation import Node, allocation, bytes_of_a_trial, can_train, room
from platform.cli.next_commands import common_flags
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
from speech_files import write_fsdd

from trainables.core.errors import UsageError

GIB = 2**30


def _setup(workers=0, share=None, preset="smoke"):
    plan = Plan("nested", "digits", "gn30", preset, 4, 0, workers, share, "/s", "sqlite:///x.db")
    return setup_of(plan)


def _changed(setup, **changes):
    return setup_of(replace(setup.plan, **changes))


def _given(nodes, **asked):
    return allocation(_setup(**asked), [Node(*node) for node in nodes])


# Nodes as (CPUs, GPUs, memory of one); what is asked; actors, workers and the share of a GPU each. The
# preset's batch is 64.
CASES = [
    ([(1,)], {}, (1, 1, 0)),
    ([(4,)], {}, (4, 1, 0)),
    ([(4,)], {"workers": 2}, (2, 2, 0)),
    ([(4,), (4,)], {"workers": 8}, (8, 8, 0)),
    ([(4, 2)], {"share": 0}, (4, 1, 0)),
    # Memory is not known: a trial a GPU.
    ([(4, 2)], {}, (2, 2, 1)),
    ([(16, 1, 11 * GIB)], {}, (2, 1, 0.5)),
    ([(16, 1, 4 * GIB)], {}, (1, 1, 1)),
    ([(16, 1, 80 * GIB)], {}, (16, 1, 0.0625)),
    ([(8, 4, 80 * GIB)], {}, (8, 4, 0.5)),
    # The smaller GPU, the node with fewer CPUs a GPU decides.
    ([(16, 1, 80 * GIB), (16, 1, 11 * GIB)], {}, (4, 2, 0.5)),
    ([(16, 1, 80 * GIB), (2, 1, 80 * GIB)], {}, (4, 2, 0.5)),
    # A node without GPUs has no part in it.
    ([(64,), (8, 1, 11 * GIB)], {}, (2, 1, 0.5)),
    # No smaller shares than so many trials need, in ten-thousandths that add up to one GPU at most.
    ([(16, 2, 80 * GIB)], {"workers": 2}, (2, 2, 1)),
    ([(16, 1, 80 * GIB)], {"workers": 4}, (4, 1, 0.25)),
    ([(6, 1, 80 * GIB)], {}, (6, 1, 0.1666)),
    # Workers divide the batch; there are as many as GPUs at most.
    ([(16, 3)], {}, (3, 2, 1)),
    ([(16, 2)], {"workers": 4, "share": 0.5}, (4, 2, 0.5)),
    ([(4, 8)], {"share": 0.25}, (4, 4, 0.25)),
    ([(1, 8)], {}, (1, 1, 1)),
    # A trial's share is of one GPU, and each GPU is on a node.
    ([(8, 2)], {"share": 0.6}, (2, 2, 0.6)),
    ([(8, 1)], {"share": 1 / 3}, (3, 1, 1 / 3)),
    ([(2, 1), (8, 1)], {"share": 0.25}, (6, 2, 0.25)),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "asked", "expected"), CASES)
def test_what_is_spread(nodes, asked, expected):
    found = _given(nodes, **asked)
    assert (found.actors, found.workers, found.gpu_share) == expected
    assert found.gpu_share * found.actors <= sum(node.gpus for node in found.nodes)
    # What Ray is asked for is an even part of a GPU: all of a GPU but for rounding, whatever the share is.
    assert found.on_gpus == (0.999 < found.gpu_request * found.trials_a_gpu <= 1)
    assert found.gpu_request >= found.gpu_share - 1e-4


# Nodes at the start; what is asked; the nodes later; how many actors these have room for, and whether they
# have for the training.
LATER = [
    ([(1,)], {}, [(1,), (4,)], 5, True),
    ([(4,), (4,)], {}, [(4,)], 4, True),
    ([(4,), (4,)], {"workers": 8}, [(4,)], 4, False),
    ([(4,)], {"workers": 2}, [(4,), (4,)], 2, True),
    ([(4,)], {}, [(0,)], 0, False),
    # A share stays what it was, whatever memory other GPUs have: it is not asked.
    ([(16, 2, 11 * GIB)], {}, [(16, 2), (16, 4)], 12, True),
    ([(16, 2, 11 * GIB), (16, 2, 11 * GIB)], {}, [(16, 2)], 4, False),
    ([(6, 1, 80 * GIB)], {}, [(6, 1), (4, 1), (8,)], 10, True),
    ([(8, 2)], {"share": 1 / 3}, [(8, 1), (2, 1)], 5, True),
    ([(8, 2)], {"share": 0.6}, [(8, 4)], 4, True),
    ([(8, 2)], {}, [(8,)], 0, False),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "asked", "later", "actors", "trains"), LATER)
def test_what_nodes_that_come_and_go_have_room_for(nodes, asked, later, actors, trains):
    setup = _setup(**asked)
    first, last = ([Node(*node) for node in each] for each in (nodes, later))
    given = allocation(setup, first)
    assert room(setup, given, first) == given.actors and can_train(given, first)
    assert (room(setup, given, last), can_train(given, last)) == (actors, trains)


REFUSED = [
    ([(0,)], {}, "the Ray cluster has no CPU to run on"),
    ([(4,)], {"workers": 8}, "--workers is 8, but the Ray cluster has 4 CPUs: ask for 4 at most"),
    ([(4,)], {"share": 0.5}, "--gpus-per-trial is 0.5, but the Ray cluster has no GPUs: leave it"),
    ([(8, 2)], {"workers": 4, "share": 1}, "--workers is 4, but with 1 GPU each there is room for 2 "
     "trials at a time on 2 GPUs and 8 CPUs: ask for fewer, or for a smaller --gpus-per-trial"),
    ([(8, 2)], {"workers": 4, "share": 0.6}, "--workers is 4, but with 0.6 GPU each there is room for 2"),
    ([(2, 2)], {"workers": 4, "share": 0.5}, "room for 2 trials at a time on 2 GPUs and 2 CPUs"),
    ([(8, 2)], {"workers": 4}, "--workers is 4, but with 1 GPU each there is room for 2 trials"),
    ([(0, 2), (4,)], {}, "no node of the Ray cluster has both a GPU and a CPU"),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "asked", "words"), REFUSED)
def test_what_is_refused(nodes, asked, words):
    with pytest.raises(UsageError) as error:
        _given(nodes, **asked)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("share", [-1, 1.5, 2, 1e-6, float("nan")])
def test_a_trial_runs_on_one_gpu(share):
    with pytest.raises(UsageError, match=r"must be 0, for none, or from 0\.001 to 1"):
        _setup(share=share)


def test_a_trial_of_larger_networks_takes_more_memory(tmp_path):
    write_fsdd(tmp_path / "fsdd")
    images = _changed(_setup(), dataset="cifar100", preset="paper")
    speech = _changed(images, dataset="fsdd-babble", corruption="babble", storage=str(tmp_path),
                     data_dir=str(tmp_path / "fsdd"))  # fmt: skip
    assert bytes_of_a_trial(_setup()) == bytes_of_a_trial(images) == 5 * GIB
    # NCSN++ at 32 utterances: 8 maps of 128 channels and 256 x 192 places each.
    maps = 32 * 8 * 128 * 256 * 192 * 4
    assert bytes_of_a_trial(speech) == pytest.approx(maps / 0.6)
    large = _changed(speech, whisper="large-v3", preset="smoke")
    assert 15 * GIB < bytes_of_a_trial(large) < 25 * GIB  # 1.55 thousand million parameters


def test_what_is_used_is_said():
    said = _given([(16, 2, 80 * GIB)], share=0.125).text
    assert said == (
        "2 GPUs of 80 GiB, 16 CPUs; training by 2 workers of a GPU, 16 trials at a time of 0.125 GPU"
    )
    said = _given([(4, 1)], share=0).text
    assert said.startswith(
        "4 CPUs, 1 GPU left unused, as --gpus-per-trial is 0; training by 1 worker"
    )
    assert _given([(1,)]).text.startswith(
        "1 CPU, no GPUs; training by 1 worker of 1 thread, 1 trial"
    )


def test_devices_are_no_part_of_a_sweeps_identity_and_are_asked_for_again():
    setups = [_setup(), _setup(share=0), _setup(workers=2, share=0.25)]
    assert len({setup.sweep_id for setup in setups}) == 1
    flags = [list(common_flags(setup)) for setup in setups]
    assert "--gpus-per-trial" not in flags[0] and "--workers" not in flags[0]
    assert flags[1][flags[1].index("--gpus-per-trial") + 1] == "0" and "--workers" not in flags[1]
    assert flags[2][flags[2].index("--gpus-per-trial") + 1] == "0.25"
    assert flags[2][flags[2].index("--workers") + 1] == "2"
