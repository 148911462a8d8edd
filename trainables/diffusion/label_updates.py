"""Single steps of the reverse label diffusion, in O(K) time and memory: of probabilities and of labels.

The reverse process from t to s is dp = sigma_t M p with M(i, j) = S(i, j) for i != j and columns that sum
to zero. As S(i, j) = q_i / q_j has rank one, the score of a single label gives all of M,

    M = q (1/q)^T - diag(1/q),    q = s / (sum of s),

and M p is q (sum of p/q) - p/q: O(K) time and memory. A step's size is sigma_t (t - s). Since marginals of
the log-linear schedule are linear in t, an explicit step with the true score takes q(c_t) to q(c_s)
exactly, however long it is.
"""

from __future__ import annotations

from torch import Tensor

from trainables.diffusion.labels import LabelDiffusion

# ---- steps over probabilities


def explicit_euler(p: Tensor, q: Tensor, size: float) -> Tensor:
    """(I + size M) p, for probabilities p and q (B, K), q positive.

    It sums to one; for a size above some q_i it may be negative.
    """
    ratio = p / q
    return p + size * (q * ratio.sum(dim=-1, keepdim=True) - ratio)


def backward_euler(p: Tensor, q: Tensor, size: float) -> Tensor:
    """(I - size M)^-1 p, for probabilities p and q (B, K) and a size above 0: never outside the simplex.

    By Sherman and Morrison's formula, where with w = 1 / (q + size) the denominator 1 - size (sum of q w)
    is the sum of q^2 w, in which nothing cancels.
    """
    weight = 1 / (q + size)
    total = (p * weight).sum(dim=-1, keepdim=True) / (q * q * weight).sum(dim=-1, keepdim=True)
    return q * weight * (p + size * q * total)


def posterior_step(p: Tensor, q_t: Tensor, q_s: Tensor, keep: float) -> Tensor:
    """The sum over j of q(c_s = i | c_t = j) p_j, exact for the true marginals q_t and q_s (B, K).

    By Bayes' rule q(c_s = i | c_t = j) = q_s(i) q(c_t = j | c_s = i) / q_t(j), where a label is kept with
    probability `keep` = a_t / a_s and else replaced by a uniform one.
    """
    ratio = p / q_t
    spread = (1 - keep) / p.shape[-1]
    return q_s * (keep * ratio + spread * ratio.sum(dim=-1, keepdim=True))


# ---- steps over labels


def euler_weights(log_score: Tensor, labels: Tensor, size: float) -> Tensor:
    """Probabilities (..., K) of the next label, column c of I + size M: size s_i for i != c, and the rest,
    0 at least, to stay. They are weights: where s is large they sum to more than one.

    Args:
        log_score: the scores (..., K) of the labels.
        labels: c, (...).
        size: sigma_t (t - s).
    """
    index = labels[..., None]
    weights = log_score.exp().mul_(size).scatter_(-1, index, 0.0)
    return weights.scatter_(-1, index, (1 - weights.sum(dim=-1, keepdim=True)).clamp_(min=0))


def analytic_weights(
    clean: Tensor, labels: Tensor, process: LabelDiffusion, t: float, s: float
) -> Tensor:
    """Weights (..., K) of the next label, q_s(i) q(c_t = c | c_s = i), given the clean estimates (..., K) of
    the scores of labels c (...): the analytic tau-leaping of Lou et al. 2024.
    """
    keep = kept(process, t, s)
    index, q_s = labels[..., None], process.marginal(clean, s)
    spread = (1 - keep) / process.classes
    at_label = q_s.gather(-1, index) * (keep + spread)
    return q_s.mul_(spread).scatter_(-1, index, at_label)


def kept(process: LabelDiffusion, t: float, s: float) -> float:
    """a_t / a_s, the probability that a label at time s is still kept at time t."""
    return float(process.share(t)) / float(process.share(s))
