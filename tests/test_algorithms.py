"""One training step of Algorithms 3 (by clean estimates, by noisy states), 5 and 7 line by line, and of the
networks for larger images.
"""

from dataclasses import replace

import pytest
import torch
from helpers import DIGITS, tiny_recipe, tiny_task

from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError
from trainables.core.pixel_scale import pixel_scale
from trainables.data.dataset import Dataset, Split
from trainables.models.images.classifier import ResNetConfig
from trainables.models.images.logit_attention import LogitAttentionConfig
from trainables.models.images.logit_mlp import LogitMLPConfig
from trainables.models.images.unet import UNetConfig
from trainables.task import networks
from trainables.task.processes import processes
from trainables.task.recipe import Recipe, Task
from trainables.training import stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.losses import noise_loss
from trainables.training.objective import Context
from trainables.training.rounds import rounds_of

ALGORITHMS = {3: "parallel", "3, noisy": "parallel-noisy", 5: "alternating", 7: "nested"}
SIZE = 16
SHAPE, CLASSES = (1, 8, 8), 10


class Step:
    """An algorithm's objective with a prepared batch. Its networks are moved off what they learnt, so
    that every condition matters.
    """

    def __init__(self, algorithm, parts, unguided=0.5):
        mlp = LogitMLPConfig(base=4, width=8, blocks=1, dropout=0.0)  # dropout has no weights
        self.task = tiny_task(unguided=unguided, logit=mlp, sampling_steps=3)
        self.recipe = self.task.recipe
        needed = {kind: parts[kind] for kind in ("classifier", "signal", "logit")}
        self.objective = stages.load(ALGORITHMS[algorithm]).build(
            Context(self.task, DIGITS, needed)
        )
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.objective.parameters():
                parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        self.batch = Batches(self.task, DIGITS.train, Share()).batch(0)
        self.prepared = self.objective.prepare(self.batch, self.draws("prepare"))
        self.classifier = networks.frozen_classifier(DIGITS, self.recipe, parts["classifier"])
        self.process_x, self.process_y = processes(self.task, self.classifier)

    def draws(self, kind="step"):
        return Draws(0, kind, 0, SIZE, Share())

    def losses(self, prepared=None):
        return self.objective(self.prepared if prepared is None else prepared, self.draws())

    def noised(self):
        """The lines that draw t, the noise and the noised states; and the draws to go on with."""
        draws = self.draws()
        self.t = draws.levels(self.recipe.T)
        self.eps_x, self.eps_y = draws.normal(SHAPE), draws.normal((CLASSES,))
        self.x_t = self.process_x.noised(self.batch.x0, self.eps_x, self.t)
        self.y_t = self.process_y.noised(self.classifier(self.batch.x0), self.eps_y, self.t)
        return draws

    def hidden(self, draws):
        return draws.uniform() < self.recipe.unguided

    def v_x(self, y, hidden):
        """The signal denoiser given x_cor and logits, or no logits where they are hidden."""
        signal = self.objective.signal
        codes = signal.encode_logits(y, SIZE), signal.encode_logits(None, SIZE).expand(SIZE, -1)
        guidance = torch.stack([codes[where][row] for row, where in enumerate(hidden.int())])
        corrupted = signal.encode_corrupted(self.batch.x_cor)
        return signal(self.x_t, signal.encode_time(self.t / self.recipe.T), corrupted, guidance)

    def v_y(self, x, hidden=None):
        """The logit denoiser given a signal and its logits, or x_cor where the signal is hidden."""
        x = x.clone()
        if hidden is not None:
            x[hidden] = self.batch.x_cor[hidden]
        signals = self.objective.logit.encode_signals(x, self.classifier(x), self.batch.x_cor)
        logit = self.objective.logit
        return logit(self.y_t, logit.encode_time(self.t / self.recipe.T), signals)

    def expect(self, v_x, v_y):
        """The losses are the denoisers' errors for x0 and y0 = f(x0), and their sum."""
        y0, losses = self.classifier(self.batch.x0), self.losses()
        x = noise_loss(self.process_x, v_x, self.batch.x0, self.eps_x, self.t, "velocity")
        y = noise_loss(self.process_y, v_y, y0, self.eps_y, self.t, "velocity")
        torch.testing.assert_close(losses["loss_signal"], x)
        torch.testing.assert_close(losses["loss_logit"], y)
        torch.testing.assert_close(losses["loss"], x + y)


