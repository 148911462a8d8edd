"""Whisper as the frozen classifier of speech: restricted decoding, standardised logits (E.3 to E.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from whisper.audio import SAMPLE_RATE
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

from trainables.core.errors import UsageError, check_range
from trainables.models.scale import AudioLogitScale, weights_hash
from trainables.models.speech.whisper.config import LONGEST
from trainables.models.speech.whisper.decoding import SentenceDecoder, WordDecoder
from trainables.models.speech.whisper.encoder import LogMel, encode, fit_length, frames_of
from trainables.models.tensor_cache import TensorCache

_CACHED_SIGNALS = 3  # a corrupted signal, its enhanced one, and the one before
_WORD_CONTEXT = 2.0  # seconds


@dataclass(frozen=True)
class Words:
    """A closed set of K words; every utterance is one of them, and its logits are (B, K).

    Whisper may write a word with a capital letter or without. Unless `capitals` is False, both spellings
    count as the word, and their probabilities are added.
    """

    words: tuple[str, ...]
    capitals: bool = True

    def __post_init__(self) -> None:
        distinct = {word.strip().lower() for word in self.words}
        if len(self.words) < 2 or len(distinct) < len(self.words) or "" in distinct:
            raise UsageError(
                f"the words to recognise are {', '.join(map(repr, self.words)) or 'none'}, but must "
                "be two or more, distinct and not empty: give others"
            )


@dataclass(frozen=True)
class Sentences:
    """Sentences of a token subset: logits (B, S, K) of S = `steps` greedy decoding steps.

    `tokens` are Whisper's text tokens as `tokens_of` gives them; end-of-text is added to them as the
    last of the K = len(tokens) + 1.
    """

    tokens: tuple[int, ...]
    steps: int = 32

    def __post_init__(self) -> None:
        if not self.tokens or len(set(self.tokens)) < len(self.tokens):
            raise UsageError("the tokens of sentences must be one or more, each once: give others")
        check_range("decoding steps", self.steps, 1, 220)

    @property
    def shape(self) -> tuple[int, int]:
        """The shape (S, K) of one utterance's logits."""
        return self.steps, len(self.tokens) + 1


class Recogniser(nn.Module):
    """A frozen Whisper in eval mode, without gradients, with standardised logits of its vocabulary.

    Args:
        whisper: the network, which may be shared; its weights are never changed.
        vocabulary: the words or tokens that transcripts are restricted to.
        context: seconds of its input, to which signals are cut; as in `RecogniserConfig`.
        lead: seconds of silence before the signal, a part of the context.
        waveform_of: turns signals in the state of the diffusion process, (B, *signal shape), into
            waveforms (B, L) at 16 kHz; None where signals are waveforms themselves.
        duration: seconds that signals last: the evidence for logit denoisers has no features of
            the silence after that. None: the evidence has all features.

    Raises:
        UsageError: the context is longer than Whisper takes, or a token is not one of its text tokens.
    """

    def __init__(
        self,
        whisper: Whisper,
        vocabulary: Words | Sentences,
        context: float | None = None,
        lead: float = 0.0,
        waveform_of: Callable[[Tensor], Tensor] | None = None,
        duration: float | None = None,
    ) -> None:
        super().__init__()
        self.whisper, self.vocabulary, self.waveform_of = whisper, vocabulary, waveform_of
        if context is None:
            context = _WORD_CONTEXT if isinstance(vocabulary, Words) else LONGEST
        self.frames, self.lead = frames_of(context, whisper.encoder), round(lead * SAMPLE_RATE)
        span = context if duration is None else min(context, lead + duration)
        self._evidence_frames = frames_of(span, whisper.encoder)
        self.log_mel = LogMel(whisper.dims.n_mels)
        self.tokenizer = tokenizer_of(whisper)
        self.decode = _decoder(self.tokenizer, vocabulary)
        self.scale = AudioLogitScale(self.logit_shape[-1])
        self._cache: TensorCache[Tensor] = TensorCache(_CACHED_SIGNALS)
        self.requires_grad_(False)
        self.train(False)

    @property
    def logit_shape(self) -> tuple[int, ...]:
        """The shape of one utterance's logits: (K,) for words, (S, K) for sentences."""
        return self.decode.shape

    def train(self, mode: bool = True) -> Recogniser:
        """Stay in eval mode whatever `mode` is: `train()` of a parent module must not change it."""
        return super().train(False)

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """Encoder features (B, N, width) of signals, which must not be changed in place.

        The features of the latest few tensors are cached, so that classifying a signal and
        conditioning on it run the encoder once.
        """
        features = self._cache.get(x)
        if features is None:
            features = self._heard(x)
            self._cache.keep(x, features)
        return features

    def _heard(self, x: Tensor) -> Tensor:
        """The encoder's features of signals."""
        waveforms = x if self.waveform_of is None else self.waveform_of(x)
        if waveforms.dim() != 2:
            raise UsageError(
                f"the recogniser was given waveforms of shape {tuple(waveforms.shape)}, but hears "
                "(B, L), one channel at 16 kHz"
            )
        mel = self.log_mel(fit_length(waveforms.float(), self.frames, self.lead))
        return encode(self.whisper.encoder, mel)

    def evidence(self, x: Tensor) -> Tensor:
        """The encoder features (B, N, width), of the frames up to the signals' duration."""
        return self.features(x)[:, : self._evidence_frames]

    @torch.no_grad()
    def raw_logits(self, x: Tensor) -> Tensor:
        """Signals (B, ...) to raw logits (B, *logit_shape)."""
        output: Tensor = self.decode(self.whisper.decoder, self.features(x))
        return output

    def guiding_logits(self, x: Tensor) -> Tensor:
        """Raw logits (B, K) of signals (B, ...), by operations that can be differentiated with respect to
        them; only those of words can be, as sentences are decoded greedily.
        """
        output: Tensor = self.decode(self.whisper.decoder, self._heard(x))
        return output

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Signals (B, ...) to standardised logits (B, *logit_shape)."""
        return self.scale.standardised(self.raw_logits(x))

    def classes_of(self, y: Tensor) -> Tensor:
        """Numbers of words (B,), or of tokens (B, S), that standardised logits stand for."""
        return self.scale.restored(y).argmax(dim=-1)

    def texts_of(self, numbers: Tensor) -> list[str]:
        """Words, or transcripts, of the numbers that `classes_of` returns."""
        rows = numbers.tolist()
        if isinstance(self.vocabulary, Words):
            return [self.vocabulary.words[number] for number in rows]
        tokens, texts = self.vocabulary.tokens, []
        for row in rows:
            end = row.index(len(tokens)) if len(tokens) in row else len(row)
            texts.append(self.tokenizer.decode([tokens[n] for n in row[:end]]).strip())
        return texts

    def weights_hash(self) -> str:
        """A hash that identifies Whisper's weights, whichever file they are from."""
        return weights_hash(self.whisper)


