"""What a sweep will take, predicted from a few network calls timed on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from platform.planning.plan import Plan
from statistics import mean
from typing import Any

import optuna
import torch

import search_spaces
from trainables.data.dataset import Dataset
from trainables.sampling.moves import Cost, cost
from trainables.strategies import schedule_of
from trainables.task import networks
from trainables.task.processes import processes
from trainables.training import stages
from trainables.training.part_store import in_order

_START = 30.0  # seconds: imports, Ray, training workers, the tracking store
_ACTORS = 8.0  # seconds until new actors measure
_TRIAL = 0.3  # seconds that a trial takes besides its sampling
_UPDATE = 0.008  # seconds that an update takes besides its networks
_FORWARDS_AN_UPDATE = 3.5  # forward, backward (twice a forward), recording of gradients
_DRAWN = 200


@dataclass(frozen=True)
class Forecast:
    """Predicted work: NFE a sample, and seconds on this machine's CPU."""

    trials: int
    paper: Cost
    mean_nfe: float
    largest_nfe: float
    training_seconds: float
    search_seconds: float
    confirm_seconds: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return _START + self.training_seconds + self.search_seconds + self.confirm_seconds


def lines_of_all(plans: Sequence[Plan]) -> list[str]:
    """The predictions of sweeps that run one after the other, in words."""
    said: list[str] = []
    trained: set[str] = set()
    seconds = 0.0
    for plan in plans:
        predicted = forecast(plan, trained)
        trained |= set(in_order(plan.kinds))
        seconds += predicted.seconds
        said += [*([""] if said else []), *lines(plan, predicted)]
    if len(plans) > 1:
        said += ["", f"all {len(plans)} sweeps: about {seconds:.0f} s"]
    return said


