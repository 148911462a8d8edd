"""The engine's state: the processes under way, the conditioning slots, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from trainables.core.noise import SampleNoise
from trainables.models.base import Encoding
from trainables.sampling.meter import MeterReading
from trainables.sampling.moves import LOGIT, SIGNAL, Kind
from trainables.sampling.prefix_cache import Prefix, SharedBatch

_DRAWN_AHEAD = 2**16
"""Random numbers that a trajectory draws for a sample at a time."""


def onto(drawn: Tensor, like: Tensor) -> Tensor:
    """Numbers drawn on the CPU where `like` is, in its type; a GPU does not wait for them."""
    if like.is_cuda:
        return drawn.pin_memory().to(like, non_blocking=True)
    return drawn.to(like)


@dataclass
class Trajectory:
    """A process under way: its state, its latest clean estimate, how far it is, what it started at."""

    levels: tuple[float, ...]
    state: Tensor
    noise: SampleNoise | None
    origin: Tensor | None = None
    clean: Tensor | None = None
    position: int = 0
    ahead: list[Tensor] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.position == len(self.levels) - 1

    @property
    def level(self) -> float:
        """The level that the state is at."""
        return self.levels[self.position]

    def drawn(self) -> Tensor:
        """Standard normal noise of the state's shape, drawn for many steps at a time."""
        if not self.ahead:
            assert self.noise is not None, "a trajectory that has ended draws no more"
            shape = self.state.shape[1:]
            count = max(1, min(len(self.levels) - 2 - self.position, _DRAWN_AHEAD // shape.numel()))
            block = onto(self.noise.normal((count, *shape)), self.state)
            self.ahead = list(block.unbind(dim=1))[::-1]
        return self.ahead.pop()


@dataclass
class State:
    """All that the moves change. `signal_code` and `logit_code` are the encoded conditioning slots;
    `of_signal` is the signal that the classifier saw last, with its answer. `paid` names what of
    `batch.of_corrupted` is among the FLOPs counted, `asked` whether the chain has called the
    classifier on x_cor.
    """

    batch: SharedBatch
    running: dict[Kind, Trajectory] = field(default_factory=dict)
    trajectories: dict[Kind, int] = field(default_factory=lambda: {SIGNAL: 0, LOGIT: 0})
    answers: list[Tensor] = field(default_factory=list)
    logit_code: Encoding = None
    signal_code: Encoding = None
    of_signal: tuple[Tensor, Tensor] | None = None
    paid: frozenset[str] = frozenset()
    asked: bool = False

    def copy(self) -> State:
        """One that can go its own way; nothing in place is ever done to its tensors."""
        running = {kind: replace(under_way, ahead=[]) for kind, under_way in self.running.items()}
        return replace(
            self,
            running=running,
            trajectories=dict(self.trajectories),
            answers=list(self.answers),
        )

    def forget(self) -> None:
        """Begin a new chain: nothing of what was sampled is known any more but the answers."""
        self.running, self.logit_code, self.signal_code, self.asked = {}, None, None, False

    @property
    def is_between(self) -> bool:
        """Whether no trajectory is under way."""
        return all(under_way.ended for under_way in self.running.values())

    def begun(self, spent: MeterReading) -> Prefix:
        """What is kept of the state, between trajectories: those that have ended draw no more noise,
        and generators of many samples are large.
        """
        kept = self.copy()
        for ended in kept.running.values():
            ended.noise = None
        return Prefix(kept, spent)
