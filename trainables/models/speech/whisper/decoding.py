"""Whisper's decoder with a key/value cache, and decoding restricted to words or to a token subset.

A pass keeps the hidden vector of the last position only, and multiplies it with the rows of the output
matrix that belong to the subset, so that logits of all 50,000 tokens are never computed (paper, E.3:
only the logits of a predefined subset of tokens are retained, and all transcripts are predicted from it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from whisper.model import MultiHeadAttention, TextDecoder

KeysAndValues = tuple[Tensor, Tensor]  # (B, heads, positions, width / heads) each
Tokens = tuple[int, ...]


@dataclass(frozen=True)
class DecoderState:
    """The state after a pass over tokens: the last hidden vector (B, width), keys and values per layer."""

    last: Tensor
    cache: list[KeysAndValues]


def audio_keys_and_values(decoder: TextDecoder, features: Tensor) -> list[KeysAndValues]:
    """Keys and values of every layer's cross-attention to features (B, N, width), computed once."""
    return [
        (_heads(block.cross_attn, block.cross_attn.key(features)),
         _heads(block.cross_attn, block.cross_attn.value(features)))
        for block in decoder.blocks
    ]  # fmt: skip


def advance(
    decoder: TextDecoder,
    tokens: Tensor,
    audio: list[KeysAndValues],
    cache: list[KeysAndValues] | None = None,
) -> DecoderState:
    """Decode tokens (B, n) that follow those of `cache`.

    Args:
        decoder: Whisper's decoder.
        tokens: (B, n).
        audio: what `audio_keys_and_values` returns.
        cache: keys and values of the tokens before these, which is not changed; None at the start.
    """
    position = 0 if cache is None else cache[0][0].shape[2]
    n = tokens.shape[1]
    x = decoder.token_embedding(tokens) + decoder.positional_embedding[position : position + n]
    x = x.to(audio[0][0].dtype)
    mask = None
    if n > 1:
        mask = torch.ones(n, position + n, dtype=torch.bool, device=x.device).tril(position)
    extended = []
    for layer, block in enumerate(decoder.blocks):
        h = block.attn_ln(x)
        keys, values = (
            _heads(block.attn, block.attn.key(h)),
            _heads(block.attn, block.attn.value(h)),
        )
        if cache is not None:
            keys = torch.cat([cache[layer][0], keys], dim=2)
            values = torch.cat([cache[layer][1], values], dim=2)
        extended.append((keys, values))
        x = x + _attended(block.attn, h, (keys, values), mask)
        x = x + _attended(block.cross_attn, block.cross_attn_ln(x), audio[layer])
        x = x + block.mlp(block.mlp_ln(x))
    return DecoderState(decoder.ln(x[:, -1]), extended)


def logits_of(decoder: TextDecoder, last: Tensor, tokens: Tensor) -> Tensor:
    """Logits (B, K) of the tokens (K,) for hidden vectors (B, width): K rows of the output matrix."""
    output: Tensor = (last @ decoder.token_embedding.weight[tokens].to(last.dtype).T).float()
    return output