@pytest.mark.parametrize("unguided", [0.0, 0.5, 1.0])
def test_algorithm_3_line_by_line(parts, unguided):
    step = Step(3, parts, unguided)
    draws = step.noised()  # lines 4, 5 and 7
    no_logits, no_signal = step.hidden(draws), step.hidden(draws)
    y_cor = step.classifier(step.batch.x_cor)  # line 6
    x0_hat = step.process_x.clean_of(step.x_t, step.v_x(y_cor, no_logits), step.t)  # line 8
    v_y = step.v_y(x0_hat.detach(), no_signal)  # lines 9 and 11, the same question
    y0_hat = step.process_y.clean_of(step.y_t, v_y, step.t)
    step.expect(step.v_x(y0_hat, no_logits), v_y)  # lines 3, 10 and 12


@pytest.mark.parametrize("unguided", [0.0, 0.5, 1.0])
def test_algorithm_3_with_noisy_states_line_by_line(parts, unguided):
    """What `parallel-noisy` shows: y_t to the signal denoiser, then x_{t-1}, where its step by DDIM ends,
    and f(x_{t-1}) to the logit denoiser.
    """
    step = Step("3, noisy", parts, unguided)
    draws = step.noised()  # lines 4, 5 and 7
    no_logits, no_signal = step.hidden(draws), step.hidden(draws)
    v_x = step.v_x(step.y_t, no_logits)  # line 10
    x0_hat = step.process_x.clean_of(step.x_t, v_x, step.t).detach()
    rows = [
        step.process_x.step(step.x_t[row : row + 1], x0_hat[row : row + 1], t, t - 1, 0.0, None)
        for row, t in enumerate(step.t.tolist())
    ]
    x_next = torch.cat(rows)
    assert not torch.allclose(x_next, step.x_t) and not torch.allclose(x_next, x0_hat)
    step.expect(v_x, step.v_y(x_next, no_signal))  # lines 3, 11 and 12


def _sampled(process, z, v_of):
    """DDIM in three steps from T = 8 (Song et al. 2021, eq. 12, sigma = 0)."""
    for t, s in ((8, 5), (5, 3), (3, 0)):
        level = torch.tensor([t])
        z0 = process.clean_of(z, v_of(z, level / 8), level)
        abar_t, abar_s = process.alpha_bar[t], process.alpha_bar[s]
        eps = (z - abar_t.sqrt().float() * z0) / (1 - abar_t).sqrt().float()
        z = abar_s.sqrt().float() * z0 + (1 - abar_s).sqrt().float() * eps
    return z


def _signal_by_full_sampling(step, draws):
    """x0_hat conditioned on x_cor alone."""
    signal = step.objective.signal
    codes = signal.encode_corrupted(step.batch.x_cor), signal.encode_logits(None, SIZE)
    return _sampled(
        step.process_x, draws.normal(SHAPE), lambda z, t: signal(z, signal.encode_time(t), *codes)
    )


