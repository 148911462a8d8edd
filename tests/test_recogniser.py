"""Whisper restricted, cached and shortened, against Whisper itself; loading and its mistakes."""

import copy
import dataclasses

import pytest
import torch
import whisper
from conftest import asset
from torch.nn import functional
from whisper.model import ModelDimensions, Whisper

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.models.scale import AudioLogitScale, weights_hash
from trainables.models.speech.whisper.config import RecogniserConfig
from trainables.models.speech.whisper.decoding import WordDecoder, advance, audio_keys_and_values
from trainables.models.speech.whisper.encoder import LogMel, fit_length
from trainables.models.speech.whisper.recogniser import (
    Recogniser,
    Sentences,
    Words,
    tokenizer_of,
    tokens_of,
)
from trainables.models.speech.whisper.weights import load_whisper

DIMS = ModelDimensions(80, 1500, 32, 2, 2, 51865, 64, 32, 2, 2)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COMMANDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
TEXT = "one two three four five six seven eight nine ten eleven twelve"


def _small_whisper():
    """A real Whisper of 1.7 million weights, random; its seed is one whose answers vary."""
    network, generator = Whisper(DIMS), generator_of("d")
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() > 1:
                weight.copy_(0.25 * torch.randn(weight.shape, generator=generator))
            elif name.endswith("bias"):
                weight.zero_()
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return _small_whisper()


@pytest.fixture(scope="module")
def waveforms():
    """A second each of noise of different loudness, colour and length (5, L)."""
    noise = torch.randn(5, 16_000, generator=generator_of("waveforms"))
    for n in range(5):
        noise[n] = functional.avg_pool1d(noise[None, n], 2 * n + 1, 1, n)[0] * 0.3 ** (n + 1)
        noise[n, 16_000 - 2_000 * n :] = 0
    return noise


@pytest.fixture(scope="module")
def sentences(network):
    return Sentences(tokens_of([TEXT], tokenizer_of(network)), steps=7)


def _masked(network, features, prompt, allowed, steps):
    """Greedy decoding by the model's own plain forward, -inf on all but the allowed tokens.

    One utterance (1, N, width); a row of the whole vocabulary a step, until end-of-text, the last.
    """
    tokens, rows = list(prompt), []
    mask = torch.full((DIMS.n_vocab,), -torch.inf)
    mask[list(allowed)] = 0
    for _ in range(steps):
        row = network.logits(torch.tensor([tokens]), features)[0, -1] + mask
        rows.append(row)
        tokens.append(int(row.argmax()))
        if tokens[-1] == allowed[-1]:
            break
    return torch.stack(rows)


def test_log_mel_is_whispers_for_each_of_a_batch(waveforms):
    ours = LogMel(80)(waveforms)
    for one, waveform in zip(ours, waveforms, strict=True):
        torch.testing.assert_close(one, whisper.log_mel_spectrogram(waveform), atol=2e-5, rtol=0)


@torch.no_grad()
def test_features_of_thirty_seconds_are_whispers(network, waveforms):
    padded = whisper.pad_or_trim(waveforms[:2])
    theirs = network.embed_audio(torch.stack([whisper.log_mel_spectrogram(w) for w in padded]))
    ours = Recogniser(network, Words(DIGITS), context=30).features(waveforms[:2])
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_features_of_less_have_the_mel_and_the_positions_of_their_length(network, waveforms):
    """A Whisper whose positional embedding ends there says the same."""
    recogniser = Recogniser(network, Words(DIGITS), context=1.5, lead=0.1)
    short = copy.deepcopy(network)
    short.encoder.positional_embedding = network.encoder.positional_embedding[:75].clone()
    heard = functional.pad(waveforms, (1_600, 24_000 - 1_600 - waveforms.shape[1]))
    mel = torch.stack([whisper.log_mel_spectrogram(w) for w in heard])
    assert recogniser.features(waveforms).shape[1:] == (75, DIMS.n_audio_state)
    torch.testing.assert_close(
        recogniser.features(waveforms), short.embed_audio(mel), atol=1e-4, rtol=1e-4
    )


def test_words_are_heard_for_two_seconds_and_sentences_for_thirty(network, sentences):
    assert Recogniser(network, Words(DIGITS)).frames == 100
    assert Recogniser(network, sentences).frames == 1500


