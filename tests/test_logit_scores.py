"""The speech logit networks: their baseline, their conditions, and that they learn."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of, seeded
from trainables.diffusion.ouve import OUVE
from trainables.models.speech.logit_score import LogitScore, LogitScoreConfig
from trainables.models.speech.logit_sequence import LogitSequenceConfig, LogitSequenceScore
from trainables.training.losses import OUVELoss

PROCESS, CLASSES, FEATURES, FRAMES, STEPS, BATCH = OUVE(), 6, 10, 11, 7, 3
SPREAD = 0.2
FILM = LogitScoreConfig(width=16, blocks=2, pools=2, dropout=0.1, spread=SPREAD)
SEQUENCE = LogitSequenceConfig(
    width=16, heads=2, layers=1, history=3, stride=2, blocks=2, spread=SPREAD
)


def _network(kind):
    with seeded(torch.device("cpu"), "network", kind):
        if kind == "sequence":
            return LogitSequenceScore(CLASSES, FEATURES, PROCESS, SEQUENCE).eval()
        config = replace(FILM, class_width=4) if kind == "film-classes" else FILM
        return LogitScore(CLASSES, FEATURES, PROCESS, config).eval()


def _trained(kind):
    """With all layers at work, those that begin at zero too."""
    network = _network(kind)
    torch.nn.init.normal_(network.out.weight, std=0.3, generator=generator_of("out"))
    return network


def _shape(kind, batch=BATCH):
    return (batch, STEPS, CLASSES) if kind == "sequence" else (batch, CLASSES)


def _inputs(kind, seed=0, batch=BATCH):
    """y_t, t, and x, y_of_x, x_cor, y_cor."""
    generator = generator_of("logits", kind, seed)
    x, x_cor = torch.randn(2, batch, FRAMES, FEATURES, generator=generator)
    y_t, y_of_x, y_cor = 0.2 * torch.randn(3, *_shape(kind, batch), generator=generator)
    return y_t, torch.linspace(0.1, 0.9, batch), (x, y_of_x, x_cor, y_cor)


KINDS = ["film", "film-classes", "sequence"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_network_is_the_exact_score_about_the_corrupted_logits(kind):
    """Its residual of equation 40 is then what data N(y_cor, spread^2) take back of the baseline."""
    network = _network(kind)
    y_t, t, conditions = _inputs(kind)
    score = network(y_t, t, network.encode_signals(*conditions))
    wide = t.reshape(-1, *[1] * (y_t.dim() - 1))
    sigma, spread = PROCESS.deviation(wide), SPREAD * PROCESS.decay(wide)
    want = -sigma * (y_t - conditions[3]) / (sigma**2 + spread**2)
    torch.testing.assert_close(score, want)


def test_the_baseline_is_equation_40_and_the_perfect_residual_is_equation_39():
    y0, y_cor, eps = torch.randn(3, 5, CLASSES, generator=generator_of("baseline")).double()
    t = torch.linspace(0.05, 1, 5, dtype=torch.float64)
    y_t = PROCESS.noised(y0, y_cor, eps, t)
    sigma = PROCESS.deviation(t)[:, None]
    baseline = PROCESS.residual_score(torch.zeros(5, CLASSES), y_t, y_cor, t, 1e-6)
    torch.testing.assert_close(baseline, -(y_t - y_cor) / sigma, atol=1e-6, rtol=1e-6)
    # what an output must be: from the definition, with the moved spread m and v = sigma^2 + m^2
    m = 0.3 * PROCESS.decay(t)[:, None]
    v = sigma**2 + m**2
    output = (-eps + sigma * (y_t - y_cor) / v) * v.sqrt() / m
    torch.testing.assert_close(PROCESS.residual_score(output, y_t, y_cor, t, 0.3), -eps)


def test_the_outputs_target_has_unit_variance_at_every_time():
    generator = generator_of("unit")
    y_cor = torch.zeros(100_000, 1)
    y0 = 0.3 * torch.randn(100_000, 1, generator=generator)
    for t in (0.03, 0.3, 1.0):
        eps = torch.randn(100_000, 1, generator=generator)
        y_t = PROCESS.noised(y0, y_cor, eps, t)
        at_zero = PROCESS.residual_score(torch.zeros_like(y_t), y_t, y_cor, t, 0.3)
        slope = PROCESS.residual_score(torch.ones_like(y_t), y_t, y_cor, t, 0.3) - at_zero
        assert float(((-eps - at_zero) / slope).std()) == pytest.approx(1, rel=0.01)
        assert float(PROCESS.whitened(y_t, y_cor, t, 0.3).std()) == pytest.approx(1, rel=0.01)


def test_weighted_by_a_spread_the_loss_is_that_of_the_output_at_unit_scale():
    y0, y_cor, eps, output = torch.randn(4, 5, CLASSES, generator=generator_of("weight")).double()
    t = torch.linspace(0.05, 1, 5, dtype=torch.float64)
    y_t = PROCESS.noised(y0, y_cor, eps, t)
    score = PROCESS.residual_score(output, y_t, y_cor, t, 0.3)
    # the target of unit variance, from the definition
    sigma, m = PROCESS.deviation(t)[:, None], 0.3 * PROCESS.decay(t)[:, None]
    v = sigma**2 + m**2
    target = (-eps + sigma * (y_t - y_cor) / v) * v.sqrt() / m
    of_noise, of_output = (OUVELoss(PROCESS, None, 50), OUVELoss(PROCESS, 0.3, 50))
    torch.testing.assert_close(of_noise.loss(score, y0, eps, t), (score + eps).square().mean())
    want = (output - target).square().mean()
    torch.testing.assert_close(of_output.loss(score, y0, eps, t), want)


@pytest.mark.parametrize("steps", [2, 50])
def test_the_next_state_is_at_the_next_time_of_the_sampling(steps):
    levels = PROCESS.levels(steps)
    t, generator = torch.tensor(levels[:-1]), generator_of("states")
    z_t, z0_hat, origin = torch.randn(3, steps, CLASSES, generator=generator).unbind()
    ours = OUVELoss(PROCESS, None, steps).next_state(z_t, z0_hat, origin, t)
    for row, (now, after) in enumerate(pairwise(levels)):
        one = slice(row, row + 1)
        theirs = PROCESS.step(z_t[one], z0_hat[one], now, after, 0.0, None, origin[one])
        torch.testing.assert_close(ours[one], theirs.float(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_condition_counts(kind):
    network = _trained(kind)
    y_t, t, conditions = _inputs(kind)
    base = network(y_t, t, network.encode_signals(*conditions))
    assert base.shape == y_t.shape
    for i in range(4):
        changed = list(conditions)
        changed[i] = changed[i] + 0.1 * torch.randn(
            changed[i].shape, generator=generator_of("change", i)
        )
        other = network(y_t, t, network.encode_signals(*changed))
        assert (other - base).abs().max() > 1e-4, f"condition {i}"


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_parameter(kind):
    network = _trained(kind)
    y_t, t, conditions = _inputs(kind)
    network(y_t, t, network.encode_signals(*conditions)).square().mean().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_depends_on_neither_neighbours_nor_how_its_time_is_given(kind):
    network = _trained(kind)
    y_t, _, conditions = _inputs(kind)
    t = torch.tensor([0.4])
    whole = network(y_t, t, network.encode_signals(*conditions))
    part = network(y_t[1:2], t, network.encode_signals(*(c[1:2] for c in conditions)))
    torch.testing.assert_close(part, whole[1:2], atol=1e-5, rtol=1e-4)
    each = network(y_t, t.expand(BATCH), network.encode_signals(*conditions))
    torch.testing.assert_close(each, whole, atol=1e-5, rtol=1e-4)


def test_a_decoding_step_knows_a_limited_number_of_steps_before_it_and_none_after():
    network = _trained("sequence")
    y_t, t, (x, y_of_x, x_cor, y_cor) = _inputs("sequence")
    base = network(y_t, t, network.encode_signals(x, y_of_x, x_cor, y_cor))
    for changed in range(STEPS):
        other = y_of_x.clone()
        other[:, changed] += 1
        moved = network(y_t, t, network.encode_signals(x, other, x_cor, y_cor)) - base
        knows = (moved.abs().amax(dim=(0, 2)) > 1e-6).tolist()
        assert knows == [changed <= step <= changed + SEQUENCE.history for step in range(STEPS)]


def test_the_same_step_in_another_place_is_another_step():
    network = _trained("sequence")
    y_t, t, (x, y_of_x, x_cor, y_cor) = _inputs("sequence")
    same = [c[:, :1].expand(-1, STEPS, -1) for c in (y_t, y_of_x, y_cor)]
    out = network(same[0], t, network.encode_signals(x, same[1], x_cor, same[2]))
    assert (out[:, 4] - out[:, 6]).abs().max() > 1e-5


def test_frames_are_heard_in_their_order_by_the_sequence_network():
    network = _trained("sequence")
    y_t, t, (x, y_of_x, x_cor, y_cor) = _inputs("sequence")
    base = network(y_t, t, network.encode_signals(x, y_of_x, x_cor, y_cor))
    other = network(y_t, t, network.encode_signals(x.flip(1), y_of_x, x_cor.flip(1), y_cor))
    assert (other - base).abs().max() > 1e-5


@pytest.mark.parametrize("kind", ["film", "sequence"])
def test_training_beats_the_baseline_where_the_features_tell_the_answer(kind):
    """y0 - y_cor is a linear map of the features, so the loss can go far below the start's."""
    network = _network(kind)
    generator = generator_of("training")
    mix = torch.randn(FEATURES, CLASSES, generator=generator) / FEATURES**0.5
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for step in range(150):
        _, _, (x, _, x_cor, y_cor) = _inputs(kind, seed=step, batch=32)
        x = x[:, :1].expand(-1, FRAMES, -1)
        clean = SPREAD * x[:, 0] @ mix
        y0 = y_cor + (clean[:, None] if kind == "sequence" else clean)
        t = PROCESS.times(torch.rand(32, generator=generator))
        eps = torch.randn(y_cor.shape, generator=generator)
        y_t = PROCESS.noised(y0, y_cor, eps, t)
        output = network(y_t, t, network.encode_signals(x, y_cor, x_cor, y_cor))
        loss = (output + eps).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])


@pytest.mark.parametrize("kind", ["film", "sequence"])
def test_the_corrupted_logits_are_needed(kind):
    network = _network(kind)
    _, _, (x, y_of_x, x_cor, _) = _inputs(kind)
    with pytest.raises(UsageError, match="got no y_cor"):
        network.encode_signals(x, y_of_x, x_cor)


@pytest.mark.parametrize(
    ("config", "given", "message"),
    [
        (LogitScoreConfig, {"pools": 0}, "pools is 0"),
        (LogitScoreConfig, {"spread": 0.0}, "spread is 0.0"),
        (LogitSequenceConfig, {"history": 0}, "history is 0"),
        (
            LogitSequenceConfig,
            {"width": 30},
            "width is 30, but must be even and a multiple of its 4",
        ),
    ],
)
def test_bad_sizes_are_refused(config, given, message):
    with pytest.raises(UsageError, match=message):
        config(**given)