def _heads(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """Split vectors (B, n, width) among the heads, (B, heads, n, width / heads)."""
    output: Tensor = x.unflatten(2, (attention.n_head, -1)).transpose(1, 2)
    return output


def _attended(
    attention: MultiHeadAttention,
    x: Tensor,
    keys_and_values: KeysAndValues,
    mask: Tensor | None = None,
) -> Tensor:
    """The output (B, n, width) of an attention layer for inputs x (B, n, width)."""
    queries = _heads(attention, attention.query(x))
    mixed = functional.scaled_dot_product_attention(queries, *keys_and_values, attn_mask=mask)
    output: Tensor = attention.out(mixed.transpose(1, 2).flatten(2))
    return output


class WordDecoder(nn.Module):
    """Scores a closed set of words, each with one or more spellings, (B, K).

    The spellings' token sequences, each ended by end-of-text, form a tree. A word's score is

        log sum over its spellings of exp( logit of the first token + sum over later tokens of
                                           log p(token | those before, and one of the tree's) ),

    an unnormalised log-probability of restricted decoding: softmax of the scores is the probability
    of each word when at every step only tokens that lead to a word may follow. Where no two words
    begin with the same token, as the ten digits and the ten commands do, nothing after the first
    token can change the word: one step decides, and with one spelling a word the scores are the
    decoder's own logits at that step.
    """

    prompt: Tensor
    first: Tensor

    def __init__(self, prompt: Tokens, spellings: Sequence[Sequence[Tokens]], end: int) -> None:
        """Make a decoder of words.

        Args:
            prompt: the tokens that every transcript begins with.
            spellings: the token sequences of each word, all of them distinct.
            end: the token end-of-text.
        """
        super().__init__()
        self.spellings = [[(*tokens, end) for tokens in word] for word in spellings]
        self._next_tokens = _tree(self.spellings)
        root = self._next_tokens[()]
        self.register_buffer("prompt", torch.tensor([prompt]), persistent=False)
        self.register_buffer("first", torch.tensor(root), persistent=False)
        self.shape = (len(spellings),)

    def forward(self, decoder: TextDecoder, features: Tensor) -> Tensor:
        """Features (B, N, width) to scores (B, K)."""
        batch, audio = len(features), audio_keys_and_values(decoder, features)
        start = advance(decoder, self.prompt.expand(batch, -1), audio)
        steps: dict[Tokens, Tensor] = {(): logits_of(decoder, start.last, self.first)}
        for prefix, tokens in self._next_tokens.items():
            if prefix and self._is_decisive(prefix):
                rows = self.first.new_tensor([prefix]).expand(batch, -1)
                state = advance(decoder, rows, audio, start.cache)
                choices = self.first.new_tensor(tokens)
                steps[prefix] = logits_of(decoder, state.last, choices).log_softmax(dim=1)
        return torch.stack([self._score(word, steps) for word in self.spellings], dim=1)

    def _is_decisive(self, prefix: Tokens) -> bool:
        """Whether several tokens may follow a prefix and they lead to different words."""
        n = len(prefix)
        words = sum(any(tokens[:n] == prefix for tokens in word) for word in self.spellings)
        return words > 1 and len(self._next_tokens[prefix]) > 1

    def _score(self, word: list[Tokens], steps: dict[Tokens, Tensor]) -> Tensor:
        """The score (B,) of a word, given its spellings and the logits of all steps by their prefixes."""
        paths: dict[Tokens, Tensor] = {}
        for tokens in word:
            lengths = [n for n in range(len(tokens)) if tokens[:n] in steps]
            path = tokens[: lengths[-1] + 1]  # spellings that differ only later are the same word's
            terms = [
                steps[tokens[:n]][:, self._next_tokens[tokens[:n]].index(tokens[n])]
                for n in lengths
            ]
            paths[path] = torch.stack(terms).sum(dim=0)
        return torch.stack(list(paths.values())).logsumexp(dim=0)


def _tree(spellings: Sequence[Sequence[Tokens]]) -> dict[Tokens, list[int]]:
    """The tokens that may follow each prefix of the spellings, sorted."""
    next_tokens: dict[Tokens, set[int]] = {}
    for tokens in (tokens for word in spellings for tokens in word):
        for n, token in enumerate(tokens):
            next_tokens.setdefault(tokens[:n], set()).add(token)
    return {prefix: sorted(tokens) for prefix, tokens in next_tokens.items()}


class SentenceDecoder(nn.Module):
    """Greedy decoding restricted to a subset of tokens; its logits are (B, S, K), a row for each step.

    The last of the K tokens is end-of-text. After the end of an utterance its last row is repeated, so
    that every later step is end-of-text too, however long the other utterances of the batch are.
    """

    prompt: Tensor
    tokens: Tensor

    def __init__(self, prompt: Tokens, tokens: Sequence[int], end: int, steps: int) -> None:
        super().__init__()
        self.register_buffer("prompt", torch.tensor([prompt]), persistent=False)
        self.register_buffer("tokens", torch.tensor([*tokens, end]), persistent=False)
        self.steps, self.shape = steps, (steps, len(tokens) + 1)

    def forward(self, decoder: TextDecoder, features: Tensor) -> Tensor:
        """Features (B, N, width) to logits (B, S, K); decoding stops when all utterances have ended."""
        audio = audio_keys_and_values(decoder, features)
        rows = decoder.token_embedding.weight[self.tokens].to(features.dtype).T
        state = advance(decoder, self.prompt.expand(len(features), -1), audio)
        logits = (state.last @ rows).float()
        steps = [logits]
        while len(steps) < self.steps:
            best = logits.argmax(dim=1)
            ended = best == len(self.tokens) - 1
            if bool(ended.all()):
                break
            state = advance(decoder, self.tokens[best][:, None], audio, state.cache)
            logits = torch.where(ended[:, None], logits, (state.last @ rows).float())
            steps.append(logits)
        steps += [logits] * (self.steps - len(steps))
        return torch.stack(steps, dim=1)
