"""Speech in bf16: scores and samples are float32's but for rounding, and times are told exactly."""

import pytest
import torch
from speech_task import load_digits, speech_task, train, write_whisper

import search_spaces
from trainables.core.noise import SampleNoise, generator_of, seeded
from trainables.diffusion.ouve import OUVE, OUVE_16K
from trainables.evaluation.assembly import assemble
from trainables.models.prepared import PreparedLogit, PreparedSignal
from trainables.models.run_paths import RunPath
from trainables.models.speech.logit_score import LogitScore, LogitScoreConfig
from trainables.models.speech.logit_sequence import LogitSequenceConfig, LogitSequenceScore
from trainables.models.speech.ncsnpp.config import NCSNppConfig
from trainables.models.speech.ncsnpp.network import NCSNpp
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.strategies import schedule_of
from trainables.task import networks

CLASSES, STEPS, FEATURES, BATCH = 7, 5, 12, 3
SPREAD = 0.06
CPU = torch.device("cpu")
SMALL = {"base": 8, "multipliers": (1, 2), "blocks": 1, "condition_width": 8}
SIGNALS = {
    "residual": NCSNppConfig(**SMALL, attention=(), pyramids=False, spread=SPREAD, patch=2),
    "published": NCSNppConfig(**SMALL, attention=(1,)),
    "published at 48 kHz": NCSNppConfig(
        **SMALL, attention=(), pyramids=False, scale_last=True, condition="fusion"
    ),
}
LOGITS = {
    "words": LogitScoreConfig(width=16, blocks=2, pools=2, spread=SPREAD),
    "words among classes": LogitScoreConfig(width=16, blocks=2, class_width=4, spread=SPREAD),
    "sentences": LogitSequenceConfig(width=16, heads=2, layers=1, blocks=2, spread=SPREAD),
}
TIMES = [1.0, 0.3, 0.03]


def _at_work(network):
    """Evaluated, with random weights where layers begin at zero."""
    generator = generator_of("at work")
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network.eval().requires_grad_(False)


def _drawn(name, *shape):
    return 0.1 * torch.randn(shape, generator=generator_of(name))


def _assert_near(found, exact):
    """What rounding to 8 bits in every layer comes to."""
    assert found.dtype == torch.float32
    assert 0 < float((found - exact).norm() / exact.norm()) < 0.03


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("name", SIGNALS)
@torch.no_grad()
def test_scores_of_signals_in_bf16_are_near(name, t):
    with seeded(CPU, "weights", name):
        network = _at_work(NCSNpp(CLASSES, OUVE_16K, SIGNALS[name]))
    x_cor, y = _drawn("x_cor", BATCH, 2, 16, 16), _drawn("y", BATCH, STEPS, CLASSES)
    x_t = OUVE_16K.noised_about(x_cor, 10 * _drawn("x_t", *x_cor.shape), t)
    exact, low = (
        PreparedSignal(network, dtype, RunPath.PLAIN) for dtype in (torch.float32, torch.bfloat16)
    )
    for logits in (y, y[:, 0], None):
        scores = [
            ready(x_t, ready.encode_time(torch.tensor([t])), ready.encode_corrupted(x_cor),
                  ready.encode_logits(logits, BATCH))
            for ready in (low, exact)
        ]  # fmt: skip
        _assert_near(*scores)
    assert all(p.dtype == torch.float32 for p in network.parameters()), "the part itself is kept"


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("name", LOGITS)
@torch.no_grad()
def test_scores_of_logits_in_bf16_are_near(name, t):
    kind = LogitSequenceScore if name == "sentences" else LogitScore
    shape = (STEPS, CLASSES) if name == "sentences" else (CLASSES,)
    with seeded(CPU, "weights", name):
        network = _at_work(kind(CLASSES, FEATURES, OUVE(), LOGITS[name]))
    x, x_cor = 10 * _drawn("features", 2, BATCH, 11, FEATURES)
    y_cor = _drawn("y_cor", BATCH, *shape)
    y_of_x = y_cor + _drawn("y_of_x", *y_cor.shape) / 2
    y_t = OUVE().noised_about(y_cor, 10 * _drawn("y_t", *y_cor.shape), t)
    exact, low = (
        PreparedLogit(network, dtype, RunPath.PLAIN) for dtype in (torch.float32, torch.bfloat16)
    )
    scores = [
        ready(y_t, ready.encode_time(torch.tensor([t])), ready.encode_signals(x, y_of_x, x_cor, y_cor))
        for ready in (low, exact)
    ]  # fmt: skip
    _assert_near(*scores)


@torch.no_grad()
def test_times_are_told_exactly():
    """Times that bf16 cannot tell apart give scores as far apart as in float32."""
    near = torch.tensor([0.5, 0.5005])
    assert len(near.bfloat16().unique()) == 1
    with seeded(CPU, "weights"):
        network = _at_work(NCSNpp(CLASSES, OUVE_16K, SIGNALS["residual"]))
        low = PreparedSignal(network, torch.bfloat16, RunPath.PLAIN)
        waves = [low._network.exact()[0](near), network.exact()[0](near)]
    assert torch.equal(*waves)
    assert float((waves[0][0] - waves[0][1]).abs().max()) > 0.05


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    root = tmp_path_factory.mktemp("speech")
    dataset, task = load_digits(root), speech_task(write_whisper(root / "whisper.pt"))
    weights = train("classifier", task, dataset, {})
    for name, make in (
        ("signal", networks.new_signal_denoiser),
        ("logit", networks.new_logit_denoiser),
    ):
        with seeded(CPU, "weights", name):
            weights |= {name: _at_work(make(dataset, task.recipe)).state_dict()}
    return task, dataset, weights


@pytest.mark.parametrize("strategy", ["enhanced", "card", "parallel", "nested"])
def test_samples_in_bf16_are_those_of_float32_but_for_rounding(strategy, spoken):
    task, dataset, weights = spoken
    classifier = networks.frozen_classifier(dataset, task.recipe, weights)
    split = dataset.test.first(3)
    x_cor = split.corrupted(split.clean(), slice(None), "babble", None)
    moves = schedule_of(strategy, search_spaces.load(strategy).paper_point(4, "speech"))
    outcomes, costs = [], []
    for dtype in (torch.float32, torch.bfloat16):
        meter = Meter()
        system = assemble(task, dataset, classifier, weights, CPU, dtype)
        noise = SampleNoise(0, split.numbers.tolist())
        # A copy, which the recogniser has not heard yet: what it remembers costs nothing.
        outcomes.append(Engine(system, (10,), meter).run(moves, x_cor.clone(), noise))
        costs.append((meter.calls, meter.flops))
    exact, low = outcomes
    moved = {"x": exact.x - x_cor, "y": exact.y - classifier(x_cor)}
    for name, way in moved.items():
        difference = getattr(low, name) - getattr(exact, name)
        assert float(difference.norm()) <= 0.05 * float(way.norm())
    assert not torch.equal(low.y, exact.y) and costs[0] == costs[1]
