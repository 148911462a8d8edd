"""How the work of a plan is spread over the CPUs and GPUs of a cluster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform.cli.counts import counted
from platform.planning.setup import Setup

import torch

from trainables.core.errors import UsageError
from trainables.core.memory import GPU_SHARE
from trainables.data.blank import blank
from trainables.models.speech.whisper.config import SIZES, RecogniserConfig
from trainables.scoring.cost_metrics import BY_SECONDS
from trainables.task.recipe import Recipe

_GIB = 2**30
_BESIDE_BATCH = 2 * _GIB  # CUDA's context and libraries; what an evaluator's measurements share
_MAPS = 8  # feature maps of the finest level that are in memory at a time
_VOCABULARY = 51_865  # Whisper's tokens
_MOST_TRAININGS = (
    2  # more would have too few threads for the longest chain of parts that need each other
)
_SMALLEST_SHARE = 10_000  # Ray counts GPUs in ten-thousandths


@dataclass(frozen=True)
class Node:
    """A machine of the cluster: its CPUs, its GPUs and the bytes of memory of each GPU, 0 where that is not
    known.
    """

    cpus: int
    gpus: int = 0
    gpu_memory: int = 0


@dataclass(frozen=True)
class Allocation:
    """How the work is spread.

    Args:
        actors: how many trials are measured at a time.
        threads: CPU threads of each actor.
        workers: how many workers train together, each with a whole GPU where GPUs are used.
        train_threads: CPU threads of each training worker.
        gpu_share: the share of a GPU that each actor has, 0 where GPUs are not used.
        nodes: the machines that the work is spread over.
    """

    actors: int
    threads: int
    workers: int
    train_threads: int
    gpu_share: float
    nodes: tuple[Node, ...]

    @property
    def on_gpus(self) -> bool:
        """Whether GPUs are used."""
        return self.gpu_share > 0

    @property
    def trials_a_gpu(self) -> int:
        """How many actors share a GPU, 0 where GPUs are not used."""
        return int(1 / self.gpu_share + 1e-6) if self.on_gpus else 0

    @property
    def gpu_request(self) -> float:
        """What Ray is asked for each actor: an even part of a GPU. Ray chooses a node by what its GPUs have
        left all together: for an actor of 0.6 it takes one with 0.4 of each of two, where it waits for ever.
        """
        return _even_part(self.trials_a_gpu) if self.on_gpus else 0.0

    @property
    def device_here(self) -> torch.device:
        """The device that this process, outside the cluster, may compute on: a GPU where GPUs are used and
        this process has one.
        """
        return torch.device("cuda" if self.on_gpus and torch.cuda.is_available() else "cpu")

    @property
    def gpus(self) -> int:
        """How many GPUs trials are spread over."""
        return min(self.actors, _gpus(self.nodes)) if self.on_gpus else 0

    @property
    def text(self) -> str:
        """The devices that are used, in words."""
        if not self.on_gpus:
            unused = " left unused, as --gpus-per-trial is 0" if _gpus(self.nodes) else ""
            return (
                f"{counted(_cpus(self.nodes), 'CPU')}, {self._gpu_text}{unused}; training by "
                f"{counted(self.workers, 'worker')} of {counted(self.train_threads, 'thread')}, "
                f"{counted(self.actors, 'trial')} at a time of {counted(self.threads, 'thread')}"
            )
        return (
            f"{self._gpu_text}, {counted(_cpus(self.nodes), 'CPU')}; training by "
            f"{counted(self.workers, 'worker')} of a GPU, {counted(self.actors, 'trial')} at a time "
            f"of {self.gpu_share:g} GPU"
        )

    @property
    def _gpu_text(self) -> str:
        gpus, memory = (
            _gpus(self.nodes),
            min((n.gpu_memory for n in self.nodes if n.gpus), default=0),
        )
        return counted(gpus, "GPU") + (f" of {memory / _GIB:.0f} GiB" if memory else "")


def allocation(setup: Setup, nodes: Sequence[Node]) -> Allocation:
    """The allocation of a plan to these machines: to all their GPUs, unless the plan refuses them or there
    are none, else to their CPUs.

    On CPUs: an actor a core, one thread each, which beats one actor of many threads; training by one
    worker with all threads of a machine, which parts that are trained side by side share, unless more workers
    are asked for. On GPUs: a training worker
    a GPU, as far as they divide the batch; as many actors to a GPU as fit (`bytes_of_a_trial`), one
    where its memory is not known, but not more than there are CPUs to a GPU.

    Raises:
        UsageError: the plan asks for more than there is.
    """
    if _cpus(nodes) < 1:
        raise UsageError("the Ray cluster has no CPU to run on: add a node")
    if setup.plan.gpus_per_trial and not _gpus(nodes):
        raise UsageError(
            f"--gpus-per-trial is {setup.plan.gpus_per_trial:g}, but the Ray cluster has no GPUs: leave "
            "it out"
        )
    if setup.plan.gpus_per_trial == 0 or not _gpus(nodes):
        return _on_cpus(setup, nodes)
    return _on_gpus(setup, nodes)


def room(setup: Setup, given: Allocation, nodes: Sequence[Node]) -> int:
    """How many actors of an allocation these nodes, which may be others by now, have room for, but not more
    than the plan asks for; 0 where there is no room.
    """
    if given.on_gpus:
        most = sum(min(node.cpus, node.gpus * given.trials_a_gpu) for node in nodes)
    else:
        most = _cpus(nodes)
    return min(most, setup.plan.workers or most)


def can_train(given: Allocation, nodes: Sequence[Node]) -> bool:
    """Whether these nodes, which may be others by now, have room for an allocation's training workers."""
    if given.on_gpus:
        return sum(min(node.cpus, node.gpus) for node in nodes) >= given.workers
    return _cpus(nodes) >= given.workers


