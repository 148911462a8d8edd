"""The only sampling loop: Algorithm 1, driven by a schedule of moves.

What does not change is computed once: the encoding of x_cor, of fixed logits and of a fixed signal,
the classifier's output for an unchanged signal, the encoding of every noise level. Every call still
counts as the paper counts it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, assert_never

import torch
from torch import Tensor

from trainables.core.device import synchronise
from trainables.core.errors import NonFiniteError
from trainables.core.noise import SampleNoise
from trainables.diffusion.process import Process
from trainables.models.base import Encoding, LogitDenoiser, SignalDenoiser
from trainables.sampling.meter import Meter, MeterReading
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Answer,
    Condition,
    Correct,
    Kind,
    Move,
    NewChain,
    Predict,
    Start,
    Update,
)
from trainables.sampling.prefix_cache import SharedBatch, names_of
from trainables.sampling.state import State, Trajectory, onto


@dataclass(frozen=True)
class CoupledSystem:
    """The two processes with their denoisers, and the classifier between them.

    `classifier` maps signals (B, *signal shape) to standardised logits (B, *logit shape). A denoiser
    that no move of a strategy calls may be None.
    """

    classifier: Callable[[Tensor], Tensor]
    signal_process: Process[Any]
    logit_process: Process[Any]
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


class Engine:
    """Runs schedules on a coupled system, counting every network call.

    Args:
        system: the processes and networks.
        logit_shape: shape of one sample's logits.
        meter: where calls are counted.
    """

    def __init__(self, system: CoupledSystem, logit_shape: tuple[int, ...], meter: Meter) -> None:
        self.system, self.logit_shape, self.meter = system, logit_shape, meter
        self._times: dict[tuple[Kind, tuple[float, ...]], Tensor] = {}

    @torch.no_grad()
    def run(
        self, schedule: Iterable[Move], x_cor: Tensor | SharedBatch, noise: SampleNoise
    ) -> Outcome:
        """Sample for corrupted signals x_cor (B, *signal shape); the schedule must be legal.

        The n-th trajectory of a process draws from its own stream of `noise`, so that it is the
        same in every schedule that starts alike. With a `SharedBatch`, which must always come with
        the same noise, a run goes on from the longest beginning that an earlier one has left there;
        calls, FLOPs and seconds of that beginning count as if it had been run.

        Raises:
            NonFiniteError: a sampled state is NaN or infinite.
        """
        moves = list(schedule)
        batch = x_cor if isinstance(x_cor, SharedBatch) else SharedBatch(x_cor)
        names = names_of(moves)
        first, begun = batch.longest(names)
        state, spent = State(batch), MeterReading()
        if begun is not None:
            state, spent = begun.state.copy(), begun.spent
        start, before = time.perf_counter(), self.meter.spent()
        self.meter.add(spent)
        for number, move in enumerate(moves[first:], start=first):
            if number > first and isinstance(move, Start | NewChain) and state.is_between:
                synchronise(batch.x_cor.device)
                elapsed = MeterReading(seconds=time.perf_counter() - start)
                batch.keep(names[number], state.begun(self.meter.spent() - before + elapsed))
            self._make(state, move, noise)
        return _outcome(state)

    def _make(self, state: State, move: Move, noise: SampleNoise) -> None:
        match move:
            case Start():
                self._start(state, move, noise)
            case Update() | Predict():
                self._step(state, move)
            case Correct():
                self._correct(state, move)
            case Condition():
                self._condition(state, move)
            case Answer():
                state.answers.append(self._answer(state, move))
            case NewChain():
                state.forget()
            case _:
                assert_never(move)

    def _start(self, state: State, move: Start, noise: SampleNoise) -> None:
        is_signal, process = move.process == SIGNAL, self._process(move.process)
        x_cor = state.batch.x_cor
        shape = tuple(x_cor.shape[1:]) if is_signal else self.logit_shape
        own = noise.split(f"{move.process}{state.trajectories[move.process]}")
        drawn = onto(own.normal(shape), x_cor)
        origin: Tensor | None = None
        if process.needs_origin:
            origin = x_cor if is_signal else self._classify(state, x_cor)
        levels, prior = tuple(process.levels(move.steps)), process.prior(origin, drawn)
        state.trajectories[move.process] += 1
        state.running[move.process] = Trajectory(levels, prior, own, origin)

    def _step(self, state: State, move: Update | Predict) -> None:
        process, running = self._process(move.process), state.running[move.process]
        t, s = running.level, running.levels[running.position + 1]
        output = self._output(state, move.process)
        running.clean = process.clean_of(running.state, output, t, running.origin)
        drawn = running.drawn() if process.is_random(t, s, move.eta) else None
        by_predictor = isinstance(move, Predict)
        step, known = (process.predict, output) if by_predictor else (process.step, running.clean)
        running.state = step(running.state, known, t, s, move.eta, drawn, running.origin)
        running.position += 1

    def _correct(self, state: State, move: Correct) -> None:
        process, running = self._process(move.process), state.running[move.process]
        output = self._output(state, move.process)
        running.state = process.correct(
            running.state, output, running.level, running.drawn(), running.origin
        )

    def _process(self, kind: Kind) -> Process[Any]:
        return self.system.signal_process if kind == SIGNAL else self.system.logit_process

    def _output(self, state: State, kind: Kind) -> Tensor:
        """What the process' network puts out at its state: one call."""
        running = state.running[kind]
        code = self._time(kind, running)
        output = self._signal_output if kind == SIGNAL else self._logit_output
        return output(state, running.state, code)

    def _time(self, kind: Kind, running: Trajectory) -> Tensor:
        """The encoding (1, ...) of the level: one of a table of the grid's levels, made once. The last
        level, the clean one, is never asked for.
        """
        grid = kind, running.levels
        if grid not in self._times:
            is_signal = kind == SIGNAL
            denoiser = self.system.signal_denoiser if is_signal else self.system.logit_denoiser
            assert denoiser is not None
            scaled = self._process(kind).scaled(running.levels[:-1])
            self._times[grid] = denoiser.encode_time(scaled.to(running.state.device))
        return self._times[grid][running.position : running.position + 1]

    def _signal_output(self, state: State, x_t: Tensor, time_code: Tensor) -> Tensor:
        denoiser, count = self.system.signal_denoiser, len(x_t)
        assert denoiser is not None
        corrupted = self._of_corrupted(state, "signal", denoiser.encode_corrupted)
        if state.logit_code is None:
            state.logit_code = denoiser.encode_logits(None, count)
        output: Tensor = self.meter.call(
            "signal", denoiser, x_t, time_code, corrupted, state.logit_code, batch=count
        )
        return output

    def _logit_output(self, state: State, y_t: Tensor, time_code: Tensor) -> Tensor:
        denoiser = self.system.logit_denoiser
        assert denoiser is not None
        output: Tensor = self.meter.call(
            "logit", denoiser, y_t, time_code, state.signal_code, batch=len(y_t)
        )
        return output

    def _of_corrupted(
        self,
        state: State,
        network: str,
        work: Callable[..., Encoding],
        *more: Tensor,
        plain: Callable[..., Encoding] | None = None,
    ) -> Encoding:
        """What a network makes of x_cor: executed once for a batch, its FLOPs counted once a run."""
        known = state.batch.of_corrupted
        if network not in known:
            x_cor, before = state.batch.x_cor, self.meter.flops
            value = self.meter.call(
                network, work, x_cor, *more, batch=len(x_cor), counted=False, plain=plain
            )
            state.batch.learn(network, value, self.meter.flops - before)
        elif network not in state.paid:
            self.meter.flops += known[network][1]
        state.paid |= {network}
        return known[network][0]

    def _condition(self, state: State, move: Condition) -> None:
        value = self._source(state, move.source)
        if move.slot == LOGIT:
            assert self.system.signal_denoiser is not None
            state.logit_code = self.system.signal_denoiser.encode_logits(value, len(value))
            return
        assert self.system.logit_denoiser is not None
        denoiser, y_of_x = self.system.logit_denoiser, self._classify(state, value)
        encode, plain = denoiser.encode_signals, denoiser.plain_encode_signals
        if value is state.batch.x_cor:
            state.signal_code = self._of_corrupted(
                state, "logit", encode, y_of_x, value, plain=plain
            )
            return
        given = value, y_of_x, state.batch.x_cor
        state.signal_code = self.meter.call(
            "logit", encode, *given, batch=len(value), counted=False, plain=plain
        )

    def _source(self, state: State, source: str) -> Tensor:
        if source == "x_cor":
            return state.batch.x_cor
        if source == "y_cor":
            return self._classify(state, state.batch.x_cor)
        running = state.running[SIGNAL if source.startswith("x") else LOGIT]
        value = running.clean if source.endswith("_hat") else running.state
        assert value is not None
        return value

    def _classify(self, state: State, x: Tensor) -> Tensor:
        """The classifier's answer, executed once for a signal that stands; every call counts, but where
        logits start at f(x_cor) that is called once a chain, for initialisation (paper, E.5).
        """
        if x is state.batch.x_cor:
            if not (state.asked and self.system.logit_process.needs_origin):
                self.meter.count("classifier", len(x))
            state.asked = True
            output: Tensor = self._of_corrupted(state, "classifier", self.system.classifier)
            return output
        if state.of_signal is not None and state.of_signal[0] is x:
            self.meter.count("classifier", len(x))
            return state.of_signal[1]
        y_of_x = self.meter.call("classifier", self.system.classifier, x, batch=len(x))
        state.of_signal = x, y_of_x
        return y_of_x

    def _answer(self, state: State, move: Answer) -> Tensor:
        value = self._source(state, move.source)
        return value if move.source == "y" else self._classify(state, value)


def _outcome(state: State) -> Outcome:
    answers = torch.stack(state.answers)
    deviation = answers.std(dim=0) if len(answers) > 1 else torch.zeros_like(answers[0])
    x = state.running[SIGNAL].state if SIGNAL in state.running else state.batch.x_cor
    for name, values in (("logits", answers.transpose(0, 1)), ("signals", x)):
        if not bool(torch.isfinite(values).all()):
            bad = int((~torch.isfinite(values)).flatten(1).any(dim=1).sum())
            raise NonFiniteError(f"sampled {name} of {bad} of {len(values)} are not finite")
    return Outcome(answers.mean(dim=0), deviation, x)
