"""FLOPs as they are counted, against torch's own counter, and what counting loads."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from trainables.sampling.flops import result_and_flops

CONVOLUTIONS = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), nn.Flatten(), nn.Linear(8 * 64, 10)
)
ATTENTION = nn.MultiheadAttention(16, 2, batch_first=True)


def _forward(x: Tensor, q: Tensor) -> Tensor:
    return CONVOLUTIONS(x).sum() + ATTENTION(q, q, q)[0].sum()


def _products(x: Tensor, q: Tensor) -> Tensor:
    scores = torch.einsum("bij,bkj->bik", q, q) + q @ q.transpose(1, 2)
    return scores.sum() + nn.functional.scaled_dot_product_attention(q, q, q).sum()


def _backward(x: Tensor, q: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(CONVOLUTIONS(x).sum(), CONVOLUTIONS[0].weight)
    return gradient.sum()


@pytest.mark.parametrize("function", [_forward, _products, _backward])
def test_they_are_those_of_torchs_counter(function):
    inputs = (
        torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)),
        torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(1)),
    )
    result, flops = result_and_flops(function, inputs)
    with FlopCounterMode(display=False) as counter:
        assert torch.equal(function(*inputs), result)
    assert flops == counter.get_total_flops() > 0


def test_a_multiplication_of_matrices_takes_two_a_term():
    assert result_and_flops(torch.mm, (torch.ones(3, 5), torch.ones(5, 7)))[1] == 2 * 3 * 5 * 7


def test_counting_does_not_load_torchs_compiler(root):
    """Which takes three seconds in every process that samples."""
    code = (
        "import sys, torch; from trainables.sampling.flops import result_and_flops; "
        "result_and_flops(torch.mm, (torch.ones(3, 5), torch.ones(5, 7))); "
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
