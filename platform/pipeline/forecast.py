"""What a sweep will take, predicted from what is there and a few network calls timed on this machine.

Networks are built for the shapes that are known of the data, with random weights: nothing is read but
the store, the study and the records, and nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from platform.backend.allocation import Allocation, trainings_at_a_time
from platform.pipeline.remaining import RemainingWork, remaining
from platform.planning.lanes import Lane, lanes_of, seconds_of
from platform.planning.setup import Setup
from platform.planning.timing import Calls, seconds_a_call
from statistics import mean

import torch

from trainables.data.blank import blank
from trainables.models.speech.whisper.config import SIZES, RecogniserConfig
from trainables.sampling.cost import Cost
from trainables.task import networks
from trainables.task.recipe import Recipe
from trainables.training import stages
from trainables.training.part_store import in_order

_TRAINERS = 10.0  # seconds until training workers train
_ACTORS = 8.0  # seconds until new actors measure
_RUN = 0.3  # seconds that a measurement takes besides its sampling
_UPDATE = 0.008  # seconds that an update takes besides its networks
_FORWARDS_A_GRADIENT = 2.5  # forward, backward to the signal alone, recording of gradients
_FORWARDS_AN_UPDATE = 3.5  # forward, backward (twice a forward), recording of gradients

START = 20.0
"""Seconds that a command takes besides its work: imports, the tracking store, and drawing at the end."""
TimedCalls = Callable[[int | None], Calls]
"""What a call of each network takes, by the number of CPU threads; None for all there are."""


@dataclass(frozen=True)
class Forecast:
    """Predicted work: what is still to be measured, and the seconds of each step."""

    work: RemainingWork
    training_seconds: float
    search_seconds: float
    confirm_seconds: float

    @property
    def seconds(self) -> float:
        """Seconds of the whole sweep, with its start."""
        return START + self.training_seconds + self.search_seconds + self.confirm_seconds


def lines_of_all(setups: Sequence[Setup], allocation: Allocation, own: bool) -> list[str]:
    """The predictions of sweeps that run one after the other, in words; `own` as for `forecast`."""
    text: list[str] = []
    trained: set[str] = set()
    counted_keys: set[str] = set()
    seconds = 0.0
    for setup in setups:
        predicted = forecast(setup, allocation, own, trained, counted_keys)
        trained |= set(in_order(setup.kinds))
        seconds += predicted.seconds
        text += [*([""] if text else []), *lines(setup, allocation, predicted)]
    if len(setups) > 1:
        text += ["", f"all {len(setups)} sweeps: about {duration(seconds)}"]
    return text


def forecast(
    setup: Setup,
    allocation: Allocation,
    own: bool,
    trained: Collection[str] = (),
    counted_keys: set[str] | None = None,
) -> Forecast:
    """Predict a sweep from its space and from untrained networks of its sizes, timed briefly on what it
    will run on, where this machine has that.

    Args:
        setup: the sweep's.
        allocation: how it will be spread.
        own: whether the cluster is one of this machine's own, where parts may be trained side by side.
        trained: kinds of parts that will be in the store by then.
        counted_keys: keys of measurements that will be in the records by then; those that this sweep
            makes are added.

    Raises:
        UsageError: published weights that were named cannot be used.
    """
    work = remaining(setup, set() if counted_keys is None else counted_keys)
    calls = timed_calls(setup, setup.kinds, allocation.device_here)
    missing = _missing(setup, trained)
    return Forecast(
        work,
        seconds_to_train(setup, setup.kinds, missing, allocation, own, calls),
        seconds_to_measure(work.search, allocation, calls),
        seconds_to_measure(work.confirm, allocation, calls),
    )


def timed_calls(setup: Setup, kinds: Sequence[str], device: torch.device) -> TimedCalls:
    """What calls of a setup's networks take on a device, timed when they are first asked for.

    Args:
        setup: whose networks.
        kinds: kinds of parts that are trained or sampled with.
        device: what they are timed on.

    Raises:
        UsageError: published weights that were named cannot be used.
    """
    recipe = _without_downloads(setup.task.recipe)
    networks.fetch_pretrained(recipe, setup.storage.parts.missing(kinds, setup.task))
    dataset = blank(setup.facts, recipe.spectrogram)
    labels = any(stages.label_forwards(kind) for kind in kinds)

    @cache
    def calls(threads: int | None) -> Calls:
        return seconds_a_call(dataset, recipe, device, setup.plan.precision, threads, labels)

    return calls


def seconds_to_train(
    setup: Setup,
    kinds: Sequence[str],
    missing: Sequence[str],
    allocation: Allocation,
    own: bool,
    calls: TimedCalls,
) -> float:
    """Seconds that training takes.

    Args:
        setup: whose parts.
        kinds: of the parts that are wanted.
        missing: those that are to be trained, in an order in which they can be.
        allocation: how training is spread.
        own: as for `forecast`.
        calls: what calls of the networks take.
    """
    recipe, most = setup.task.recipe, trainings_at_a_time(setup, allocation, own)
    lanes = lanes_of(in_order(kinds), missing, recipe, most, allocation.train_threads)
    shared = allocation.workers if allocation.device_here.type == "cuda" else 1
    return training_seconds(setup, lanes, calls) / shared


def seconds_to_measure(
    runs: Iterable[tuple[Cost, int]], allocation: Allocation, calls: TimedCalls
) -> float:
    """Seconds of runs, each of a cost a sample and a number of samples."""
    timed_gpu = allocation.device_here.type == "cuda"
    return _seconds(runs, calls(None), allocation.gpus if timed_gpu else 1)


def lines(setup: Setup, allocation: Allocation, predicted: Forecast) -> list[str]:
    """The prediction in words."""
    plan, parts = setup.plan, setup.storage.parts
    stored = [kind for kind in setup.kinds if parts.has(kind, setup.task)]
    missing = parts.missing(setup.kinds, setup.task)
    work, paper = predicted.work, predicted.work.paper
    nfe = [cost.nfe for cost in work.space]
    runs = len(work.confirm)
    return [
        f"strategy {plan.strategy} on {setup.facts.title} with {plan.condition}, preset {plan.preset}",
        *([f"data: {setup.facts.note}"] if setup.facts.note else []),
        f"parts in the store: {', '.join(stored) or 'none'}; to train: {', '.join(missing) or 'none'}",
        f"trials: {plan.trials} in all, {min(work.trials, plan.trials)} of them in the study; to confirm: "
        f"{runs} {'run' if runs == 1 else 'runs'}",
        f"NFE a sample: paper's point {paper.nfe} ({_calls_text(paper)}), mean of the space "
        f"{mean(nfe):.0f}, largest drawn {max(nfe)}",
        f"time, about: training {duration(predicted.training_seconds)}, search "
        f"{duration(predicted.search_seconds)}, confirmation {duration(predicted.confirm_seconds)}, with "
        f"start-up {duration(predicted.seconds)}; {timed_on(allocation)}",
        f"output: {setup.stored}",
        f"tracking: {plan.tracking_uri}",
        *([f"study:    {plan.study_uri}"] if plan.study_uri else []),
    ]


def _calls_text(cost: Cost) -> str:
    """The calls of each network in words."""
    denoisers = f"{cost.nfe_signal} signal + {cost.nfe_logit} logit"
    if cost.nfe_label:
        denoisers += f" + {cost.nfe_label} label"
    return f"{denoisers}, {cost.nfe_classifier} of the classifier"


def duration(seconds: float) -> str:
    """Seconds in words: in seconds, minutes or hours, by how many they are."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes < 6000 else "")


