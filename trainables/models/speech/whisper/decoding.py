"""Whisper's decoder with a key/value cache, and decoding restricted to words or to a token subset.

Of a pass only the last position's hidden vector is kept and multiplied with the rows of the output
matrix that are asked for, so that the vocabulary of 50,000 is never computed (paper, E.3: only the
logits of a predefined subset of tokens are retained, and all transcripts are predicted from it).
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
    """What a pass over tokens leaves: the last hidden vector (B, width) and the cache, a pair a layer."""

    last: Tensor
    cache: list[KeysAndValues]


def hear(decoder: TextDecoder, features: Tensor) -> list[KeysAndValues]:
    """Keys and values of every layer's cross-attention to features (B, N, width), once a signal."""
    return [
        (_heads(block.cross_attn, block.cross_attn.key(features)),
         _heads(block.cross_attn, block.cross_attn.value(features)))
        for block in decoder.blocks
    ]  # fmt: skip


def advance(
    decoder: TextDecoder,
    tokens: Tensor,
    heard: list[KeysAndValues],
    cache: list[KeysAndValues] | None = None,
) -> DecoderState:
    """Decode tokens (B, n) that follow those of `cache`, which stays as it was."""
    before = 0 if cache is None else cache[0][0].shape[2]
    n = tokens.shape[1]
    x = decoder.token_embedding(tokens) + decoder.positional_embedding[before : before + n]
    x = x.to(heard[0][0].dtype)
    mask = None
    if n > 1:
        mask = torch.ones(n, before + n, dtype=torch.bool, device=x.device).tril(before)
    grown = []
    for layer, block in enumerate(decoder.blocks):
        h = block.attn_ln(x)
        keys, values = (
            _heads(block.attn, block.attn.key(h)),
            _heads(block.attn, block.attn.value(h)),
        )
        if cache is not None:
            keys = torch.cat([cache[layer][0], keys], dim=2)
            values = torch.cat([cache[layer][1], values], dim=2)
        grown.append((keys, values))
        x = x + _attended(block.attn, h, (keys, values), mask)
        x = x + _attended(block.cross_attn, block.cross_attn_ln(x), heard[layer])
        x = x + block.mlp(block.mlp_ln(x))
    return DecoderState(decoder.ln(x[:, -1]), grown)


def logits_of(decoder: TextDecoder, last: Tensor, tokens: Tensor) -> Tensor:
    """Logits (B, K) of the tokens (K,) for hidden vectors (B, width): K rows of the output matrix."""
    output: Tensor = (last @ decoder.token_embedding.weight[tokens].to(last.dtype).T).float()
    return output


def _heads(attention: MultiHeadAttention, x: Tensor) -> Tensor:
    """(B, n, width) to (B, heads, n, width / heads)."""
    output: Tensor = x.unflatten(2, (attention.n_head, -1)).transpose(1, 2)
    return output


def _attended(
    attention: MultiHeadAttention, x: Tensor, seen: KeysAndValues, mask: Tensor | None = None
) -> Tensor:
    queries = _heads(attention, attention.query(x))
    mixed = functional.scaled_dot_product_attention(queries, *seen, attn_mask=mask)
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
        """`spellings` are the token sequences of each word, all of them distinct."""
        super().__init__()
        self.spellings = [[(*tokens, end) for tokens in word] for word in spellings]
        self.following = _tree(self.spellings)
        root = self.following[()]
        self.register_buffer("prompt", torch.tensor([prompt]), persistent=False)
        self.register_buffer("first", torch.tensor(root), persistent=False)
        self.shape = (len(spellings),)

    def forward(self, decoder: TextDecoder, features: Tensor) -> Tensor:
        """Features (B, N, width) to scores (B, K)."""
        batch, heard = len(features), hear(decoder, features)
        start = advance(decoder, self.prompt.expand(batch, -1), heard)
        steps: dict[Tokens, Tensor] = {(): logits_of(decoder, start.last, self.first)}
        for prefix, tokens in self.following.items():
            if prefix and self._matters(prefix):
                read = self.first.new_tensor([prefix]).expand(batch, -1)
                after = advance(decoder, read, heard, start.cache)
                choices = self.first.new_tensor(tokens)
                steps[prefix] = logits_of(decoder, after.last, choices).log_softmax(dim=1)
        return torch.stack([self._score(word, steps) for word in self.spellings], dim=1)

    def _matters(self, prefix: Tokens) -> bool:
        """Whether several tokens may follow and not all lead to one word."""
        n = len(prefix)
        words = sum(any(tokens[:n] == prefix for tokens in word) for word in self.spellings)
        return words > 1 and len(self.following[prefix]) > 1

    def _score(self, word: list[Tokens], steps: dict[Tokens, Tensor]) -> Tensor:
        paths: dict[Tokens, Tensor] = {}
        for tokens in word:
            known = [n for n in range(len(tokens)) if tokens[:n] in steps]
            decided = tokens[: known[-1] + 1]  # spellings that part later are the same word's
            terms = [
                steps[tokens[:n]][:, self.following[tokens[:n]].index(tokens[n])] for n in known
            ]
            paths[decided] = torch.stack(terms).sum(dim=0)
        return torch.stack(list(paths.values())).logsumexp(dim=0)


def _tree(spellings: Sequence[Sequence[Tokens]]) -> dict[Tokens, list[int]]:
    """The tokens that may follow each prefix, sorted."""
    follow: dict[Tokens, set[int]] = {}
    for tokens in (tokens for word in spellings for tokens in word):
        for n, token in enumerate(tokens):
            follow.setdefault(tokens[:n], set()).add(token)
    return {prefix: sorted(tokens) for prefix, tokens in follow.items()}


class SentenceDecoder(nn.Module):
    """Greedy decoding restricted to a token subset, a row of logits a step, (B, S, K).

    The last of the K tokens is end-of-text. After its end an utterance's last row is repeated, so
    that every later step says end-of-text too, whatever its neighbours in the batch still say.
    """

    prompt: Tensor
    tokens: Tensor

    def __init__(self, prompt: Tokens, tokens: Sequence[int], end: int, steps: int) -> None:
        super().__init__()
        self.register_buffer("prompt", torch.tensor([prompt]), persistent=False)
        self.register_buffer("tokens", torch.tensor([*tokens, end]), persistent=False)
        self.steps, self.shape = steps, (steps, len(tokens) + 1)

    def forward(self, decoder: TextDecoder, features: Tensor) -> Tensor:
        """Features (B, N, width) to logits (B, S, K); stops when all utterances have ended."""
        heard = hear(decoder, features)
        rows = decoder.token_embedding.weight[self.tokens].to(features.dtype).T
        now = advance(decoder, self.prompt.expand(len(features), -1), heard)
        logits = (now.last @ rows).float()
        steps = [logits]
        while len(steps) < self.steps:
            chosen = logits.argmax(dim=1)
            ended = chosen == len(self.tokens) - 1
            if bool(ended.all()):
                break
            now = advance(decoder, self.tokens[chosen][:, None], heard, now.cache)
            logits = torch.where(ended[:, None], logits, (now.last @ rows).float())
            steps.append(logits)
        steps += [logits] * (self.steps - len(steps))
        return torch.stack(steps, dim=1)
