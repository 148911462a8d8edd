"""No move of a trajectory waits for a device: on one without values, reading any is an error.

Tensors of the device "meta" have shapes and no values, so whatever asks for one, such as `bool` or `item`,
fails there. A tensor of the CPU that is sent to a GPU is waited for unless it goes by `moved`.
"""

import contextlib
import itertools
import sys

import pytest
import torch
from device_runs import corrupted, engine_of, moves_of, play, untrained_parts
from helpers import DIGITS, tiny_task
from torch.utils._python_dispatch import TorchDispatchMode

from trainables import strategies
from trainables.core.device import moved
from trainables.core.errors import NonFiniteError
from trainables.diffusion.labels import labels_from, require_distributions
from trainables.models.speech.ncsnpp import layers
from trainables.sampling.label_moves import LabelAnswer
from trainables.sampling.settling import SettlingMove

META = torch.device("meta")


class NoWaiting(TorchDispatchMode):
    """Within it, nothing is sent from the CPU to a device but by `moved`, nor asked back."""

    def __torch_dispatch__(self, function, types, inputs=(), options=None):
        result = function(*inputs, **(options or {}))
        sent = function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
        if sent and result.device.type != "cpu" and inputs[-1].device.type == "cpu":
            names, frame = set(), sys._getframe()
            while frame is not None:
                names.add(frame.f_code.co_name)
                frame = frame.f_back
            assert moved.__name__ in names, "sent to the device, and waited for"
        return result


@pytest.fixture(scope="module")
def weights():
    return untrained_parts(tiny_task(), DIGITS)


@pytest.fixture(autouse=True)
def _no_autocast(monkeypatch):
    """Autocast, which waits for nothing, does not know such tensors."""
    monkeypatch.setattr(torch, "autocast", lambda *given, **options: contextlib.nullcontext())


def _in_trajectories(moves):
    """The moves before samples are settled, but for the answer of labels: these look at values, once a chain
    and once a run.
    """
    moves = itertools.takewhile(lambda move: not isinstance(move, SettlingMove), moves)
    return [move for move in moves if not isinstance(move, LabelAnswer)]


@pytest.mark.parametrize("strategy", strategies.names("image"))
def test_no_move_of_a_strategy_waits(strategy, weights):
    engine, (x_cor, noise) = engine_of(strategy, weights, META), corrupted(META)
    with NoWaiting():
        play(engine, _in_trajectories(moves_of(strategy)), x_cor, noise)


@pytest.mark.parametrize("choice", ["argmin", "random"])
@pytest.mark.parametrize("predictor", ["euler", "backward-euler", "analytic"])
def test_no_step_over_probabilities_waits(choice, predictor, weights):
    engine, (x_cor, noise) = engine_of("didicm-cp", weights, META), corrupted(META)
    moves = moves_of("didicm-cp", choice=choice, predictor=predictor)
    with NoWaiting():
        play(engine, _in_trajectories(moves), x_cor, noise)


def test_what_waits_is_seen():
    with pytest.raises(RuntimeError, match="meta"):
        bool(torch.zeros(3, device=META).any())
    with NoWaiting():
        moved(torch.zeros(3), META)
        with pytest.raises(AssertionError, match="waited for"):
            torch.zeros(3).to(META)


def test_what_is_no_distribution_is_refused_later_where_it_is_not_looked_at_once():
    checks = []
    labels = labels_from(torch.tensor([[0.0, 1.0]]), torch.tensor([0.5]), checks)
    assert labels.tolist() == [1]
    require_distributions(checks)
    for weights in ([0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]):
        drawn = labels_from(torch.tensor([weights]), torch.tensor([0.5]), checks)
        assert 0 <= int(drawn) < 2
        with pytest.raises(NonFiniteError, match="no positive finite sum"):
            require_distributions(checks)
        checks.pop()


def test_the_filter_of_speech_maps_is_made_where_they_are():
    h = torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    taps = torch.tensor([1, 3, 3, 1]) / 8
    kernel = torch.outer(taps, taps).expand(3, 1, 4, 4)
    expected = torch.nn.functional.conv2d(h, kernel, stride=2, padding=1, groups=3)
    assert torch.equal(layers.down(h), expected)
    with NoWaiting():
        layers.down(torch.empty(2, 3, 8, 6, device=META))