def timed_on(allocation: Allocation) -> str:
    """What the networks were timed on, in words."""
    if allocation.device_here.type == "cuda":
        return "networks were timed on a GPU of this machine"
    if allocation.on_gpus:
        return "networks were timed on this machine's CPU, as it has no GPU: on GPUs it is far less"
    return "networks were timed on this machine's CPU"


def _without_downloads(recipe: Recipe) -> Recipe:
    """The recipe with random weights for a Whisper that would be downloaded."""
    config = recipe.classifier
    if isinstance(config, RecogniserConfig) and config.size in SIZES and config.checkpoint is None:
        return replace(recipe, classifier=replace(config, untrained=True))
    return recipe


def _seconds(runs: Iterable[tuple[Cost, int]], calls: Calls, devices: int) -> float:
    """Seconds of runs, each of a cost a sample and a number of samples, shared out to so many devices."""
    seconds = [
        size * (cost.nfe_signal * calls.signal + cost.nfe_logit * calls.logit
                + cost.nfe_label * calls.label
                + (cost.nfe_classifier + _FORWARDS_A_GRADIENT * cost.nfe_gradient) * calls.classifier) + _RUN
        for cost, size in runs
    ]  # fmt: skip
    return _ACTORS + sum(seconds) / devices if seconds else 0.0


def _missing(setup: Setup, trained: Collection[str]) -> list[str]:
    """The parts to be trained, where those of some kinds will have been."""
    missing = setup.storage.parts.missing(setup.kinds, setup.task)
    return [kind for kind in missing if kind not in trained]


def training_seconds(setup: Setup, lanes: Sequence[Lane], calls: TimedCalls) -> float:
    """Seconds that training takes: the updates of the parts, by the calls that their stages count an update;
    and the classifier's calls for signals that stay as they are, which come first.

    Args:
        setup: whose parts.
        lanes: the parts that are trained.
        calls: seconds a sample of a call of each network, by the number of threads.
    """
    if not lanes:
        return 0.0
    seconds = {
        kind: _part_seconds(setup.task.recipe, kind, calls(threads))
        for lane in lanes
        for kind, threads in zip(lane.kinds, lane.threads, strict=True)
    }
    total, sizes = _TRAINERS + seconds_of(lanes, seconds), setup.facts.sizes
    if stages.CLASSIFIER in seconds and setup.facts.kind == "speech" and sizes is not None:
        trained_on = setup.task.train_fraction * sizes[0]
        utterances = trained_on + min(setup.task.recipe.validated, sizes[1])
        total += 2 * utterances * calls(None).classifier  # clean and corrupted
    return total


def _part_seconds(recipe: Recipe, kind: str, calls: Calls) -> float:
    """Seconds that the updates of a part take."""
    stage = stages.load(kind)
    signal, logit, classifier = stage.forwards(recipe)
    denoising = recipe.batch * (
        signal * calls.signal
        + logit * calls.whole_logit
        + stages.label_forwards(kind) * calls.label
    )
    classifying = recipe.batch * classifier * calls.classifier
    return float(stage.updates(recipe) * (_FORWARDS_AN_UPDATE * denoising + classifying + _UPDATE))
