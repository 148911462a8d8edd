"""The tokens that sentences are restricted to, beside those that the paper's authors restrict to.

The paper restricts Whisper to 838 tokens of EARS's known sentences (E.2), and says no more of them. Its
authors' code allows the transcripts' tokens, as they are written and after a space, and some that no
transcript has: those of the prompt, blanks and signs of punctuation. Here a script of our own is compared,
written for what tells the two rules apart. That theirs makes 838 of EARS's published transcripts, and
ours 773, is checked where COUPLED_EARS names a directory with EARS's `transcripts.json`.
"""

import json

import pytest
from conftest import asset
from whisper.tokenizer import get_tokenizer

from trainables.models.speech.whisper.recogniser import Sentences, tokens_of

SCRIPT = (
    "Hello, my dear friend!",
    "Who's there? Nobody.",
    "The rain - it never stops; I am wet.",
)
BLANKS = (" ", "  ", "\n", "\n\n", "\t")
SIGNS = (*".,!?'\":;-—…()[]",)
PAPER = 838


@pytest.fixture(scope="module")
def tokenizer():
    """Of Whisper base, as the paper's."""
    return get_tokenizer(True, language="en", task="transcribe")


def _tokens(texts, tokenizer):
    return {token for text in texts for token in tokenizer.encode(text)}


def _authors(texts, tokenizer):
    """The authors' subset, told from what their code allows: all of it but what joining transcripts adds."""
    written = _tokens([*texts, *(f" {text}" for text in texts)], tokenizer)
    joined = _tokens([" " + " ".join(texts), "".join(texts)], tokenizer)
    signs = _tokens([*BLANKS, *SIGNS, *(f" {sign}" for sign in SIGNS)], tokenizer)
    prompt = {*tokenizer.sot_sequence_including_notimestamps, tokenizer.eot}
    return written | joined | signs | prompt


def _one(text, tokenizer):
    """The token that a text is."""
    (token,) = tokenizer.encode(text)
    return token


def test_every_text_can_be_written_as_whisper_writes_it(tokenizer):
    tokens = tokens_of(SCRIPT, tokenizer)
    for text in SCRIPT:
        assert set(tokenizer.encode(f" {text}")) <= set(tokens)
    # The words after a space, whatever their place; the signs as they follow a word.
    for text in (" Hello", " my", " The", " rain", ",", "!", "?", ".", ";", " -", "'s"):
        assert _one(text, tokenizer) in tokens, text
    assert tokens == tuple(sorted(set(tokens))) and tokens[-1] < tokenizer.eot


def test_ours_are_the_authors_tokens_but_for_those_that_no_transcript_is_written_with(tokenizer):
    ours, theirs = set(tokens_of(SCRIPT, tokenizer)), _authors(SCRIPT, tokenizer)
    assert ours < theirs
    # Both end a text, ours by the token that `Sentences` adds as its last.
    assert tokenizer.eot in theirs and Sentences(tuple(sorted(ours))).shape[1] == len(ours) + 1
    assert {tokenizer.decode([token]) for token in theirs - ours} == {
        "Hello", "Who", "The",  # beginnings of texts, not after a space
        "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>", "<|endoftext|>",
        " ", "\n", "\t",
        "'", '"', ":", "-", "—", "…", "(", ")", "[", "]",
        " .", " ,", " !", " ?", " '", ' "', " :", " ;", " —", " …", " (", " )", " [", " ]",
    }  # fmt: skip


def test_words_that_are_not_in_the_script_are_not_allowed(tokenizer):
    ours, theirs = set(tokens_of(SCRIPT, tokenizer)), _authors(SCRIPT, tokenizer)
    for text in (" enemy", " hello", " sun"):
        assert _one(text, tokenizer) not in ours | theirs, text


@pytest.mark.assets
def test_the_authors_rule_makes_838_tokens_of_the_transcripts_of_ears(tokenizer):
    path = asset("COUPLED_EARS", "transcripts.json")
    texts = tuple(json.loads(path.read_text(encoding="utf-8")).values())
    ours, theirs = set(tokens_of(texts, tokenizer)), _authors(texts, tokenizer)
    assert ours < theirs
    assert (len(theirs), len(ours)) == (PAPER, 773)
