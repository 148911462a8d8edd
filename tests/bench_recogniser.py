"""Times a guidance call of the recogniser against the usual call of Whisper.

    COUPLED_ASSETS=... COUPLED_DATA=... python tests/bench_recogniser.py [--repeats 5]

The usual call pads to 30 s, has no key/value cache, computes logits of the whole vocabulary at every
position, and reads the word from the closed set's entries. It is timed with one decoding step, which a
closed set of words needs, and with up to four, as in transcribing until end-of-text. The figures are
medians of interleaved runs on one thread, beside the accuracy of both on the same clean recordings.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import soundfile
import torch
import torchaudio
import whisper
from whisper.audio import SAMPLE_RATE

from trainables.models.speech.whisper.recogniser import Recogniser, Words, tokenizer_of
from trainables.models.speech.whisper.weights import load_whisper

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LONGEST = 1.8  # seconds; the rest of a recording is cut off
CONTEXTS = (2.0, 3.0, 5.0)
LEAD = 0.2


def digits(recordings: Path, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`count` recordings (count, L) at 16 kHz, speakers in turn, and their digits (count,)."""
    speakers = sorted({path.stem.split("_")[1] for path in recordings.glob("*.wav")})
    signals, labels = torch.zeros(count, round(LONGEST * SAMPLE_RATE)), torch.arange(count) % 10
    for n, digit in enumerate(labels.tolist()):
        speaker = speakers[n // 10 % len(speakers)]
        path = recordings / f"{digit}_{speaker}_{n // 10}.wav"
        samples, rate = soundfile.read(path, dtype="float32")
        signal = torchaudio.functional.resample(torch.from_numpy(samples), rate, SAMPLE_RATE)
        signal = signal[: signals.shape[1]]
        signals[n, : len(signal)] = signal
    return signals, labels


def accuracy(recogniser: Recogniser, signals: torch.Tensor, labels: torch.Tensor) -> float:
    """Fraction of signals whose word is recognised."""
    chosen = [recogniser.classes_of(recogniser(part)) for part in signals.split(8)]
    return float((torch.cat(chosen) == labels).float().mean())


class Usual:
    """The usual call of Whisper, with the closed set read from its full logits."""

    def __init__(self, network: whisper.Whisper, steps: int) -> None:
        self.network, self.steps = network, steps
        tokenizer = tokenizer_of(network)
        self.prompt = torch.tensor([tokenizer.sot_sequence_including_notimestamps])
        self.end = tokenizer.eot
        self.word_tokens = torch.tensor(
            [
                [tokenizer.encode(f" {spelling}")[0] for spelling in (w, w.capitalize())]
                for w in DIGITS
            ]
        )

    @torch.no_grad()
    def __call__(self, signals: torch.Tensor) -> torch.Tensor:
        padded = torch.nn.functional.pad(signals, (round(LEAD * SAMPLE_RATE), 0))
        mel = torch.stack(
            [whisper.log_mel_spectrogram(whisper.pad_or_trim(wave)) for wave in padded]
        )
        features = self.network.embed_audio(mel)
        tokens = self.prompt.expand(len(signals), -1)
        steps: list[torch.Tensor] = []
        while len(steps) < self.steps and not (steps and bool((tokens[:, -1] == self.end).all())):
            steps.append(self.network.logits(tokens, features)[:, -1])
            tokens = torch.cat([tokens, steps[-1].argmax(dim=1, keepdim=True)], dim=1)
        return steps[0][:, self.word_tokens].logsumexp(dim=2)


def interleaved(calls: dict, repeats: int) -> dict[str, float]:
    """Median seconds of each call, over rounds in which all take turns, after one round to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--recordings", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_whisper("base", Path(os.environ["COUPLED_ASSETS"]) / "whisper-base.pt").eval()
    signals, labels = digits(
        Path(os.environ["COUPLED_DATA"]) / "fsdd/recordings", arguments.recordings
    )
    ours = {f"ours, {c:g} s": Recogniser(network, Words(DIGITS), c, LEAD) for c in CONTEXTS}
    usual = {"30 s, one step": Usual(network, 1), "30 s, to the end": Usual(network, 4)}
    accuracies = {name: accuracy(recogniser, signals, labels) for name, recogniser in ours.items()}
    chosen = torch.cat([usual["30 s, one step"](part).argmax(1) for part in signals.split(4)])
    accuracies |= dict.fromkeys(usual, float((chosen == labels).float().mean()))
    print(f"closed-set accuracy on {len(labels)} clean recordings; medians of {arguments.repeats}")
    print(f"{'':18} {'batch':>5} {'s':>8} {'× one step':>10} {'× to the end':>12} {'accuracy':>9}")
    for batch in (1, 8):
        # Each call has a new tensor, because the recogniser caches the features of the last ones.
        calls = {
            n: (lambda c=c, b=batch: c(signals[:b].clone())) for n, c in (usual | ours).items()
        }
        seconds = interleaved(calls, arguments.repeats)
        for name, duration in seconds.items():
            ratios = [seconds[base] / duration for base in usual]
            print(
                f"{name:18} {batch:5} {duration:8.3f} {ratios[0]:10.1f} {ratios[1]:12.1f} "
                f"{accuracies[name]:9.3f}"
            )
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread")


if __name__ == "__main__":
    main()