@pytest.mark.parametrize("unguided", [0.0, 0.5, 1.0])
@torch.no_grad()
def test_algorithm_5_line_by_line(parts, unguided):
    step = Step(5, parts, unguided)
    drawn = step.draws("prepare")
    x0_hat = _signal_by_full_sampling(step, drawn)  # line 5
    logit, y_of_x0_hat = step.objective.logit, step.classifier(x0_hat)
    signals = logit.encode_signals(x0_hat, y_of_x0_hat, step.batch.x_cor)
    prior = drawn.normal((CLASSES,))
    y0_hat = _sampled(
        step.process_y, prior, lambda z, t: logit(z, logit.encode_time(t), signals)
    )  # line 6
    torch.testing.assert_close(step.prepared.evidence, x0_hat)
    torch.testing.assert_close(step.prepared.y0_hat, y0_hat)

    draws = step.noised()  # lines 9 to 11
    no_logits, no_signal = step.hidden(draws), step.hidden(draws)
    v_x = step.v_x(y0_hat, no_logits)  # line 12
    step.expect(v_x, step.v_y(x0_hat, no_signal))  # lines 3, 13 and 14


@pytest.mark.parametrize("unguided", [0.0, 0.5, 1.0])
@torch.no_grad()
def test_algorithm_7_line_by_line(parts, unguided):
    step = Step(7, parts, unguided)
    x0_hat = _signal_by_full_sampling(step, step.draws("prepare"))  # line 4
    torch.testing.assert_close(step.prepared.evidence, x0_hat)
    draws = step.noised()  # lines 7 to 9
    hidden = step.hidden(draws)
    v_y = step.v_y(x0_hat)  # line 10
    y0_hat = step.process_y.clean_of(step.y_t, v_y, step.t)  # line 11
    step.expect(step.v_x(y0_hat, hidden), v_y)  # lines 3, 12 and 13


@pytest.mark.parametrize(
    "kind", ["parallel", "parallel-noisy", "alternating", "nested", "enhanced", "card"]
)
def test_every_part_of_coupled_length_makes_as_many_updates_with_as_many_samples(parts, kind):
    """Where nothing is sampled each update has a batch of its own; where it is, K have each batch."""
    task = tiny_task()
    stage, recipe = stages.load(kind), task.recipe
    needed = {name: parts[name] for name in stages.parts_given(kind)}
    objective = stage.build(Context(task, DIGITS, needed))
    is_sampled = kind in ("alternating", "nested")
    assert objective.inner_updates == (recipe.inner_updates if is_sampled else 1)
    updates = stage.updates(recipe)
    assert updates == recipe.updates.coupled
    rounds = rounds_of(updates, objective.inner_updates, objective.pool, task.seed, kind)
    assert sum(len(one.order) for one in rounds) == updates


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_levels_are_drawn_from_1_to_T_one_for_both(parts, algorithm):
    step = Step(algorithm, parts)
    noised = step.objective.noised(step.prepared, step.draws())
    drawn = torch.cat([Draws(0, "step", n, SIZE, Share()).levels(8) for n in range(50)])
    assert sorted(set(drawn.tolist())) == list(range(1, 9))
    step.noised()
    torch.testing.assert_close(noised.x_t, step.x_t)
    torch.testing.assert_close(noised.y_t, step.y_t)


def _gradients(module):
    return [p.grad for p in module.parameters() if p.grad is not None and p.grad.any()]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_neither_loss_trains_the_other_denoiser(parts, algorithm):
    """What conditions is a value: x0_hat and y0_hat carry no gradient."""
    for loss, trained, other in (
        ("loss_signal", "signal", "logit"),
        ("loss_logit", "logit", "signal"),
    ):
        step = Step(algorithm, parts)
        assert not step.prepared.evidence.requires_grad
        step.losses()[loss].backward()
        assert _gradients(getattr(step.objective, trained))
        assert not _gradients(getattr(step.objective, other))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_logits_are_hidden_from_none_or_all(parts, algorithm):
    for unguided, trained, idle in ((0.0, "logits", "no_logits"), (1.0, "no_logits", "logits")):
        step = Step(algorithm, parts, unguided)
        step.losses()["loss"].backward()
        moved = {
            n.split(".")[0] for n, p in step.objective.signal.named_parameters() if p.grad.any()
        }
        assert trained in moved and idle not in moved


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_frozen_classifier_is_not_trained_and_does_not_change(parts, algorithm):
    step = Step(algorithm, parts)
    frozen = step.objective.classifier
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    step.objective.train()
    optimizer = torch.optim.SGD(step.objective.parameters(), lr=0.1)
    step.losses()["loss"].backward()
    optimizer.step()
    trained = {id(p) for p in step.objective.parameters()}
    assert not trained & {id(p) for p in frozen.parameters()}
    assert not any(module.training for module in frozen.modules())
    assert all(torch.equal(before[name], value) for name, value in frozen.state_dict().items())