def trainings_at_a_time(setup: Setup, given: Allocation, is_own: bool) -> int:
    """How many parts that do not depend on each other are trained at a time: one where the number of workers
    is asked for, and on a cluster that is joined, where a training that waits for another one would hold
    what other sweeps need; else two, where they have room beside each other.
    """
    if setup.plan.workers or not is_own:
        return 1
    places = _gpus(given.nodes) if given.on_gpus else _cpus(given.nodes)
    return max(1, min(_MOST_TRAININGS, places // given.workers))


def sweeps_at_a_time(setup: Setup, given: Allocation) -> int:
    """How many sweeps like this one have room on an allocation's nodes at a time, one at least: so many that
    all trials of their searches do, or so many that their trainings do, whichever are more. The phases of
    sweeps differ, and what finds no room waits; no more than that could be at work. Where points are timed
    there is one.
    """
    if setup.cost == BY_SECONDS:
        return 1
    most = room(replace(setup, plan=replace(setup.plan, workers=0)), given, given.nodes)
    searches = most // min(setup.plan.trials, given.actors)
    if given.on_gpus:
        trainings = _gpus(given.nodes) // given.workers
    else:
        trainings = _cpus(given.nodes) // (given.workers * given.train_threads)
    return max(1, searches, trainings)


def _on_cpus(setup: Setup, nodes: Sequence[Node]) -> Allocation:
    cpus = _cpus(nodes)
    if setup.plan.workers > cpus:
        raise UsageError(
            f"--workers is {setup.plan.workers}, but the Ray cluster has {counted(cpus, 'CPU')}: ask for "
            f"{cpus} at most"
        )
    workers = setup.plan.workers or 1
    train_threads = max(1, max(node.cpus for node in nodes) // workers)
    return Allocation(setup.plan.workers or cpus, 1, workers, train_threads, 0.0, tuple(nodes))


def _on_gpus(setup: Setup, nodes: Sequence[Node]) -> Allocation:
    usable = [node for node in nodes if node.gpus and node.cpus]
    if not usable:
        raise UsageError(
            "no node of the Ray cluster has both a GPU and a CPU: add one, or say --gpus-per-trial 0"
        )
    share = setup.plan.gpus_per_trial
    if share is None:
        trials_a_gpu = _trials_a_gpu(setup, usable)
        share = _even_part(trials_a_gpu)
    else:
        trials_a_gpu = int(1 / share + 1e-6)
    most = sum(min(node.cpus, node.gpus * trials_a_gpu) for node in usable)
    if setup.plan.workers > most:
        raise UsageError(
            f"--workers is {setup.plan.workers}, but with {share:g} GPU each there is room for "
            f"{counted(most, 'trial')} at a time on {counted(_gpus(usable), 'GPU')} and "
            f"{counted(_cpus(usable), 'CPU')}: ask for fewer, or for a smaller --gpus-per-trial"
        )
    actors = setup.plan.workers or most
    workers = _divisor(setup, min(actors, sum(min(node.cpus, node.gpus) for node in usable)))
    return Allocation(actors, 1, workers, 1, share, tuple(nodes))


def _trials_a_gpu(setup: Setup, nodes: Sequence[Node]) -> int:
    """How many trials share a GPU where the plan does not say it: as many as fit on every node, and no more
    than the plan's workers need.
    """
    trial_bytes = bytes_of_a_trial(setup)
    fits = min(
        max(1, min(node.gpu_memory // trial_bytes, node.cpus // node.gpus)) for node in nodes
    )
    return min(fits, -(-setup.plan.workers // _gpus(nodes))) if setup.plan.workers else fits


def bytes_of_a_trial(setup: Setup) -> int:
    """Bytes of a GPU's memory that a trial should have, estimated.

    Its batch may take `GPU_SHARE` of them: the preset's batch, by the feature maps of the signal
    denoiser's finest level. The rest must hold 2 GiB for CUDA and what measurements share, and
    Whisper where there is one. 5 GiB for the paper's networks of images.
    """
    recipe = setup.task.recipe
    _, height, width = blank(setup.facts, recipe.spectrogram).signal_shape
    channels = recipe.signal.base * recipe.signal.multipliers[0]
    pixels = height * width // recipe.signal.patch**2
    batch = 4 * _MAPS * setup.budget.batch * channels * pixels
    overhead = _BESIDE_BATCH + _bytes_of_whisper(recipe)
    return int(max(batch / GPU_SHARE, overhead / (1 - GPU_SHARE)))


def _bytes_of_whisper(recipe: Recipe) -> int:
    """Bytes of the recogniser's weights in float32: published files have them in float16."""
    config = recipe.classifier
    if not isinstance(config, RecogniserConfig):
        return 0
    if config.checkpoint is not None:
        return 2 * Path(config.checkpoint).stat().st_size
    _, width, audio, text = SIZES[config.size]
    return 4 * ((12 * audio + 16 * text) * width**2 + _VOCABULARY * width)


def _even_part(trials_a_gpu: int) -> float:
    """The share of a GPU of so many trials, rounded down to what Ray counts in."""
    return math.floor(_SMALLEST_SHARE / trials_a_gpu) / _SMALLEST_SHARE


def _divisor(setup: Setup, most: int) -> int:
    """The largest number of workers up to `most` that divides the batch."""
    batch = setup.budget.recipe.batch
    return max(n for n in range(1, most + 1) if batch % n == 0)


def _cpus(nodes: Sequence[Node]) -> int:
    return sum(node.cpus for node in nodes)


def _gpus(nodes: Sequence[Node]) -> int:
    return sum(node.gpus for node in nodes)
