"""The engine's state: the trajectories of both processes, the conditioning slots and the answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from trainables.core.device import moved
from trainables.core.noise import SampleNoise
from trainables.models.base import Encoding
from trainables.sampling.label_trajectory import LabelTrajectory
from trainables.sampling.meter import MeterReading
from trainables.sampling.moves import LOGIT, SIGNAL, Guide, Kind
from trainables.sampling.prefix_cache import Prefix, SharedBatch

_BLOCK_SIZE = 2**16
"""The most random numbers that a trajectory draws for one sample in one block."""


@dataclass
class Trajectory:
    """One trajectory of a process.

    Args:
        levels: the selected noise levels, from the noisiest to the clean one.
        state: the process' present state, (B, ...).
        noise: where the trajectory's noise is drawn from; None once a complete trajectory is cached.
        origin: the state that the process is about, (B, ...), where it has one.
        clean_estimate: the latest z0_hat, (B, ...); None before the first step.
        position: the index of the state's level in `levels`.
        noise_block: noise drawn for the next steps, the next step's last, each (B, ...).
    """

    levels: tuple[float, ...]
    state: Tensor
    noise: SampleNoise | None
    origin: Tensor | None = None
    clean_estimate: Tensor | None = None
    position: int = 0
    noise_block: list[Tensor] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether the state is at the last level, the clean one."""
        return self.position == len(self.levels) - 1

    @property
    def level(self) -> float:
        """The level that the state is at."""
        return self.levels[self.position]

    def next_noise(self) -> Tensor:
        """Standard normal noise of the state's shape. It is drawn in blocks of many steps."""
        if not self.noise_block:
            assert self.noise is not None, "a cached trajectory is complete and draws no noise"
            shape = self.state.shape[1:]
            count = max(1, min(len(self.levels) - 2 - self.position, _BLOCK_SIZE // shape.numel()))
            drawn = moved(self.noise.normal((count, *shape)), self.state.device)
            block = drawn.to(self.state.dtype)
            self.noise_block = list(block.unbind(dim=1))[::-1]
        return self.noise_block.pop()


@dataclass(frozen=True)
class SettledSamples:
    """Samples of a batch that have all their chains.

    Args:
        numbers: which samples of the batch these are, (n,).
        chains: how many chains each of them has.
        answers: their answers, all of a chain before those of the next, (answers, n, *logit shape).
        x: their last clean signals, (n, *signal shape), or x_cor where no signal was sampled.
    """

    numbers: Tensor
    chains: int
    answers: Tensor
    x: Tensor


@dataclass
class State:
    """Everything that moves change. Tensors in it are replaced, never changed in place.

    Args:
        batch: the corrupted signals, and the outputs for them that all runs share; of the samples that
            are not settled, once some are.
        trajectories: the present trajectory of each process that has started.
        trajectory_counts: how many trajectories each process has started.
        labels: the present trajectory of the label diffusion; None where it has not started.
        label_count: how many trajectories the label diffusion has started.
        answers: the logits answered so far, each (B, *logit shape).
        logit_code: the encoded logits that the signal denoiser is conditioned on.
        signal_code: the encoded signal that the logit denoiser is conditioned on.
        logits_by: the part whose logit denoiser is lent to this chain; None where the strategy's own is used.
        target: the distribution of classes that guides the signal, (B, K).
        guide: how the signal's next step is guided; None where it is not.
        last_classification: the sampled signal that was classified last, and the classifier's output.
        metered_networks: the networks whose work on x_cor is among this run's FLOPs.
        has_classified_x_cor: whether this chain has called the classifier on x_cor.
        chain_count: how many chains have started.
        dropped_chains: the first chains whose answers were dropped.
        settled: the samples that were settled after a chain, and are in nothing else here.
        rows: which samples of the run's batch (n,) are not; None where none was settled.
    """

    batch: SharedBatch
    trajectories: dict[Kind, Trajectory] = field(default_factory=dict)
    trajectory_counts: dict[Kind, int] = field(default_factory=lambda: {SIGNAL: 0, LOGIT: 0})
    labels: LabelTrajectory | None = None
    label_count: int = 0
    answers: list[Tensor] = field(default_factory=list)
    logit_code: Encoding = None
    signal_code: Encoding = None
    logits_by: str | None = None
    target: Tensor | None = None
    guide: Guide | None = None
    last_classification: tuple[Tensor, Tensor] | None = None
    metered_networks: frozenset[str] = frozenset()
    has_classified_x_cor: bool = False
    chain_count: int = 1
    dropped_chains: int = 0
    settled: list[SettledSamples] = field(default_factory=list)
    rows: Tensor | None = None

    def copy(self) -> State:
        """A copy that moves can change without changing this state; it shares the tensors."""
        trajectories = {
            kind: replace(trajectory, noise_block=[])
            for kind, trajectory in self.trajectories.items()
        }
        return replace(
            self,
            trajectories=trajectories,
            trajectory_counts=dict(self.trajectory_counts),
            answers=list(self.answers),
            settled=list(self.settled),
        )

    def start_chain(self) -> None:
        """Start a new chain: the answers stay, all else that was sampled is forgotten."""
        self.chain_count += 1
        self.trajectories, self.labels, self.has_classified_x_cor = {}, None, False
        self.logit_code, self.signal_code, self.target, self.guide = None, None, None, None
        self.logits_by = None

    def start_over(self) -> None:
        """Start a chain as if none had been before: the answers are dropped, noise is drawn as at first."""
        self.answers, self.dropped_chains = [], self.chain_count
        self.trajectory_counts = dict.fromkeys(self.trajectory_counts, 0)
        self.start_chain()

    @property
    def numbers(self) -> Tensor:
        """Which samples of the run's batch are sampled, (n,)."""
        if self.rows is not None:
            return self.rows
        return torch.arange(len(self.batch.x_cor), device=self.batch.x_cor.device)

    def noise_of(self, noise: SampleNoise) -> SampleNoise:
        """The source of noise of the samples that are still sampled, given that of the run."""
        return noise if self.rows is None else noise.of_rows(self.rows.tolist())

    @property
    def is_over(self) -> bool:
        """Whether every sample is settled."""
        return self.rows is not None and not len(self.rows)

    @property
    def signal(self) -> Tensor:
        """The present signals (n, *signal shape), or x_cor where none is sampled."""
        trajectory = self.trajectories.get(SIGNAL)
        return self.batch.x_cor if trajectory is None else trajectory.state

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows of the samples (n,) alone; trajectories are to be started anew."""
        self.rows = self.numbers[rows]
        self.batch = self.batch.of_rows(rows)
        self.answers = [answer[rows] for answer in self.answers]
        self.trajectories, self.labels, self.last_classification = {}, None, None

    @property
    def is_between_trajectories(self) -> bool:
        """Whether every trajectory that has started is complete."""
        if self.labels is not None and not self.labels.is_complete:
            return False
        return all(trajectory.is_complete for trajectory in self.trajectories.values())

    def prefix(self, reading: MeterReading) -> Prefix:
        """The cached form of the state between trajectories, with what sampling up to here cost.

        Complete trajectories draw no more noise, so their generators, which are large, are dropped.
        """
        state = self.copy()
        for trajectory in state.trajectories.values():
            trajectory.noise = None
        if state.labels is not None:
            state.labels = state.labels.without_noise()
        return Prefix(state, reading)
