"""A point's run through a split, batch by batch, and the tally that it ends in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from trainables.data.dataset import Samples
from trainables.data.spectrogram import Sound
from trainables.evaluation.judge import Judge
from trainables.evaluation.listening import Quality, quality_of
from trainables.evaluation.measurement import Tally
from trainables.sampling.meter import MeterReading
from trainables.sampling.moves import Move
from trainables.sampling.outcome import Outcome, running_after_chains


@dataclass
class PointRun:
    """A point's moves, and what has been sampled by them so far.

    Args:
        moves: the schedule.
        answers, likeliest, deviations, signals: by batch, the answers, the likeliest classes where there
            are such, the mean deviation between chains of each sample (B,), and the restored signals of the
            samples that are listened to.
        running: how many samples were not settled after each chain but the last, where chains end early.
        reading: what sampling cost.
    """

    moves: list[Move]
    answers: list[Tensor] = field(default_factory=list)
    likeliest: list[Tensor] = field(default_factory=list)
    deviations: list[Tensor] = field(default_factory=list)
    signals: list[Tensor] = field(default_factory=list)
    running: Counter[int] = field(default_factory=Counter)
    reading: MeterReading = field(default_factory=MeterReading)

    def take(
        self, outcome: Outcome, answers: Tensor, likeliest: Tensor | None, listened: int
    ) -> None:
        """Keep what is told of the next batch.

        Args:
            outcome: the batch's outcome.
            answers: its class numbers (B,), or token numbers (B, S).
            likeliest: its likeliest classes, where the task has such.
            listened: how many samples of the split, its first, are listened to.
        """
        self.answers.append(answers.cpu())
        self.likeliest += [] if likeliest is None else [likeliest.cpu()]
        self.deviations.append(outcome.deviation.flatten(1).mean(dim=1).cpu())
        self.running.update(running_after_chains(self.moves, outcome))
        missing = listened - sum(map(len, self.signals))
        self.signals.append(outcome.x[: max(0, missing)].cpu())

    def tally(
        self, split: Samples, judge: Judge, sound: Sound | None, clean_waveforms: Sequence[Tensor]
    ) -> Tally:
        """The tally of a run.

        Args:
            split: the samples that were run, all of them.
            judge: what judges their answers.
            sound: how signals become waveforms, where they do.
            clean_waveforms: those of the samples that are listened to.
        """
        quality: Quality = {}
        if sound is not None and clean_waveforms:
            quality = quality_of(sound, torch.cat(self.signals).float(), clean_waveforms)
        likeliest = torch.cat(self.likeliest) if self.likeliest else None
        correctness = judge.correctness(torch.cat(self.answers), split, likeliest)
        deviations = torch.cat(self.deviations)
        spread, each = float(deviations.sum()), tuple(deviations.tolist())
        running = tuple(self.running[chains] for chains in sorted(self.running))
        return Tally(correctness, spread, self.reading, quality, running, each)
