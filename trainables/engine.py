"""The only sampling loop: Algorithm 1, driven by a schedule of moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.errors import NonFiniteError
from trainables.meter import Meter
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.noise import SampleNoise
from trainables.strategies._moves import (
    LOGIT,
    SIGNAL,
    Answer,
    Condition,
    Kind,
    Move,
    Start,
    Update,
)


@dataclass(frozen=True)
class CoupledSystem:
    """The two processes with their denoisers, and the classifier between them.

    `classifier` maps signals (B, *signal shape) to standardised logits (B, *logit shape). A denoiser
    that no move of a strategy calls may be None.
    """

    classifier: Callable[[Tensor], Tensor]
    signal_process: GaussianDiffusion
    logit_process: GaussianDiffusion
    signal_denoiser: SignalDenoiser | None = None
    logit_denoiser: LogitDenoiser | None = None


@dataclass(frozen=True)
class Outcome:
    """What a schedule gave.

    `y` are standardised logits (B, *logit shape), the mean of all answers, and `deviation` the
    answers' deviation from it, of the same shape, zero for one answer. `x` is the last clean signal
    (B, *signal shape; x_cor where none was sampled).
    """

    y: Tensor
    deviation: Tensor
    x: Tensor


@dataclass
class _Process:
    """A process under way: its state, its latest clean estimate, how far it is."""

    levels: list[int]
    state: Tensor
    noise: SampleNoise
    clean: Tensor | None = None
    position: int = 0


@dataclass
class _State:
    """All that the moves change. `signal` and `logit` hold the encoded conditioning slots."""

    x_cor: Tensor
    running: dict[Kind, _Process] = field(default_factory=dict)
    trajectories: dict[Kind, int] = field(default_factory=lambda: {SIGNAL: 0, LOGIT: 0})
    answers: list[Tensor] = field(default_factory=list)
    corrupted_code: Any = None
    logit_code: Any = None
    signal_code: Any = None


class Engine:
    """Runs schedules on a coupled system, counting every network call.

    Args:
        system: the processes and networks.
        logit_shape: shape of one sample's logits.
        meter: where calls are counted.
    """

    def __init__(self, system: CoupledSystem, logit_shape: tuple[int, ...], meter: Meter) -> None:
        self.system, self.logit_shape, self.meter = system, logit_shape, meter

    @torch.no_grad()
    def run(self, schedule: Iterable[Move], x_cor: Tensor, noise: SampleNoise) -> Outcome:
        """Sample for corrupted signals x_cor (B, *signal shape); the schedule must be legal.

        The n-th trajectory of a process draws from its own stream of `noise`, so that it is the
        same in every schedule that starts alike.

        Raises:
            NonFiniteError: a sampled state is NaN or infinite.
        """
        state = _State(x_cor)
        for move in schedule:
            if isinstance(move, Start):
                self._start(state, move, noise)
            elif isinstance(move, Update):
                self._update(state, move)
            elif isinstance(move, Condition):
                self._condition(state, move)
            elif isinstance(move, Answer):
                state.answers.append(self._answer(state, move))
            else:
                state.running, state.logit_code, state.signal_code = {}, None, None
        return _outcome(state)

    def _start(self, state: _State, move: Start, noise: SampleNoise) -> None:
        is_signal = move.process == SIGNAL
        process = self.system.signal_process if is_signal else self.system.logit_process
        shape = tuple(state.x_cor.shape[1:]) if is_signal else self.logit_shape
        own = noise.split(f"{move.process}{state.trajectories[move.process]}")
        prior = own.normal(shape).to(state.x_cor)
        state.trajectories[move.process] += 1
        state.running[move.process] = _Process(process.levels(move.steps), prior, own)

    def _update(self, state: _State, move: Update) -> None:
        is_signal = move.process == SIGNAL
        process = self.system.signal_process if is_signal else self.system.logit_process
        running = state.running[move.process]
        t, s = running.levels[running.position], running.levels[running.position + 1]
        z_t = running.state
        level = torch.tensor([t], device=z_t.device)
        predict = self._signal_output if is_signal else self._logit_output
        running.clean = process.clean_of(z_t, predict(state, z_t, level / process.T), level)
        drawn = None
        if process.is_random(t, s, move.eta):
            drawn = running.noise.normal(z_t.shape[1:]).to(z_t)
        running.state = process.step(z_t, running.clean, t, s, move.eta, drawn)
        running.position += 1

    def _signal_output(self, state: _State, x_t: Tensor, t: Tensor) -> Tensor:
        denoiser, batch = self.system.signal_denoiser, len(x_t)
        assert denoiser is not None
        if state.corrupted_code is None:
            encode = denoiser.encode_corrupted
            state.corrupted_code = self.meter.call(
                "signal", encode, state.x_cor, batch=batch, counted=False
            )
        if state.logit_code is None:
            state.logit_code = denoiser.encode_logits(None, batch)
        return self.meter.call(
            "signal", denoiser, x_t, t, state.corrupted_code, state.logit_code, batch=batch
        )

    def _logit_output(self, state: _State, y_t: Tensor, t: Tensor) -> Tensor:
        denoiser = self.system.logit_denoiser
        assert denoiser is not None
        return self.meter.call("logit", denoiser, y_t, t, state.signal_code, batch=len(y_t))

    def _condition(self, state: _State, move: Condition) -> None:
        value = self._source(state, move.source)
        if move.slot == LOGIT:
            assert self.system.signal_denoiser is not None
            state.logit_code = self.system.signal_denoiser.encode_logits(value, len(value))
            return
        denoiser = self.system.logit_denoiser
        assert denoiser is not None
        state.signal_code = self.meter.call(
            "logit",
            denoiser.encode_signals,
            value,
            self._classify(value),
            state.x_cor,
            batch=len(value),
            counted=False,
        )

    def _source(self, state: _State, source: str) -> Tensor:
        if source == "x_cor":
            return state.x_cor
        if source == "y_cor":
            return self._classify(state.x_cor)
        running = state.running[SIGNAL if source.startswith("x") else LOGIT]
        value = running.clean if source.endswith("_hat") else running.state
        assert value is not None
        return value

    def _classify(self, x: Tensor) -> Tensor:
        return self.meter.call("classifier", self.system.classifier, x, batch=len(x))

    def _answer(self, state: _State, move: Answer) -> Tensor:
        value = self._source(state, move.source)
        return value if move.source == "y" else self._classify(value)


def _outcome(state: _State) -> Outcome:
    answers = torch.stack(state.answers)
    deviation = answers.std(dim=0) if len(answers) > 1 else torch.zeros_like(answers[0])
    x = state.running[SIGNAL].state if SIGNAL in state.running else state.x_cor
    for name, values in (("logits", answers.transpose(0, 1)), ("signals", x)):
        if not bool(torch.isfinite(values).all()):
            bad = int((~torch.isfinite(values)).flatten(1).any(dim=1).sum())
            raise NonFiniteError(f"sampled {name} of {bad} of {len(values)} are not finite")
    return Outcome(answers.mean(dim=0), deviation, x)
