"""What a sweep will take, predicted from what is there and a few network calls timed on this machine.

Networks are built for the shapes that are known of the data, with random weights: nothing is read but
the store, the study and the records, and nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from platform.backend.allocation import Allocation
from platform.pipeline.remaining import RemainingWork, remaining
from platform.planning.plan import Plan
from platform.planning.timing import Calls, seconds_a_call
from statistics import mean

from trainables.data.blank import blank
from trainables.models.speech.whisper.config import SIZES, RecogniserConfig
from trainables.sampling.moves import Cost
from trainables.task import networks
from trainables.task.recipe import Recipe
from trainables.training import stages
from trainables.training.part_store import in_order

_START = 20.0  # seconds: imports, the tracking store, and drawing at the end
_TRAINERS = 10.0  # seconds until training workers train
_ACTORS = 8.0  # seconds until new actors measure
_RUN = 0.3  # seconds that a measurement takes besides its sampling
_UPDATE = 0.008  # seconds that an update takes besides its networks
_FORWARDS_AN_UPDATE = 3.5  # forward, backward (twice a forward), recording of gradients


@dataclass(frozen=True)
class Forecast:
    """Predicted work: what is left to be measured, and the seconds of each step."""

    left: RemainingWork
    training_seconds: float
    search_seconds: float
    confirm_seconds: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return _START + self.training_seconds + self.search_seconds + self.confirm_seconds


def lines_of_all(plans: Sequence[Plan], given: Allocation) -> list[str]:
    """The predictions of sweeps that run one after the other, in words."""
    said: list[str] = []
    trained: set[str] = set()
    counted: set[str] = set()
    seconds = 0.0
    for plan in plans:
        predicted = forecast(plan, given, trained, counted)
        trained |= set(in_order(plan.kinds))
        seconds += predicted.seconds
        said += [*([""] if said else []), *lines(plan, given, predicted)]
    if len(plans) > 1:
        said += ["", f"all {len(plans)} sweeps: about {duration(seconds)}"]
    return said


def forecast(
    plan: Plan, given: Allocation, trained: Collection[str] = (), counted: set[str] | None = None
) -> Forecast:
    """Predict a sweep from its space and from untrained networks of its sizes, timed briefly on what it
    will run on, where this machine has that. Kinds of parts in `trained` will be in the store by then,
    measurements in `counted` in the records; those that this sweep makes are added to them.

    Raises:
        UsageError: published weights that were named cannot be used.
    """
    recipe = _without_downloads(plan.task.recipe)
    networks.obtain(recipe, plan.places.parts.missing(plan.kinds, plan.task))
    left = remaining(plan, set() if counted is None else counted)
    dataset = blank(plan.facts, recipe.spectrogram)
    calls = seconds_a_call(dataset, recipe, given.device_here, plan.precision)
    timed_gpu = given.device_here.type == "cuda"
    return Forecast(
        left,
        training_seconds(plan, calls, trained) / (given.workers if timed_gpu else 1),
        _seconds(left.search, calls, given.gpus if timed_gpu else 1),
        _seconds(left.confirm, calls, given.gpus if timed_gpu else 1),
    )


def lines(plan: Plan, given: Allocation, predicted: Forecast) -> list[str]:
    """The prediction in words."""
    have = [kind for kind in plan.kinds if plan.places.parts.has(kind, plan.task)]
    missing = plan.places.parts.missing(plan.kinds, plan.task)
    left, p = predicted.left, predicted.left.paper
    nfe = [one.nfe for one in left.drawn]
    runs = len(left.confirm)
    return [
        f"strategy {plan.strategy} on {plan.facts.title} with {plan.corruption}, preset {plan.preset}",
        *([f"data: {plan.facts.note}"] if plan.facts.note else []),
        f"parts in the store: {', '.join(have) or 'none'}; to train: {', '.join(missing) or 'none'}",
        f"trials: {plan.trials} in all, {min(left.trials, plan.trials)} of them in the study; to confirm: "
        f"{runs} {'run' if runs == 1 else 'runs'}",
        f"NFE a sample: paper's point {p.nfe} ({p.nfe_signal} signal + {p.nfe_logit} logit, "
        f"{p.nfe_classifier} of the classifier), mean of the space {mean(nfe):.0f}, largest drawn "
        f"{max(nfe)}",
        f"time, about: training {duration(predicted.training_seconds)}, search "
        f"{duration(predicted.search_seconds)}, confirmation {duration(predicted.confirm_seconds)}, with "
        f"start-up {duration(predicted.seconds)}; {_timed_on(given)}",
        f"output: {plan.folder}",
        f"tracking: {plan.tracking_uri}",
    ]


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes < 6000 else "")


def _timed_on(given: Allocation) -> str:
    if given.device_here.type == "cuda":
        return "networks were timed on a GPU of this machine"
    if given.on_gpus:
        return "networks were timed on this machine's CPU, as it has no GPU: on GPUs it is far less"
    return "networks were timed on this machine's CPU"


def _without_downloads(recipe: Recipe) -> Recipe:
    """The recipe with random weights for a Whisper that would be downloaded."""
    config = recipe.classifier
    if isinstance(config, RecogniserConfig) and config.size in SIZES and config.checkpoint is None:
        return replace(recipe, classifier=replace(config, untrained=True))
    return recipe


def _seconds(runs: Iterable[tuple[Cost, int]], calls: Calls, devices: int) -> float:
    """Of runs, shared out to so many devices."""
    each = [
        size * (c.nfe_signal * calls.signal + c.nfe_logit * calls.logit
                + c.nfe_classifier * calls.classifier) + _RUN
        for c, size in runs
    ]  # fmt: skip
    return _ACTORS + sum(each) / devices if each else 0.0


def training_seconds(plan: Plan, calls: Calls, trained: Collection[str]) -> float:
    """Updates of the missing parts, by what their stages say that an update amounts to; and the
    classifier's answers for signals that stay as they are, which come first.
    """
    recipe = plan.task.recipe
    missing = [kind for kind in plan.places.parts.missing(plan.kinds, plan.task)
               if kind not in trained]  # fmt: skip
    total = _TRAINERS if missing else 0.0
    for kind in missing:
        stage = stages.load(kind)
        signals, logits, answers = stage.forwards(recipe)
        forward = recipe.batch * (signals * calls.signal + logits * calls.whole_logit)
        classifier_outputs = recipe.batch * answers * calls.classifier
        total += stage.updates(recipe) * (
            _FORWARDS_AN_UPDATE * forward + classifier_outputs + _UPDATE
        )
    sizes = plan.facts.sizes
    if stages.CLASSIFIER in missing and plan.facts.kind == "speech" and sizes is not None:
        heard = sizes[0] + min(recipe.validated, sizes[1])
        total += 2 * heard * calls.classifier  # clean and corrupted
    return total
