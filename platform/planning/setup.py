"""What a plan stands for, made once from it: the dataset's facts, the budget, the task, where all lies, the
sweep's id; and the jobs that are made of these.

Loading torch takes seconds, so what needs it is imported where a setup is made.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from platform.planning import presets
from platform.planning.checkpoints import chosen_sgmse, chosen_whisper
from platform.planning.locations import without_passwords
from platform.planning.plan import MAX_SEEDS, USUAL_SAMPLER, Plan
from typing import TYPE_CHECKING, Any

import search_spaces
from trainables import strategies
from trainables.core.config import as_mapping, digest, identity
from trainables.core.errors import UsageError, unknown_name
from trainables.core.places import place, workspace
from trainables.data import datasets
from trainables.data.degradation import path_name
from trainables.evaluation.records import FORMATS
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.scoring.cost_metrics import COST_METRICS, USUAL_COST, CostMetric
from trainables.scoring.metric_names import METRIC_OF_KIND, Metric

if TYPE_CHECKING:
    from platform.planning.presets.definition import Preset

    from trainables.data.dataset import Facts
    from trainables.evaluation.storage import Storage
    from trainables.task.recipe import Task
    from trainables.workers.job import Job

BASELINES = ("noisy", "enhanced", "card", "retrained")
"""Strategies that every other one is compared with, where they are for its kind of signals."""
SIGNALS = {"image": "images", "word": "spoken words", "sentence": "spoken sentences"}
"""What people call signals, by `Facts.answers`."""


@dataclass(frozen=True)
class Setup:
    """A plan with all that follows from it, as `setup_of` makes it.

    Args:
        plan: what was asked for.
        facts: what is known of the dataset before its signals are read.
        budget: what the preset stands for, with the Whisper and the checkpoint that were asked for.
        task: data, corruption and training.
        storage: where data, parts and records are.
        sweep_id: what makes a sweep this one: all that shapes its trials, but not how many there are.
    """

    plan: Plan
    facts: Facts
    budget: Preset
    task: Task
    storage: Storage
    sweep_id: str

    @property
    def metric(self) -> Metric:
        """What is reported of the answers."""
        return METRIC_OF_KIND[self.facts.kind]

    @property
    def cost(self) -> CostMetric:
        """What the search makes little of."""
        return COST_METRICS[self.plan.cost]

    @property
    def setting(self) -> str:
        """Data, condition, preset and seed in words."""
        plan = self.plan
        return f"{self.facts.title}, {plan.condition} (preset {plan.preset}, seed {plan.seed})"

    @property
    def folder(self) -> Path:
        """The sweep's own directory on this machine."""
        return workspace(self.plan.storage) / self._place

    @property
    def stored(self) -> Path:
        """The sweep's own folder in the storage: its directory, but for an object store."""
        return place(self.plan.storage) / self._place

    @property
    def _place(self) -> str:
        plan = self.plan
        name = f"{plan.strategy}-{self.sweep_id}"
        return f"sweeps/{plan.dataset}/{path_name(plan.condition)}/{name}"

    @property
    def kinds(self) -> list[str]:
        """Kinds of parts that the strategy and the baselines sample with."""
        return kinds_of([self.plan.strategy, *self.baselines])

    @property
    def baselines(self) -> list[str]:
        """The baselines of these signals."""
        return [name for name in BASELINES if name in strategies.names(self.facts.answers)]

    def job(
        self, split: str, threads: int, seeds: int | None = None, gpu_share: float = 0.0
    ) -> Job:
        """What all measurements on a split have in common.

        Args:
            split: "validation", where the search measures, or "test", where points are confirmed.
            threads: CPU threads of an actor.
            seeds: how many sampling seeds; as many as the preset has for the split if None.
            gpu_share: the share of a GPU that an actor is lent.
        """
        from trainables.workers.job import Job

        plan, budget, search = self.plan, self.budget, split == "validation"
        count = seeds or (budget.search_seeds if search else budget.confirm_seeds)
        return Job(
            task=self.task,
            strategy=plan.strategy,
            storage=self.storage,
            split=split,
            limit=budget.search_limit if search else budget.confirm_limit,
            seeds=tuple(plan.seed * MAX_SEEDS + i for i in range(count)),
            batch=budget.batch,
            threads=threads,
            gpu_share=gpu_share,
            precision=plan.precision,
        )

    def as_mapping(self) -> dict[str, Any]:
        """The plan with its sweep's id and its budget, in JSON types; without passwords of stores."""
        return {
            **as_mapping(self.plan),
            "tracking_uri": without_passwords(self.plan.tracking_uri),
            "study_uri": without_passwords(self.plan.study_uri),
            "sweep_id": self.sweep_id,
            "budget": as_mapping(self.budget),
        }


