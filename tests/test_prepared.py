"""Networks made ready for evaluation give what the plain ones give, whatever was asked of them before."""

import pytest
import torch
from helpers import tiny_recipe

from trainables.core.noise import seeded
from trainables.models.images.classifier import ConvNet, FrozenClassifier, resnet
from trainables.models.images.logit_attention import LogitAttention, LogitAttentionConfig
from trainables.models.images.logit_mlp import LogitMLP, LogitMLPConfig
from trainables.models.images.unet import UNet, UNetConfig
from trainables.models.prepared import PreparedClassifier, PreparedLogit, PreparedSignal
from trainables.models.run_paths import RunPath
from trainables.models.scale import LogitScale
from trainables.sampling.meter import Meter

SHAPE, CLASSES = (3, 16, 16), 7


@pytest.fixture(autouse=True)
def _same_weights():
    """New networks' weights, which torch draws, are the same in every run."""
    with seeded(torch.device("cpu"), "prepared"):
        yield


def _assert_near(found, expected):
    """Equal but for rounding, which is relative to the largest value on the way."""
    assert float((found - expected).abs().max()) <= 1e-4 * float(expected.abs().max())


def _random(network):
    """Random weights throughout: new denoisers put out zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network.eval().requires_grad_(False)


def _inputs(batch, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, x_cor = (torch.randn(batch, *SHAPE, generator=generator) for _ in range(2))
    return x, x_cor, torch.randn(batch, CLASSES, generator=generator)


def _signal():
    network = _random(UNet(SHAPE[0], CLASSES, UNetConfig(base=8, patch=2)))

    def outputs(ready, batch, guided=True):
        x, x_cor, y = _inputs(batch)
        codes = ready.encode_corrupted(x_cor), ready.encode_logits(y if guided else None, batch)
        return ready(x, ready.encode_time(torch.tensor([0.4])), *codes)

    return network, PreparedSignal, outputs


def _logit(config):
    kind = LogitAttention if isinstance(config, LogitAttentionConfig) else LogitMLP
    network = _random(kind(SHAPE[0], CLASSES, config))

    def outputs(ready, batch):
        x, x_cor, y = _inputs(batch)
        code = ready.encode_signals(x, y, x_cor)
        return ready(y, ready.encode_time(torch.tensor([0.4])), code)

    return network, PreparedLogit, outputs


def _classifier(network):
    scale = LogitScale(CLASSES)
    scale.fit(torch.randn(50, CLASSES, generator=torch.Generator().manual_seed(1)))
    frozen = FrozenClassifier(_random(network), scale, range(CLASSES))
    return frozen, PreparedClassifier, lambda ready, batch: ready(_inputs(batch)[0])


CASES = {
    "unet": _signal,
    "mlp": lambda: _logit(LogitMLPConfig(base=8, width=16)),
    "attention": lambda: _logit(LogitAttentionConfig(width=16, tokens=2, heads=2, blocks=2)),
    "convnet": lambda: _classifier(ConvNet(SHAPE, CLASSES, tiny_recipe().classifier)),
    "resnet": lambda: _classifier(resnet(SHAPE[0], CLASSES, 18)),
}


OTHER_PATHS = pytest.mark.parametrize("path", [RunPath.FROZEN, RunPath.CHANNELS_LAST])


@OTHER_PATHS
@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_every_path_gives_what_the_network_gives_at_every_batch_size(case, path):
    network, prepared, outputs = CASES[case]()
    ready = prepared(network, torch.float32, path=path)
    for batch in (4, 1, 6, 4):
        plain = outputs(network, batch)
        _assert_near(outputs(ready, batch), plain)
    assert plain.std() > 0.01


@OTHER_PATHS
@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_bits_do_not_depend_on_what_was_asked_before(case, path):
    network, prepared, outputs = CASES[case]()
    one = prepared(network, torch.float32, path=path)
    other = prepared(network, torch.float32, path=path)
    first = outputs(one, 4)
    for batch in (6, 1, 6, 3):
        outputs(other, batch)
    assert torch.equal(outputs(other, 4), first) and torch.equal(outputs(one, 4), first)


@pytest.mark.parametrize("path", [RunPath.PLAIN, RunPath.CHANNELS_LAST])
@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_bf16_is_near_and_comes_back_as_float32(case, path):
    network, prepared, outputs = CASES[case]()
    plain = outputs(network, 4)
    ready = outputs(prepared(network, torch.bfloat16, path=path), 4)
    assert ready.dtype == torch.float32
    assert 0 < float((ready - plain).std() / plain.std()) < 0.1
    assert all(p.dtype == torch.float32 for p in network.parameters()), "the part itself is kept"
    assert all(p.is_contiguous() for p in network.parameters())


@torch.no_grad()
def test_the_unguided_signal_shares_a_graph_with_the_guided():
    network, prepared, outputs = _signal()
    ready = prepared(network, torch.float32, path=RunPath.FROZEN)
    for guided in (True, False, True):
        plain = outputs(network, 4, guided)
        _assert_near(outputs(ready, 4, guided), plain)


@torch.no_grad()
def test_flops_of_a_frozen_graph_are_the_networks():
    network, prepared, _ = _signal()
    x, x_cor, y = _inputs(4)
    counted = []
    for ready in (network, prepared(network, torch.float32, path=RunPath.FROZEN)):
        codes = ready.encode_corrupted(x_cor), ready.encode_logits(y, 4)
        meter, time = Meter(), ready.encode_time(torch.tensor([0.4]))
        for _ in range(2):
            meter.call("signal", ready, x, time, *codes, batch=4)
        counted.append(meter.reading())
    assert counted[0] == counted[1] and counted[0].flops > 0 and counted[0].calls["signal"] == 8