LARGER = {
    "batch": 4,
    "classifier": ResNetConfig(depth=18),
    "signal": UNetConfig(base=4),
    "logit": LogitAttentionConfig(width=8, tokens=2, heads=2, blocks=1),
}


@pytest.fixture(scope="module")
def colour():
    """Images 3×16×16 of five classes, a task on them, and untrained parts to start from."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(8, 3, 16, 16, generator=generator) * 2 - 1
    split = Split(images, torch.arange(8) % 5, torch.arange(8), pixel_scale(images))
    dataset, recipe = Dataset("colour", tuple("abcde"), split, split, split), tiny_recipe(**LARGER)
    task = Task("colour", "gn30", 0, recipe)
    classifier = stages.load("classifier").build(Context(task, dataset, {}))
    parts = {
        "classifier": classifier.weights(),
        "signal": {"signal": networks.new_signal_denoiser(dataset, recipe).state_dict()},
        "logit": {"logit": networks.new_logit_denoiser(dataset, recipe).state_dict()},
    }
    return dataset, task, parts


@pytest.mark.parametrize("kind", ALGORITHMS.values())
def test_a_step_with_resnet_and_attention(colour, kind):
    dataset, task, parts = colour
    objective = stages.load(kind).build(Context(task, dataset, parts))
    batch = Batches(task, dataset.train, Share()).batch(0)
    prepared = objective.prepare(batch, Draws(0, "prepare", 0, 4, Share()))
    assert prepared.y0.shape == (4, 5) and prepared.evidence.shape == (4, 3, 16, 16)
    losses = objective(prepared, Draws(0, "step", 0, 4, Share()))
    losses["loss"].backward()
    torch.optim.SGD(objective.parameters(), lr=0.1).step()
    assert all(bool(torch.isfinite(loss)) for loss in losses.values())
    weights = objective.weights()
    for name in ("signal", "logit"):
        loaded = getattr(networks, f"{name}_denoiser")(dataset, task.recipe, weights).state_dict()
        assert loaded.keys() == weights[name].keys()
        assert all(torch.equal(loaded[key], value) for key, value in weights[name].items())
        assert any(not torch.equal(loaded[key], parts[name][name][key]) for key in loaded)
    missing = {"logit": {k: v for k, v in weights["logit"].items() if k != "out.bias"}}
    with pytest.raises(RuntimeError, match=r"out\.bias"):
        networks.logit_denoiser(dataset, task.recipe, missing)


def test_a_recipe_keeps_its_networks_by_name():
    recipe = tiny_recipe(**LARGER)
    assert from_mapping(Recipe, as_mapping(recipe)) == recipe
    swapped = replace(recipe, classifier=tiny_recipe().classifier, logit=LogitMLPConfig(width=8))
    assert from_mapping(Recipe, as_mapping(swapped)) == swapped


@pytest.mark.parametrize(
    ("network", "change", "message"),
    [
        ("classifier", {"network": "resnets"}, "did you mean 'resnet'"),
        ("logit", {"network": "atention"}, "did you mean 'attention'"),
        ("logit", {"patch": 2}, "unknown setting of LogitAttentionConfig 'patch'"),
        ("classifier", {"depth": 34}, "known: 18, 50"),
        ("logit", {"width": 9}, "must be a multiple of its 2 heads"),
    ],
)
def test_wrong_networks_are_refused(network, change, message):
    values = as_mapping(tiny_recipe(**LARGER))
    values[network] |= change
    with pytest.raises(UsageError, match=message):
        from_mapping(Recipe, values)
