"""Networks as CUDA graphs, by a stand-in for CUDA's: what is copied, what is done where none can be made.

On a GPU `tests/test_on_cuda.py` looks at real ones.
"""

import warnings

import pytest
import torch
from torch import nn

from trainables.models import captured as module
from trainables.models.captured import CapturedNetwork, CaptureWarning


class Tape:
    """Stands in for a CUDA graph: a replay computes the captured call again, into the same output."""

    replays = 0

    def replay(self):
        Tape.replays += 1
        self.output.copy_(self.network(*self.inputs))


@pytest.fixture
def cuda(monkeypatch):
    """A graph that is replayed on the CPU, in the place of `_Graph`'s capture."""

    class OnTape(module._Graph):
        def __init__(self, network, inputs):
            self._inputs = module.mapped(inputs, torch.clone)
            self._copied = [None] * len(module._tensors(inputs))
            self._graph = Tape()
            self._graph.network, self._graph.inputs = network, self._inputs
            self._output = self._graph.output = network(*self._inputs)

    monkeypatch.setattr(module, "_Graph", OnTape)
    monkeypatch.setattr(module, "_GRAPHS_ON", "cpu")
    Tape.replays = 0
    return OnTape


class Sum(nn.Module):
    """x plus the sum of the features."""

    def forward(self, x, features):
        return x + sum(feature.sum() for feature in features)


class Nested(nn.Module):
    """x plus the sums of nested features."""

    def forward(self, x, features):
        return x + features[0].sum() + features[1][0].sum()


def test_a_replay_sees_new_inputs_and_changes_in_place(cuda):
    network, x = CapturedNetwork(Nested()), torch.zeros(3)
    features = (torch.ones(2), [torch.ones(1)])
    assert network(x, features).tolist() == [3, 3, 3]
    first = network(x, features)
    features[0].mul_(2)
    assert network(x, features).tolist() == [5, 5, 5]
    assert network(x + 1, (torch.zeros(2), [torch.zeros(1)])).tolist() == [1, 1, 1]
    assert first.tolist() == [3, 3, 3], "an output is not overwritten by the next replay"
    assert Tape.replays == 4


def test_what_did_not_change_is_not_copied_again(cuda, monkeypatch):
    copies = []
    copy = torch.Tensor.copy_
    monkeypatch.setattr(
        torch.Tensor, "copy_", lambda self, given: copies.append(given) or copy(self, given)
    )
    network, condition = CapturedNetwork(Sum()), torch.ones(7)
    for number in range(4):
        network(torch.full((2,), float(number)), (condition,))
    assert sum(one is condition for one in copies) == 1


def test_every_shape_has_a_graph_of_its_own(cuda):
    network = CapturedNetwork(Sum())
    for size in (2, 3, 2, 3):
        assert network(torch.zeros(size), (torch.ones(1),)).tolist() == [1.0] * size
    assert len(network._graphs) == 2


def test_what_cannot_be_captured_is_run_as_it_is_and_told_once(monkeypatch):
    def refuse(network, inputs):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(module, "_Graph", refuse)
    monkeypatch.setattr(module, "_GRAPHS_ON", "cpu")
    network, x = CapturedNetwork(Sum()), torch.zeros(2)
    with pytest.warns(CaptureWarning, match="Sum is run .*when stream is capturing$"):
        assert network(x, (torch.ones(1),)).tolist() == [1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert network(x, (torch.ones(1),)).tolist() == [1, 1]


def test_on_a_cpu_calls_are_plain():
    network = CapturedNetwork(Sum())
    assert network(torch.zeros(2), (torch.ones(1),)).tolist() == [1, 1] and not network._graphs
