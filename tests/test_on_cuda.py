"""On a GPU: what is sampled and trained is what a CPU makes of it, and no trajectory waits for the device."""

import pytest
import torch
from device_runs import corrupted, engine_of, moves_of, play
from helpers import DIGITS, tiny_task, train
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from trainables import strategies
from trainables.core.noise import seeded
from trainables.evaluation.path_choices import PathChoices, kept_choices
from trainables.models.captured import CapturedNetwork, CaptureWarning
from trainables.models.images.logit_mlp import LogitMLPConfig
from trainables.models.run_paths import RunPath
from trainables.sampling.label_moves import LabelAnswer
from trainables.sampling.settling import SettlingMove
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.objective import Context

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine"
)
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def _exact_convolutions(monkeypatch):
    """Convolutions in float32, not TensorFloat32, so that results compare."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture
def errors_on_waiting():
    """A function that makes waiting for the GPU an error from then on."""
    yield lambda: torch.cuda.set_sync_debug_mode("error")
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("strategy", strategies.names("image"))
def test_a_run_gives_what_it_gives_on_a_cpu(strategy, parts):
    outcomes = []
    for device in (CPU, CUDA):
        x_cor, noise = corrupted(device)
        outcomes.append(engine_of(strategy, parts, device).run(moves_of(strategy), x_cor, noise))
    torch.testing.assert_close(outcomes[1].x.cpu(), outcomes[0].x, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(outcomes[1].y.cpu(), outcomes[0].y, atol=5e-3, rtol=5e-3)


@pytest.mark.skipif(
    torch.cuda.is_available() and not torch.cuda.is_bf16_supported(including_emulation=False),
    reason="this GPU does not compute in bfloat16",
)
@pytest.mark.parametrize("strategy", ["nested", "guided"])
def test_bfloat16_is_near(strategy, parts):
    x_cor, noise = corrupted(CUDA)
    whole, half = (
        engine_of(strategy, parts, CUDA, dtype).run(moves_of(strategy), x_cor, noise)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half.y.dtype == torch.float32
    assert float((half.x - whole.x).abs().mean()) < 0.05
    assert float((half.y - whole.y).abs().mean()) < 0.1 * float(whole.y.abs().max())


@pytest.mark.parametrize("path", [RunPath.PLAIN, RunPath.CHANNELS_LAST, RunPath.CAPTURED])
@pytest.mark.filterwarnings("error::trainables.models.captured.CaptureWarning")
def test_every_path_gives_the_same(path, parts):
    x_cor, noise = corrupted(CUDA)
    engine = engine_of("nested", parts, CUDA, choose=lambda name, usual, call_of: path)
    found = engine.run(moves_of("nested"), x_cor, noise).y.cpu()
    x_cor, noise = corrupted(CPU)
    expected = engine_of("nested", parts, CPU).run(moves_of("nested"), x_cor, noise).y
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=5e-3)


def test_paths_are_timed_and_kept(parts, tmp_path):
    choices = PathChoices(tmp_path / "paths.json", CUDA, torch.float32, 3, least_flops=0)
    engine_of("nested", parts, CUDA, choose=choices)
    kept = kept_choices(tmp_path / "paths.json")
    assert len(kept) == 3 and all(torch.cuda.get_device_name() in key for key in kept)
    assert all("captured" in choice["seconds"] for choice in kept.values())
    assert all(choice["usual"] == RunPath.PLAIN for choice in kept.values())


@pytest.mark.filterwarnings("error::trainables.models.captured.CaptureWarning")
def test_a_captured_network_sees_what_it_is_given():
    network = torch.nn.Linear(3, 2).to(CUDA).requires_grad_(False)
    captured = CapturedNetwork(network)
    x = torch.ones(4, 3, device=CUDA)
    first, again = captured(x), captured(x)
    x.mul_(2)  # in place: the same tensor, of other values
    changed, smaller = captured(x), captured(x[:1])
    assert torch.equal(first, again) and torch.equal(first, network(torch.ones_like(x)))
    assert torch.equal(changed, network(x)) and torch.equal(smaller, network(x[:1]))


def test_what_cannot_be_captured_is_run_as_it_is():
    class Waiting(torch.nn.Module):
        def forward(self, x):
            return x * float(x.sum())

    x = torch.ones(3, device=CUDA)
    captured = CapturedNetwork(Waiting())
    with pytest.warns(CaptureWarning, match="Waiting is run operation by operation"):
        assert captured(x).tolist() == [3, 3, 3]
    assert captured(2 * x).tolist() == [12, 12, 12]


@pytest.mark.parametrize("strategy", strategies.names("image"))
def test_no_move_of_a_strategy_waits(strategy, parts, errors_on_waiting):
    """Samples are settled once a chain, and labels looked at once a run: that waits, and is left out."""
    left_out = SettlingMove, LabelAnswer
    moves = [move for move in moves_of(strategy) if not isinstance(move, left_out)]
    engine, (x_cor, noise) = engine_of(strategy, parts, CUDA), corrupted(CUDA)
    play(engine, moves, x_cor, noise)  # whose calls are measured
    errors_on_waiting()
    play(engine, moves, x_cor, noise)


def test_what_waits_is_seen(errors_on_waiting):
    value = torch.ones((), device=CUDA)
    errors_on_waiting()
    with pytest.raises(RuntimeError, match="synchronizing"):
        value.item()


@pytest.mark.parametrize("kind", ["classifier", "signal", "logit", "nested", "label-score"])
def test_a_part_is_trained_as_on_a_cpu(kind, parts):
    """Without dropout, which is drawn on the device. The optimiser makes whole steps of tiny gradients, so
    both go the same way, if not to the same place; two trainings that share nothing end 1.4 times as far
    apart as they went.
    """
    task, reports = tiny_task(logit=LogitMLPConfig(4, 8, 1, dropout=0.0)), []
    context = Context(task, DIGITS, {need: parts[need] for need in stages.parts_given(kind)})
    with seeded(CPU, "weights", kind, 0):
        untrained = stages.load(kind).build(context).weights()
    on_cpu = train(kind, task, parts)
    on_gpu = train(kind, task, parts, share=Share(device=CUDA), report=reports.append)
    assert reports[-1].update == reports[-1].updates
    start, theirs, ours = (_whole(one) for one in (untrained, on_cpu, on_gpu))
    assert ours.device.type == "cpu"
    assert float((ours - theirs).norm()) < 0.5 * float((theirs - start).norm())


def _whole(weights):
    """All weights of a part as one vector."""
    states = [value for state in weights.values() for value in state.values()]
    return torch.cat([value.flatten().double() for value in states if value.is_floating_point()])


def test_workers_share_gradients_by_nccl(parts, tmp_path):
    """One process here: its gradients are those of the objective alone."""
    context = Context(tiny_task(), DIGITS, {need: parts[need] for need in ("classifier",)})
    share, size = Share(device=CUDA), tiny_task().recipe.batch
    batch = Batches(tiny_task(), DIGITS.train, share).batch(0)
    distributed.init_process_group(
        "nccl", init_method=(tmp_path / "meeting").as_uri(), rank=0, world_size=1
    )
    try:
        gradients = []
        for wrap in (lambda one: one, _distributed):
            objective = stages.load("signal").build(context)
            for parameter in objective.parameters():
                torch.nn.init.constant_(parameter, 0.01)
            objective.to(CUDA).move(CUDA)
            wrap(objective)(batch, Draws(0, "signal", 0, size, share))["loss"].backward()
            gradients.append([p.grad.clone() for p in objective.parameters() if p.grad is not None])
        torch.testing.assert_close(gradients[1], gradients[0])
    finally:
        distributed.destroy_process_group()


def _distributed(objective):
    return DistributedDataParallel(objective, find_unused_parameters=True)