def test_what_is_too_long_is_cut_and_what_is_short_filled_up():
    signal = torch.arange(1.0, 1001.0)[None]
    assert torch.equal(fit_length(signal, 2), signal[:, :640])
    filled = fit_length(signal, 4, lead=100)
    assert filled.shape == (1, 1280) and torch.equal(filled[:, 100:1100], signal)
    assert not filled[:, :100].any() and not filled[:, 1100:].any()
    assert not fit_length(signal, 1, lead=400).any()


@torch.no_grad()
@pytest.mark.parametrize("words", [DIGITS, COMMANDS])
def test_words_of_one_spelling_are_the_decoders_own_logits(network, waveforms, words):
    recogniser = Recogniser(network, Words(words, capitals=False), context=1)
    tokenizer = tokenizer_of(network)
    first = [tokenizer.encode(f" {word}") for word in words]
    assert all(len(tokens) == 1 for tokens in first)
    features = recogniser.features(waveforms)
    prompt = torch.tensor([tokenizer.sot_sequence_including_notimestamps]).expand(5, -1)
    theirs = network.logits(prompt, features)[:, -1, [tokens[0] for tokens in first]]
    torch.testing.assert_close(recogniser.raw_logits(waveforms), theirs, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_capitals_add_their_probability(network, waveforms):
    small = Recogniser(network, Words(("yes", "no"), capitals=False), context=1)
    large = Recogniser(network, Words(("Yes", "No"), capitals=False), context=1)
    both = Recogniser(network, Words(("yes", "no")), context=1)
    torch.testing.assert_close(
        both.raw_logits(waveforms),
        torch.logaddexp(small.raw_logits(waveforms), large.raw_logits(waveforms)),
    )


def _probabilities(network, features, prompt, spellings):
    """Of each word by its definition: products over a tree of masked, renormalised plain forwards."""
    every = [tokens for word in spellings for tokens in word]

    def along(tokens):
        product = 1.0
        for n in range(len(tokens)):
            allowed = sorted({other[n] for other in every if other[:n] == tokens[:n]})
            read = torch.tensor([[*prompt, *tokens[:n]]]).expand(len(features), -1)
            chances = network.logits(read, features)[:, -1, allowed].softmax(dim=1)
            product = product * chances[:, allowed.index(tokens[n])]
        return product

    return torch.stack([sum(along(tokens) for tokens in word) for word in spellings], dim=1)


@torch.no_grad()
@pytest.mark.parametrize(
    "words",
    [
        pytest.param([[(5, 6)], [(5, 7)], [(8,)]], id="part at the second token"),
        pytest.param([[(5,)], [(5, 6)], [(5, 6, 7)]], id="each begins the next"),
        pytest.param([[(5, 6), (9,)], [(5, 7, 1), (5, 7, 2)], [(8,)]], id="several spellings"),
        pytest.param([[(5, 6, 1)], [(5, 6, 2)]], id="part at the third only"),
    ],
)
def test_words_of_several_tokens_have_the_probability_of_restricted_decoding(
    network, waveforms, words
):
    end, prompt = 11, (1, 2)
    features = Recogniser(network, Words(DIGITS), context=1).features(waveforms)
    ours = WordDecoder(prompt, words, end)(network.decoder, features).softmax(dim=1)
    ended = [[(*tokens, end) for tokens in word] for word in words]
    theirs = _probabilities(network, features, prompt, ended)
    torch.testing.assert_close(theirs.sum(dim=1), torch.ones(5))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_restricted_decoding_is_unrestricted_decoding_with_a_mask(network, waveforms, sentences):
    recogniser = Recogniser(network, sentences, context=1)
    tokenizer = recogniser.tokenizer
    allowed = [*sentences.tokens, tokenizer.eot]
    prompt = tokenizer.sot_sequence_including_notimestamps
    ours = recogniser.raw_logits(waveforms)
    assert ours.shape == (5, *recogniser.logit_shape) == (5, 7, len(allowed))
    lengths = set()
    for one, waveform in zip(ours, waveforms, strict=True):
        features = recogniser.features(waveform[None])
        rows = _masked(network, features, prompt, allowed, sentences.steps)
        lengths.add(len(rows))
        torch.testing.assert_close(one[: len(rows)], rows[:, allowed], atol=1e-3, rtol=1e-4)
        assert [allowed[n] for n in one[: len(rows)].argmax(dim=1)] == rows.argmax(dim=1).tolist()
        assert torch.equal(one[len(rows) :], one[len(rows) - 1].expand(7 - len(rows), -1))
    assert len(lengths) > 1, "utterances of this test must end at different steps"


@torch.no_grad()
@pytest.mark.parametrize("cuts", [(4,), (1, 1, 1, 1), (2, 2), (3, 1)])
def test_the_cache_changes_nothing(network, waveforms, cuts):
    features = Recogniser(network, Words(DIGITS), context=1).features(waveforms)
    tokens = torch.tensor([[50258, 50259, 50359, 50363]]).expand(5, -1)
    audio, cache = audio_keys_and_values(network.decoder, features), None
    for part in tokens.split(list(cuts), dim=1):
        decoded = advance(network.decoder, part, audio, cache)
        cache = decoded.cache
    theirs = network.logits(tokens, features)[:, -1]
    ours = decoded.last @ network.decoder.token_embedding.weight.T
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["words", "sentences"])
def test_an_utterance_does_not_depend_on_its_neighbours(network, waveforms, sentences, kind):
    recogniser = Recogniser(network, Words(DIGITS) if kind == "words" else sentences, context=1)
    whole = recogniser(waveforms)
    for n in range(5):
        torch.testing.assert_close(
            recogniser(waveforms[n : n + 1])[0], whole[n], atol=1e-4, rtol=1e-4
        )