def forecast(plan: Plan, trained: Collection[str] = ()) -> Forecast:
    """Predict a sweep from its space and from untrained networks of its sizes, timed briefly; kinds
    of parts in `trained` will be in the store by then.

    Raises:
        UsageError: the data or published weights are not there, or cannot be used.
    """
    budget = plan.budget
    paper = _paper_cost(plan, plan.strategy)
    drawn = _drawn_costs(plan)
    dataset = plan.places.dataset(plan.task)
    networks.obtain(plan.task.recipe, plan.places.parts.missing(plan.kinds, plan.task))
    calls = _seconds_a_call(plan, dataset)

    def seconds(costs: list[Cost], samples: int) -> float:
        total = sum(
            c.nfe_signal * calls.signal
            + c.nfe_logit * calls.logit
            + c.nfe_classifier * calls.classifier
            for c in costs
        )
        return _ACTORS + samples * total + len(costs) * _TRIAL

    per_trial = min(budget.search_limit, len(dataset.validation)) * budget.search_seeds
    per_point = min(budget.confirm_limit, len(dataset.test)) * budget.confirm_seeds
    trials = [paper, *(drawn * plan.trials)[: plan.trials - 1]]
    front = sorted(drawn, key=lambda c: c.nfe)[:: max(1, len(drawn) // 6)]
    enhanced = _paper_cost(plan, "enhanced")
    return Forecast(
        plan.trials,
        paper,
        mean(c.nfe for c in drawn),
        max(c.nfe for c in drawn),
        _training_seconds(plan, dataset, calls, trained),
        seconds(trials, per_trial) + seconds([enhanced] * 4, per_trial),
        seconds([*front, paper, enhanced], per_point),
    )


def lines(plan: Plan, predicted: Forecast) -> list[str]:
    """The prediction in words."""
    have = [kind for kind in plan.kinds if plan.places.parts.has(kind, plan.task)]
    missing = plan.places.parts.missing(plan.kinds, plan.task)
    p = predicted.paper
    return [
        f"strategy {plan.strategy} on {plan.facts.title} with {plan.corruption}, preset {plan.preset}",
        f"parts in the store: {', '.join(have) or 'none'}; to train: {', '.join(missing) or 'none'}",
        f"trials: {predicted.trials}, on the validation split; NFE a sample: paper's point {p.nfe} "
        f"({p.nfe_signal} signal + {p.nfe_logit} logit, {p.nfe_classifier} of the classifier), mean "
        f"of the space {predicted.mean_nfe:.0f}, largest drawn {predicted.largest_nfe:.0f}",
        f"time on this machine, about: training {predicted.training_seconds:.0f} s, search "
        f"{predicted.search_seconds:.0f} s, confirmation {predicted.confirm_seconds:.0f} s, with "
        f"start-up {predicted.seconds:.0f} s",
        f"output: {plan.folder}",
        f"tracking: {plan.tracking_uri}",
    ]


def _paper_cost(plan: Plan, strategy: str) -> Cost:
    """What the paper's point of a strategy costs a sample."""
    T, kind = plan.task.recipe.T, plan.facts.kind
    return _cost(plan, strategy, search_spaces.load(strategy).paper_point(T, kind))


def _cost(plan: Plan, strategy: str, point: Mapping[str, Any]) -> Cost:
    _, of_logits = processes(plan.task, None)
    return cost(schedule_of(strategy, point), of_logits.needs_origin)


def _drawn_costs(plan: Plan) -> list[Cost]:
    """Costs of points drawn from the space at random."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
    space, T = search_spaces.load(plan.strategy), plan.task.recipe.T
    return [
        _cost(plan, plan.strategy, space.suggest(study.ask(), T, plan.facts.kind))
        for _ in range(_DRAWN)
    ]


@dataclass(frozen=True)
class _Calls:
    """Seconds a sample, with all cores at work, of a call of each network; `whole_logit` is one with
    the conditions encoded.
    """

    signal: float
    logit: float
    whole_logit: float
    classifier: float


@torch.no_grad()
def _seconds_a_call(plan: Plan, dataset: Dataset) -> _Calls:
    recipe = plan.task.recipe
    batch = recipe.batch
    x = torch.zeros(batch, *dataset.signal_shape)
    y, t = torch.zeros(batch, *networks.logit_shape(dataset, recipe)), torch.ones(1)
    signal = networks.new_signal_denoiser(dataset, recipe).eval()
    logit = networks.new_logit_denoiser(dataset, recipe).eval()
    classifier = networks.new_judge(dataset, recipe)
    shown = classifier.shown(x)
    conditions = signal.encode_corrupted(x), signal.encode_logits(None, batch)
    signals = logit.encode_signals(shown, y, shown, y)
    times = signal.encode_time(t), logit.encode_time(t)
    return _Calls(
        _timed(lambda: signal(x, times[0], *conditions)) / batch,
        _timed(lambda: logit(y, times[1], signals)) / batch,
        _timed(lambda: logit(y, times[1], logit.encode_signals(shown, y, shown, y))) / batch,
        _timed(lambda: classifier(x.clone())) / batch,
    )


def _timed(call: Callable[[], object]) -> float:
    call()
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[2]


def _training_seconds(
    plan: Plan, dataset: Dataset, calls: _Calls, trained: Collection[str]
) -> float:
    """Updates of the missing parts, by what their stages say that an update amounts to; and the
    classifier's answers for signals that stay as they are, which come first.
    """
    recipe, total = plan.task.recipe, 0.0
    missing = [kind for kind in plan.places.parts.missing(plan.kinds, plan.task)
               if kind not in trained]  # fmt: skip
    for kind in missing:
        stage = stages.load(kind)
        signals, logits, answers = stage.forwards(recipe)
        forward = recipe.batch * (signals * calls.signal + logits * calls.whole_logit)
        answered = recipe.batch * answers * calls.classifier
        total += stage.updates(recipe) * (_FORWARDS_AN_UPDATE * forward + answered + _UPDATE)
    if stages.CLASSIFIER in missing and dataset.train.fixed:
        heard = len(dataset.train) + min(recipe.validated, len(dataset.validation))
        total += 2 * heard * calls.classifier  # clean and corrupted
    return total
