"""DiDiRN: ResNet's convolutions, conditioned in every block, with s(y, c_t, t) = 1 at c_t."""

import pytest
import torch
from torch import nn
from torchvision import models

from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise, seeded
from trainables.diffusion.label_sampling import sample_labels, sample_probabilities
from trainables.diffusion.labels import LabelDiffusion, targets_of
from trainables.models.base import NetworkInterface
from trainables.models.images.didirn import DiDiRN, DiDiRNConfig, SmallDiDiRNConfig

FIT = NetworkInterface((3, 16, 16), 5)


def _network(config=None, seed: int = 0) -> DiDiRN:
    """A network whose head is not zero, in eval mode."""
    with seeded(torch.device("cpu"), "test", seed):
        network = (config or SmallDiDiRNConfig(base=8, blocks=(1, 2), embedding=16)).build(FIT)
        nn.init.normal_(network.head.weight, std=0.5)
        return network.eval()


def _blocks(network: DiDiRN) -> list[nn.Module]:
    return [network.first, *network.later]


def _convolutions(network: nn.Module) -> list[tuple]:
    return [
        (tuple(layer.weight.shape), layer.stride, layer.padding)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d)
    ]


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_the_convolutions_are_those_of_resnet(depth):
    resnet = getattr(models, f"resnet{depth}")()
    network = DiDiRNConfig(depth).build(FIT)
    assert _convolutions(network)[0] == ((64, 3, 3, 3), (1, 1), (1, 1))
    assert _convolutions(network)[1:] == _convolutions(resnet)[1:]
    assert network.head.weight.shape == (5, resnet.fc.in_features)
    assert len(_blocks(network)) == sum(len(getattr(resnet, f"layer{i}")) for i in range(1, 5))


@pytest.mark.parametrize("depth", [18, 50])
def test_without_conditioning_a_block_is_resnets(depth):
    """With the layers between the convolutions and the shortcut taken out, blocks compute ResNet's."""
    with seeded(torch.device("cpu"), "test", 0):
        resnet, network = getattr(models, f"resnet{depth}")().eval(), DiDiRNConfig(depth).build(FIT)
        stages = [block for i in range(1, 5) for block in getattr(resnet, f"layer{i}")]
        h = torch.randn(2, 64, 8, 8)
        for block, expected in zip(_blocks(network.eval()), stages, strict=True):
            parameters = [*block.body.parameters(), *block.shortcut.parameters()]
            for parameter, value in zip(parameters, expected.parameters(), strict=True):
                parameter.data.copy_(value.data)
            torch.testing.assert_close(torch.relu(block.body(h) + block.shortcut(h)), expected(h))
            h = expected(h)


def test_the_score_at_the_label_itself_is_one():
    network = _network()
    x, labels, t = torch.randn(5, 3, 16, 16), torch.arange(5), torch.rand(5)
    log_score = network(x, labels, t)
    assert log_score.shape == (5, 5) and log_score.dtype == torch.float32
    assert torch.equal(log_score.diagonal(), torch.zeros(5))
    assert int((log_score == 0).sum()) == 5


def test_an_untrained_score_is_one_for_all_labels():
    network = DiDiRNConfig(18, stem="pooled").build(FIT)
    log_score = network(torch.randn(2, 3, 16, 16), torch.tensor([0, 4]), torch.tensor([0.5]))
    assert torch.equal(log_score, torch.zeros(2, 5))


@pytest.mark.parametrize("base", [2, 6, 8, 32, 64])
def test_label_and_time_condition_every_block(base):
    """Also where channels are few: group normalisation must not take away what is added to a channel."""
    network = _network(SmallDiDiRNConfig(base, (1, 2), 16))
    outputs = []
    for block in _blocks(network):
        block.norm.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    x = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        for label, t in ((1, 0.1), (2, 0.1), (1, 0.9)):
            network(x, torch.tensor([label]), torch.tensor([t]))
    first, other_label, other_time = outputs[:3], outputs[3:6], outputs[6:]
    for block in range(3):
        assert float((other_label[block] - first[block]).abs().max()) > 1e-2
        assert float((other_time[block] - first[block]).abs().max()) > 1e-2


def test_the_samplers_score_is_the_networks():
    network = _network()
    x, labels = torch.randn(3, 3, 16, 16), torch.tensor([[0, 1], [2, 2], [4, 0]])
    log_score = network.score_of(x)(labels, 0.3)
    assert log_score.shape == (3, 2, 5)
    for chain in range(2):
        expected = network(x, labels[:, chain], torch.tensor([0.3]))
        torch.testing.assert_close(log_score[:, chain], expected)
    alone = network.score_of(x[:1])(labels[:1], 0.3)
    torch.testing.assert_close(alone, log_score[:1])


def test_images_are_encoded_once_in_a_trajectory():
    network, process, calls = _network(), LabelDiffusion(5), []
    network.stem.register_forward_hook(lambda *inputs: calls.append("stem"))
    network.later[0].register_forward_hook(lambda *inputs: calls.append("block"))
    device = torch.device("cpu")
    with torch.no_grad():
        score = network.score_of(torch.randn(1, 3, 16, 16))
    p = sample_probabilities(process, score, process.prior(1, device), 4)
    assert p.shape == (1, 5) and calls == ["stem", *["block"] * 4]
    frequencies = sample_labels(process, score, SampleNoise(0, [0]), device, 4, 6)
    assert frequencies.shape == (1, 5) and float(frequencies.sum()) == pytest.approx(1)


def test_training_learns_a_posterior():
    """One image has label 0 or 1, with 0.75 and 0.25, the other label 2 always. The loss is summed over
    images, labels c_0 and noised labels c_t; times alone are drawn, one in each sixteenth.
    """
    process, generator = LabelDiffusion(3), torch.Generator().manual_seed(0)
    with seeded(torch.device("cpu"), "test", 0):
        network = SmallDiDiRNConfig(8, (1, 1), 16).build(NetworkInterface((1, 4, 4), 3))
        optimiser = torch.optim.Adam(network.parameters(), 5e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, 400)
        images = torch.randn(2, 1, 4, 4, generator=generator)
        posterior = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.0, 1.0]])
        grid = torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(16))
        rows, labels, sixteenths = grid.unbind(dim=1)
        for _ in range(400):
            t = process.times((sixteenths + torch.rand(len(grid), generator=generator)) / 16)
            log_score = network(images[rows], labels, t)
            loss = torch.zeros(())
            for c_0 in range(3):
                targets = targets_of(torch.full_like(labels, c_0), 3)
                at_label = process.marginal(targets, t).gather(1, labels[:, None])[:, 0]
                losses = process.loss(log_score, targets, labels, t)
                loss = loss + (posterior[rows, c_0] * at_label * losses).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            score = network.eval().score_of(images)
        for predictor in ("euler", "analytic"):
            start = process.prior(2, torch.device("cpu"))
            result = sample_probabilities(process, score, start, 8, predictor)
            torch.testing.assert_close(result, posterior, atol=0.1, rtol=0)


def test_settings_that_are_not_allowed_are_refused():
    for settings in ({"depth": 101}, {"stem": "large"}, {"embedding": 0}):
        with pytest.raises(UsageError, match="DiDiRN"):
            DiDiRNConfig(**settings)
    for settings in ({"base": 0}, {"base": 9}, {"blocks": ()}, {"blocks": (0,)}, {"embedding": 0}):
        with pytest.raises(UsageError, match="DiDiRN"):
            SmallDiDiRNConfig(**settings)