def test_it_stays_frozen(network, waveforms):
    before = weights_hash(network)
    parent = torch.nn.ModuleList([Recogniser(network, Words(DIGITS), context=1)])
    parent.train()
    assert not any(module.training for module in parent[0].modules())
    x = waveforms.clone().requires_grad_(True)
    y = parent[0](x)
    assert not y.requires_grad and not any(p.requires_grad for p in parent.parameters())
    assert parent[0].weights_hash() == before == weights_hash(network)
    changed = copy.deepcopy(network)
    with torch.no_grad():
        changed.decoder.ln.bias[3] += 1e-6
    assert weights_hash(changed) != before


def test_the_encoder_runs_once_a_signal(network, waveforms):
    heard = []
    recogniser = Recogniser(
        network, Words(DIGITS), context=1, waveform_of=lambda x: heard.append(len(x)) or x[:, 0, 0]
    )
    x = waveforms[:, None, None].clone()
    y = recogniser(x)
    features = recogniser.features(x)
    assert heard == [5] and recogniser.features(x) is features
    torch.testing.assert_close(Recogniser(network, Words(DIGITS), context=1)(waveforms), y)
    x.mul_(torch.linspace(-1, 1, x.shape[3]))
    assert not torch.equal(recogniser.features(x), features) and len(heard) == 2
    copied = copy.deepcopy(recogniser)
    copied.features(x)
    assert len(heard) == 3


def test_the_scale_gives_logits_the_mean_and_deviation_of_the_audio(network, waveforms, sentences):
    recogniser = Recogniser(network, sentences, context=1)
    raw = recogniser.raw_logits(waveforms)
    recogniser.scale.fit_to(raw, mean=0.03, deviation=0.2)
    y = recogniser(waveforms)
    assert float(y.mean()) == pytest.approx(0.03, abs=1e-5)
    assert float(y.std(correction=0)) == pytest.approx(0.2, rel=1e-5)
    assert float(recogniser.scale.largest) == pytest.approx(float(y.abs().max()))
    torch.testing.assert_close(recogniser.scale.restored(y), raw, atol=1e-3, rtol=1e-4)
    assert torch.equal(recogniser.classes_of(y), raw.argmax(dim=2))
    assert torch.equal(y.argmax(dim=2), raw.argmax(dim=2))


def test_silence_alone_cannot_be_scaled_to():
    with pytest.raises(UsageError, match="positive"):
        AudioLogitScale(3).fit_to(torch.randn(4, 3), 0.0, 0.0)
    with pytest.raises(UsageError, match="positive"):
        AudioLogitScale(3).fit_to(torch.ones(4, 3), 0.0, 0.1)