def setup_of(plan: Plan) -> Setup:
    """All that follows from a plan. The dataset's files are listed; nothing is written.

    Raises:
        UsageError: the dataset has no such corruption, the strategy is for other signals, too little is left
            at the resolution or of the training split, the workers do not divide the batch, a checkpoint is
            not for this network, or sentences are to race.
    """
    from trainables.evaluation.storage import Storage
    from trainables.task.recipe import Task

    storage = Storage(plan.storage, plan.data_dir)
    facts = facts_of(plan.dataset, storage.data, plan.corruption)
    if plan.corruption not in facts.corruptions:
        raise unknown_name("corruption", plan.corruption, facts.corruptions)
    check_strategy(plan.strategy, facts.answers)
    if plan.racing and facts.answers == "sentence":
        raise UsageError(
            f"--racing is for answers that are right or wrong, which the sentences of {facts.title} are not: "
            "leave it out"
        )
    budget = _budget(plan, facts)
    batch = budget.recipe.batch
    if plan.workers and batch % plan.workers:
        raise UsageError(f"--workers is {plan.workers}, but must divide the batch of {batch}")
    shares = plan.resolution, plan.train_fraction
    task = Task(plan.dataset, plan.corruption, plan.seed, budget.recipe, facts.content, *shares)
    _check_shares(plan, facts)
    return Setup(plan, facts, budget, task, storage, _sweep_id(plan, facts, budget, task))


def check_strategy(strategy: str, answers: str) -> None:
    """Refuse a strategy that is not for signals of a kind, as `Facts.answers` names it.

    Raises:
        UsageError: it is not.
    """
    if strategy not in strategies.names(answers):
        raise UsageError(
            f"{strategy} is not for {SIGNALS[answers]}: choose one of "
            f"{', '.join(strategies.names(answers))}"
        )


def _check_shares(plan: Plan, facts: Facts) -> None:
    """Refuse a resolution that leaves too few pixels, and a training share that leaves too few samples
    where their number is known.

    Raises:
        UsageError: one does.
    """
    from trainables.data.resolution import reduced_sides
    from trainables.data.train_fraction import check_train_fraction

    if plan.resolution != 1:
        reduced_sides(facts.signal_shape, plan.resolution)
    if plan.train_fraction != 1 and facts.sizes is not None:
        check_train_fraction(plan.train_fraction, facts.sizes[0], facts.classes)


def facts_of(dataset: str, root: Path, corruption: str = "") -> Facts:
    """A dataset's facts as they were at first sight: a folder of many images takes seconds to list.

    Raises:
        UsageError: there is no such dataset or corruption, or its directory is not as it must be.
    """
    usual = _facts_of(dataset, root, "")
    if usual.kind == "image" or corruption in ("", usual.corruptions[0]):
        return usual
    return _facts_of(dataset, root, corruption)


@functools.cache
def _facts_of(dataset: str, root: Path, corruption: str) -> Facts:
    return datasets.facts(dataset, root, corruption)


def kinds_of(names: Iterable[str]) -> list[str]:
    """Kinds of parts that strategies of these names sample with."""
    return list(dict.fromkeys(kind for name in names for kind in strategies.load(name).PARTS))


def _budget(plan: Plan, facts: Facts) -> Preset:
    """What the preset stands for, with the Whisper and the checkpoint that were asked for."""
    preset = presets.preset(plan.preset, facts)
    signal, classifier = preset.recipe.signal, preset.recipe.classifier
    signal = chosen_sgmse(signal, plan.sgmse, plan.preset)
    if isinstance(classifier, RecogniserConfig):
        classifier = chosen_whisper(classifier, plan.whisper)
    return replace(preset, recipe=replace(preset.recipe, signal=signal, classifier=classifier))


def _sweep_id(plan: Plan, facts: Facts, budget: Preset, task: Task) -> str:
    """A hash of all that shapes a sweep's trials: not of how the search space is written, but of what it
    is, so that a sweep survives a move of code.
    """
    searched = {
        "seeds": budget.search_seeds,
        "limit": budget.search_limit,
        "precision": plan.precision,
        "format": FORMATS[facts.answers],
        **_unusual(plan),
    }
    space = search_spaces.description(plan.strategy, task.recipe.T, facts.kind, plan.settled)
    return digest([plan.strategy, identity(task), searched, space])


def _unusual(plan: Plan) -> dict[str, object]:
    """How a plan searches otherwise than usual: what is as usual is left out, so that sweeps of earlier
    releases are the same sweeps.
    """
    usual = {
        "sampler": USUAL_SAMPLER,
        "cost": USUAL_COST,
        "max_cost": 0,
        "min_accuracy": 0,
        "settled": False,
        "racing": False,
    }
    return {
        name: getattr(plan, name) for name, value in usual.items() if getattr(plan, name) != value
    }
