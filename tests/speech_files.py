"""Small sound files in the layouts of published speech datasets, for tests."""

import json
import re
import shutil

import numpy as np
import soundfile
import torch
from conftest import asset

from trainables.core.noise import generator_of, seed_of
from trainables.data.audio import read_audio
from trainables.data.speech.fsdd import WORDS

FSDD_SPEAKERS = ("george", "jackson", "lucas", "yweweler")
EARS_SPEAKERS = ("p001", "p100", "p102", "p103")
SPOKEN = {
    "sentences_01_regular": "Three one four one five nine two six five three five eight nine seven.",
    "sentences_02_regular": "Two seven one eight two eight one eight two eight four five nine zero.",
}
VOICES = {"p001": "george", "p100": "jackson", "p102": "lucas", "p103": "nicolas"}


def tone(*words, seconds=0.3, rate=8000):
    """Something like a voice: harmonics of a pitch that follows from the words, and a little noise."""
    rng = np.random.default_rng(seed_of(*words))
    t = np.arange(round(seconds * rate)) / rate
    pitch = rng.uniform(80, 250)
    wave = sum(np.sin(2 * np.pi * pitch * k * t + rng.uniform(0, 6)) / k for k in range(1, 6))
    wave = wave * np.hanning(len(t)) + 0.01 * rng.standard_normal(len(t))
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def write(path, wave, rate, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, subtype=subtype)
    return path


def write_fsdd(root, digits=2, indices=(0, 1, 10, 11), speakers=FSDD_SPEAKERS):
    for speaker in speakers:
        for digit in range(digits):
            for index in indices:
                name = f"{digit}_{speaker}_{index}.wav"
                write(root / "recordings" / name, tone(name), 8000)
    return root


def copy_fsdd(root, indices=(0, 10), speakers=FSDD_SPEAKERS):
    """Real digits (of the Free Spoken Digit Dataset): of every digit, these recordings of each speaker."""
    recordings, copies = asset("COUPLED_DATA", "fsdd/recordings"), root / "recordings"
    copies.mkdir(parents=True)
    for speaker in speakers:
        for digit in range(10):
            for index in indices:
                shutil.copy(recordings / f"{digit}_{speaker}_{index}.wav", copies)
    return root


def write_gsc(root, words=("yes", "no", "cat"), indices=(0, 1)):
    folder = root / "SpeechCommands" / "speech_commands_v0.02"
    names = [f"{word}/{speaker}_nohash_{i}.wav"
             for word in words for speaker in ("aa", "bb", "cc") for i in indices]  # fmt: skip
    for name in [*names, "_background_noise_/hum.wav"]:
        write(folder / name, tone(name, seconds=1.0, rate=16_000), 16_000)
    for file, speaker in (("validation_list.txt", "bb"), ("testing_list.txt", "cc")):
        listed = [name for name in names if f"/{speaker}_" in name]
        (folder / file).write_text("\n".join(listed) + "\n")
    return root


def write_ears(root):
    """Two known recordings a speaker, of words with pauses between, and one that is not known."""
    known = {"sentences_01_regular": "One two.", "emo_anger_sentences": "I'm so mad."}
    for speaker in EARS_SPEAKERS:
        for style in (*known, "freeform_speech_01"):
            parts = []
            for i in range(6):
                parts += [np.zeros(9600), tone(speaker, style, i, seconds=1.0, rate=48_000)]
            write(root / "EARS" / speaker / f"{style}.wav", np.concatenate(parts), 48_000)
    (root / "EARS" / "transcripts.json").write_text(json.dumps(known))
    return root


def write_spoken_ears(root):
    """Real digits (of the Free Spoken Digit Dataset) in EARS's layout: each speaker says each of the
    sentences, a digit after the other with short pauses, over a faint floor of noise.
    """
    recordings = asset("COUPLED_DATA", "fsdd/recordings")
    for number, (speaker, voice) in enumerate(VOICES.items()):
        for name, text in SPOKEN.items():
            parts = []
            for place, word in enumerate(re.findall(r"\w+", text.lower())):
                file = f"{WORDS.index(word)}_{voice}_{(7 * place + number) % 50}.wav"
                word = read_audio(recordings / file, 48_000)
                parts += [torch.zeros(14_400), 0.5 * word / word.abs().max()]
            wave = torch.cat([*parts, torch.zeros(14_400)])
            floor = torch.randn(len(wave), generator=generator_of("floor", speaker, name))
            write(root / "EARS" / speaker / f"{name}.wav", (wave + 1e-4 * floor).numpy(), 48_000)
    (root / "EARS" / "transcripts.json").write_text(json.dumps(SPOKEN))
    return root


def loud_spans(wave, rate, silence):
    """In the place of the detector of voices, which hears none in tones: what is loud is speech."""
    loud = wave.reshape(-1, rate // 100).abs().amax(1) > 0.02
    edges = torch.diff(loud.int(), prepend=torch.zeros(1), append=torch.zeros(1)).nonzero()
    return [(float(a) / 100, float(b) / 100) for a, b in edges.reshape(-1, 2)]


def write_wham(root):
    for folder in ("tr", "cv", "tt"):
        for i in range(2):
            noise = np.random.default_rng(i).standard_normal((32_000, 2)) * 0.05
            write(root / "wham_noise" / folder / f"{i}.wav", noise, 16_000)
    return root


def write_high_resolution_wham(root, folder="WHAM48kHz/high_res_wham"):
    """Uncut noises in the layout of the 48 kHz release: two of each split, and one of none."""
    rows = []
    for split in ("Train", "Valid", "Test", ""):
        for i in range(2 if split else 1):
            noise = np.random.default_rng(i).standard_normal((480_000, 2)) * 0.05
            write(root / folder / "audio" / f"{split or 'none'}_{i}.wav", noise, 48_000)
            rows.append(f"{split or 'none'}_{i}.wav,10.0,{split}")
    columns = "Filename,File Length (sec),WHAM! Split"
    (root / folder / "high_res_metadata.csv").write_text("\n".join([columns, *rows]) + "\n")
    return root


def write_responses(root):
    t = np.arange(24_000) / 48_000
    for split, rt60 in (("train", 0.3), ("validation", 0.4), ("test", 0.5)):
        for name, seconds in (("room", rt60), ("church", 6.0)):
            decay = np.random.default_rng(1).standard_normal(24_000) * 10 ** (-3 * t / seconds)
            decay[0] = 8
            path = root / "responses" / split / f"{name}.wav"
            write(path, 0.1 * np.concatenate([np.zeros(300), decay]), 48_000, "FLOAT")
    return root