def test_transcripts_end_at_end_of_text(network, sentences):
    recogniser = Recogniser(network, sentences, context=1)
    column = {recogniser.tokenizer.decode([t]).strip(): n for n, t in enumerate(sentences.tokens)}
    end = len(sentences.tokens)
    said = [
        [column["one"], column["two"], end, column["six"], end, end, end],
        [end] * 7,
        [column["nine"]] * 7,
    ]
    y = functional.one_hot(torch.tensor(said), end + 1).float()
    assert recogniser.texts_of(recogniser.classes_of(y)) == ["one two", "", " ".join(["nine"] * 7)]
    words = Recogniser(network, Words(DIGITS), context=1)
    assert words.texts_of(words.classes_of(torch.eye(10)[[7, 0]])) == ["seven", "zero"]


def _saved(path, network=None, **changes):
    network = network or _small_whisper()
    stored = {"dims": dataclasses.asdict(network.dims), "model_state_dict": network.state_dict()}
    torch.save(stored | changes, path)
    return path


def test_a_checkpoint_of_any_size_is_read(tmp_path, network, waveforms):
    path = _saved(tmp_path / "small.pt", network)
    recogniser = Recogniser(load_whisper("any", str(path)), Words(DIGITS), context=1)
    assert recogniser.weights_hash() == weights_hash(network)
    torch.testing.assert_close(
        recogniser(waveforms), Recogniser(network, Words(DIGITS), context=1)(waveforms)
    )


def test_a_wrong_checkpoint_is_named(tmp_path):
    good = _saved(tmp_path / "good.pt")
    cut, text, other = tmp_path / "cut.pt", tmp_path / "text.pt", tmp_path / "other.pt"
    cut.write_bytes(good.read_bytes()[:50_000])
    text.write_text("not weights")
    torch.save({"weights": torch.zeros(3)}, other)
    smaller = dataclasses.asdict(DIMS) | {"n_text_layer": 1}
    dims = _saved(tmp_path / "dims.pt", dims=smaller)
    keys = _saved(tmp_path / "keys.pt", dims={"n_mels": 80})
    for path in (cut, text, other, dims, keys, tmp_path / "absent.pt"):
        with pytest.raises(UsageError, match=path.name) as caught:
            load_whisper("any", path)
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match=r"good\.pt is a Whisper of size unpublished.*'base'"):
        load_whisper("base", good)


def test_mistakes_are_said(network):
    with pytest.raises(UsageError, match="did you mean 'base'"):
        load_whisper("bas")
    with pytest.raises(UsageError, match="needs a checkpoint"):
        load_whisper("any")
    with pytest.raises(UsageError, match="context"):
        Recogniser(network, Words(DIGITS), context=31)
    with pytest.raises(UsageError, match="context"):
        RecogniserConfig(context=0)
    with pytest.raises(UsageError, match="lead"):
        RecogniserConfig(context=2, lead=2.5)
    for words in ((), ("one",), ("one", "One"), ("one", " one"), ("one", "")):
        with pytest.raises(UsageError, match="distinct"):
            Words(words)
    for tokens in ((), (1, 1)):
        with pytest.raises(UsageError, match="each once"):
            Sentences(tokens)
    with pytest.raises(UsageError, match="token 50257 is no text token"):
        Recogniser(network, Sentences((5, 50257)))
    with pytest.raises(UsageError, match="channel"):
        Recogniser(network, Words(DIGITS)).features(torch.zeros(2, 1, 16_000))


@pytest.mark.assets
@pytest.mark.slow
def test_digits_are_recognised_on_a_short_context_as_on_thirty_seconds():
    from bench_recogniser import accuracy, digits

    network = load_whisper("base", asset("COUPLED_ASSETS", "whisper-base.pt"))
    signals, labels = digits(asset("COUPLED_DATA", "fsdd/recordings"), 30)
    short = accuracy(Recogniser(network, Words(DIGITS), context=2.0, lead=0.2), signals, labels)
    whole = accuracy(Recogniser(network, Words(DIGITS), context=30, lead=0.2), signals, labels)
    assert short >= 0.85 and whole >= 0.85 and short >= whole - 0.05
