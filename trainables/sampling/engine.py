"""The engine, the only sampling loop: Algorithm 1, driven by a schedule of moves.

What does not change is computed once: the encodings of x_cor, of fixed logits and of a fixed signal,
the classifier's output for an unchanged signal, the encoding of every noise level. Every call still
counts as the paper counts it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import assert_never

import torch
from torch import Tensor

from trainables.core.device import moved, synchronise
from trainables.core.noise import SampleNoise
from trainables.sampling.classified import Classified, as_run
from trainables.sampling.guidance import guided_output, target_of
from trainables.sampling.label_moves import LabelAnswer, StartLabels, UpdateLabels
from trainables.sampling.label_steps import make_label_move
from trainables.sampling.meter import Meter, MeterReading
from trainables.sampling.moves import (
    LOGIT,
    SIGNAL,
    Answer,
    Condition,
    Correct,
    Guide,
    Kind,
    LogitsBy,
    Move,
    NewChain,
    NewChainUnlessSettled,
    Predict,
    RetrainedAnswer,
    Start,
    StartOverUnlessSettled,
    Target,
    Update,
)
from trainables.sampling.observer import Observer, WholeBatch, tell
from trainables.sampling.outcome import Outcome, outcome_of
from trainables.sampling.prefix_cache import SharedBatch, prefix_names
from trainables.sampling.settling import SettlingMove, start_chain_unless_settled
from trainables.sampling.state import State, Trajectory
from trainables.sampling.system import CoupledSystem
from trainables.task.members import lent_logit


class Engine:
    """Runs schedules on a coupled system, counting every network call.

    Args:
        system: the processes and networks.
        logit_shape: shape of one sample's logits.
        meter: the meter that counts calls.
    """

    def __init__(self, system: CoupledSystem, logit_shape: tuple[int, ...], meter: Meter) -> None:
        self.system, self.logit_shape, self.meter = system, logit_shape, meter
        self.outputs = Classified(system, meter)
        self._time_codes: dict[tuple[Kind, str | None, tuple[float, ...]], Tensor] = {}

    @torch.no_grad()
    def run(
        self,
        schedule: Iterable[Move],
        x_cor: Tensor | SharedBatch,
        noise: SampleNoise,
        observer: Observer | None = None,
    ) -> Outcome:
        """Run a schedule, which must be legal, on corrupted signals.

        The n-th trajectory of a process draws from a stream of `noise` of its own, so that it is the
        same in every schedule that begins with the same moves. A run on a `SharedBatch` goes on from
        the longest prefix of the schedule that is cached; the calls, FLOPs and seconds of the prefix
        count as if it had been run. The same batch must always come with the same noise.

        Args:
            schedule: the moves.
            x_cor: corrupted signals (B, *signal shape), or a batch of them that runs share.
            noise: the source of all noise, for B samples.
            observer: told of every step. A run with one begins at the first move, whatever is cached.

        Raises:
            NonFiniteError: a sampled state is NaN or infinite.
        """
        moves = list(schedule)
        batch = x_cor if isinstance(x_cor, SharedBatch) else SharedBatch(x_cor)
        names = prefix_names(moves)
        first, prefix = (0, None) if observer else batch.longest_prefix(names)
        state, prefix_reading = State(batch), MeterReading()
        if prefix is not None:
            assert isinstance(prefix.state, State)
            state, prefix_reading = prefix.state.copy(), prefix.reading
        if observer and any(isinstance(move, SettlingMove) for move in moves):
            observer = WholeBatch(observer, state)
        start, before = time.perf_counter(), self.meter.reading()
        self.meter.add(prefix_reading)
        for number, move in enumerate(moves[first:], start=first):
            is_named = number > first and number in names
            if is_named and state.is_between_trajectories:
                synchronise(batch.x_cor.device)
                elapsed = MeterReading(seconds=time.perf_counter() - start)
                reading = self.meter.reading() - before + elapsed
                batch.add_prefix(names[number], state.prefix(reading))
            self._apply(state, move, noise)
            if state.is_over:
                break
            if observer:
                tell(observer, move, state, self.system)
        return outcome_of(state)

    def _apply(self, state: State, move: Move, noise: SampleNoise) -> None:
        match move:
            case Start():
                self._start(state, move, noise)
            case Update() | Predict():
                self._step(state, move)
            case Correct():
                self._correct(state, move)
            case Condition():
                self._condition(state, move)
            case LogitsBy():
                state.logits_by = move.part
            case Target():
                state.target = target_of(self.system.guides, self._logits(state, move.source))
            case Guide():
                state.guide = move
            case Answer():
                state.answers.append(self._logits(state, move.source))
            case RetrainedAnswer():
                state.answers.append(self.outputs.by_retrained(state, move.member))
            case StartLabels() | UpdateLabels() | LabelAnswer():
                labels, encode = self.system.labels, self.outputs.of_x_cor
                make_label_move(move, state, noise, labels, self.meter, encode)
            case NewChain():
                state.start_chain()
            case NewChainUnlessSettled() | StartOverUnlessSettled():
                start_chain_unless_settled(state, move, self.system.restored)
            case _:
                assert_never(move)

    def _start(self, state: State, move: Start, noise: SampleNoise) -> None:
        is_signal, process = move.process == SIGNAL, self.system.process(move.process)
        x_cor = state.batch.x_cor
        shape = tuple(x_cor.shape[1:]) if is_signal else self.logit_shape
        name = f"{move.process}{state.trajectory_counts[move.process]}"
        stream = state.noise_of(noise).split(name)
        prior_noise = moved(stream.normal(shape), x_cor.device).to(x_cor.dtype)
        origin: Tensor | None = None
        if process.needs_origin:
            origin = x_cor if is_signal else self.outputs.by_classifier(state, x_cor)
        levels, prior = tuple(process.levels(move.steps)), process.prior(origin, prior_noise)
        state.trajectory_counts[move.process] += 1
        state.trajectories[move.process] = Trajectory(levels, prior, stream, origin)

    def _step(self, state: State, move: Update | Predict) -> None:
        process, trajectory = self.system.process(move.process), state.trajectories[move.process]
        z_t, origin = trajectory.state, trajectory.origin
        t, s = trajectory.level, trajectory.levels[trajectory.position + 1]
        output = self._output(state, move.process)
        z0_hat = process.clean_of(z_t, output, t, origin)
        noise: Tensor | None = None
        if move.temperature > 0 and process.is_random(t, s, move.eta):
            noise = trajectory.next_noise()
            noise = noise if move.temperature == 1 else move.temperature * noise
        if isinstance(move, Predict):
            trajectory.state = process.predict(z_t, output, t, s, move.eta, noise, origin)
        else:
            trajectory.state = process.step(z_t, z0_hat, t, s, move.eta, noise, origin)
        trajectory.clean_estimate = z0_hat
        trajectory.position += 1
        state.guide = None if move.process == SIGNAL else state.guide

    def _correct(self, state: State, move: Correct) -> None:
        process, trajectory = self.system.process(move.process), state.trajectories[move.process]
        output = self._output(state, move.process)
        trajectory.state = process.correct(
            trajectory.state, output, trajectory.level, trajectory.next_noise(), trajectory.origin
        )

    def _output(self, state: State, kind: Kind) -> Tensor:
        """The output of the process' network at its present state, guided where it is to be: one call."""
        trajectory = state.trajectories[kind]
        time_code = self._time_code(kind, state.logits_by, trajectory)
        if kind == LOGIT:
            return self._logit_output(state, trajectory.state, time_code)
        output = self._signal_output(state, trajectory.state, time_code)
        return guided_output(
            self.system.process(kind), self.system.guides, self.meter, state, output
        )

    def _time_code(self, kind: Kind, part: str | None, trajectory: Trajectory) -> Tensor:
        """The encoding (1, ...) of the trajectory's present level.

        All levels of a grid are encoded at once, but for the last: no network is called at the clean
        level.
        """
        grid = kind, part, trajectory.levels
        if grid not in self._time_codes:
            is_signal = kind == SIGNAL
            denoiser = self.system.signal_denoiser if is_signal else self.system.logits_by(part)
            assert denoiser is not None
            scaled = self.system.process(kind).scaled(trajectory.levels[:-1])
            levels = moved(scaled, trajectory.state.device)
            self._time_codes[grid] = denoiser.encode_time(levels)
        return self._time_codes[grid][trajectory.position : trajectory.position + 1]

    def _signal_output(self, state: State, x_t: Tensor, time_code: Tensor) -> Tensor:
        denoiser, count = self.system.signal_denoiser, len(x_t)
        assert denoiser is not None
        corrupted = self.outputs.of_x_cor(state, "signal", denoiser.encode_corrupted)
        if state.logit_code is None:
            state.logit_code = denoiser.encode_logits(None, count)
        output: Tensor = self.meter.call(
            "signal", as_run(denoiser, state), x_t, time_code, corrupted, state.logit_code,
            batch=count,
        )  # fmt: skip
        return output

    def _logit_output(self, state: State, y_t: Tensor, time_code: Tensor) -> Tensor:
        denoiser = self.system.logits_by(state.logits_by)
        output: Tensor = self.meter.call(
            "logit", as_run(denoiser, state), y_t, time_code, state.signal_code, batch=len(y_t)
        )
        return output

    def _condition(self, state: State, move: Condition) -> None:
        value = self._source_value(state, move.source)
        if move.slot == LOGIT:
            assert self.system.signal_denoiser is not None
            state.logit_code = self.system.signal_denoiser.encode_logits(value, len(value))
            return
        denoiser, y_of_x = (
            self.system.logits_by(state.logits_by),
            self.outputs.by_classifier(state, value),
        )
        encode, plain = denoiser.encode_signals, denoiser.plain_encode_signals
        if value is state.batch.x_cor:
            network = LOGIT if state.logits_by is None else lent_logit(state.logits_by)
            state.signal_code = self.outputs.of_x_cor(
                state, network, encode, y_of_x, value, plain=plain
            )
            return
        if state.rows is not None and plain is not None:
            encode = plain
        inputs = value, y_of_x, state.batch.x_cor
        state.signal_code = self.meter.call(
            "logit", encode, *inputs, batch=len(value), is_network_call=False, plain=plain
        )

    def _source_value(self, state: State, source: str) -> Tensor:
        """The signals or logits that a source of `Condition`, `Target` or `Answer` names."""
        if source == "x_cor":
            return state.batch.x_cor
        if source == "y_cor":
            return self.outputs.by_classifier(state, state.batch.x_cor)
        trajectory = state.trajectories[SIGNAL if source.startswith("x") else LOGIT]
        value = trajectory.clean_estimate if source.endswith("_hat") else trajectory.state
        assert value is not None
        return value

    def _logits(self, state: State, source: str) -> Tensor:
        """The logits that a source names, or the classifier's output for the signals that it names."""
        value = self._source_value(state, source)
        return value if source.startswith("y") else self.outputs.by_classifier(state, value)