def tokenizer_of(whisper: Whisper) -> Tokenizer:
    """Whisper's tokenizer for transcribing English."""
    return get_tokenizer(
        whisper.is_multilingual,
        num_languages=whisper.num_languages,
        language="en",
        task="transcribe",
    )


def tokens_of(texts: Iterable[str], tokenizer: Tokenizer) -> tuple[int, ...]:
    """The text tokens, sorted, that Whisper writes these transcripts with: a subset for `Sentences`.

    The paper restricts Whisper to 838 tokens of EARS (E.2). Its authors' code allows more than this: the
    prompt's tokens, blanks, signs of punctuation that no transcript has, and first words without a space
    before them. Of EARS's published transcripts theirs makes 838 tokens and this rule 773, besides the end
    of text (`tests/test_sentence_tokens.py`).
    """
    return tuple(sorted({token for text in texts for token in _text_tokens(text, tokenizer)}))


def _text_tokens(text: str, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Tokens of a transcript, which Whisper begins with a space."""
    return tuple(tokenizer.encode(" " + text.strip()))


def _decoder(tokenizer: Tokenizer, vocabulary: Words | Sentences) -> WordDecoder | SentenceDecoder:
    """The restricted decoder of a vocabulary.

    Raises:
        UsageError: a token is not one of Whisper's text tokens.
    """
    prompt = tuple(tokenizer.sot_sequence_including_notimestamps)
    if isinstance(vocabulary, Words):
        return WordDecoder(prompt, _spellings(tokenizer, vocabulary), tokenizer.eot)
    invalid = [token for token in vocabulary.tokens if not 0 <= token < tokenizer.eot]
    if invalid:
        raise UsageError(
            f"token {invalid[0]} is no text token of Whisper, which are 0 to {tokenizer.eot - 1}: "
            "give tokens of transcripts (end-of-text is added to them)"
        )
    return SentenceDecoder(prompt, vocabulary.tokens, tokenizer.eot, vocabulary.steps)


def _spellings(tokenizer: Tokenizer, vocabulary: Words) -> list[list[tuple[int, ...]]]:
    """Token sequences of each word, without and with a capital letter."""
    spellings = []
    for word in vocabulary.words:
        variants = [word, word[0].swapcase() + word[1:]] if vocabulary.capitals else [word]
        spellings.append(list(dict.fromkeys(_text_tokens(text, tokenizer) for text in variants)))
    return spellings
