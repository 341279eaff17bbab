"""The combined loss by the names of the experiment file: α · T² · soft + (1 − α) · hard, and hidden, attention and relations by weight.

z_s, z_t: student's and teacher's logits [R, V]; S = softmax(z_s / T), Q = softmax(z_t / T). Every function gives a value a row, [R]; masks and
means are the caller's. Definitions and sources are those of ``src/distill/losses/``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

from distillery_torch.transformer import split_heads, vector_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from distillery_torch.experiment import Attention, Hidden, ProblemType, Relations
    from distillery_torch.transformer import Vocabulary

_SMALLEST_NORM = 1e-8
_CHUNK_BYTES = 32 * 2**20
"""Logits that exist at once."""


def _soften(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Log softmax(z / T) (Hinton et al., 2015, equation 1)."""
    return torch.log_softmax(logits.float() / temperature, -1)


def _at_least_zero(x: torch.Tensor) -> torch.Tensor:
    """A divergence is none below 0, whatever rounding leaves of it; its gradient stays."""
    return x + (x.clamp(min=0) - x).detach()


def forward_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """KL(Q ‖ S) = Σ Q (log Q − log S)."""
    s, q = _soften(student, temperature), _soften(teacher, temperature)
    return _at_least_zero((q.exp() * (q - s)).sum(-1))


def reverse_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """KL(S ‖ Q)."""
    s, q = _soften(student, temperature), _soften(teacher, temperature)
    return _at_least_zero((s.exp() * (s - q)).sum(-1))


def skew_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """KL(Q ‖ M) with M = βQ + (1 − β)S (Ko et al., 2024, DistiLLM)."""
    if beta == 0:
        return forward_kl(student, teacher, temperature, beta)
    s, q = _soften(student, temperature), _soften(teacher, temperature)
    mixture = torch.logaddexp(q + math.log(beta), s + math.log1p(-beta)) if beta < 1 else q
    return _at_least_zero((q.exp() * (q - mixture)).sum(-1))


def skew_reverse_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """KL(S ‖ M) with M = βS + (1 − β)Q (Ko et al., 2024, DistiLLM)."""
    if beta == 0:
        return reverse_kl(student, teacher, temperature, beta)
    s, q = _soften(student, temperature), _soften(teacher, temperature)
    mixture = torch.logaddexp(s + math.log(beta), q + math.log1p(-beta)) if beta < 1 else s
    return _at_least_zero((s.exp() * (s - mixture)).sum(-1))


def jensen_shannon(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """β KL(Q ‖ M) + (1 − β) KL(S ‖ M) (Agarwal et al., 2024); β = 0 and 1 select forward and reverse KL, as TRL does."""
    if beta in (0, 1):
        return (forward_kl if beta == 0 else reverse_kl)(student, teacher, temperature, beta)
    s, q = _soften(student, temperature), _soften(teacher, temperature)
    mixture = torch.logaddexp(q + math.log(beta), s + math.log1p(-beta))
    of_teacher, of_student = q.exp() * (q - mixture), s.exp() * (s - mixture)
    return _at_least_zero((beta * of_teacher + (1 - beta) * of_student).sum(-1))


def jeffreys(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """β KL(Q ‖ S) + (1 − β) KL(S ‖ Q) (Jeffreys, 1946; Wu et al., 2025)."""
    forward, reverse = (kl(student, teacher, temperature, beta) for kl in (forward_kl, reverse_kl))
    return beta * forward + (1 - beta) * reverse


def total_variation(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """½ Σ |S − Q|."""
    return 0.5 * (_soften(student, temperature).exp() - _soften(teacher, temperature).exp()).abs().sum(-1)


def mean_square(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """Mean over V of (z_s − z_t)²; T does not enter."""
    return (student.float() - teacher.float()).square().mean(-1)


def cosine(student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float) -> torch.Tensor:
    """1 − cos(z_s, z_t); T does not enter."""
    return 1 - F.cosine_similarity(student.float(), teacher.float(), -1, _SMALLEST_NORM)


DIVERGENCES: dict[str, Callable[[torch.Tensor, torch.Tensor, float, float], torch.Tensor]] = {
    "forward-kl": forward_kl,
    "reverse-kl": reverse_kl,
    "skew-kl": skew_kl,
    "skew-reverse-kl": skew_reverse_kl,
    "jsd": jensen_shannon,
    "jeffreys": jeffreys,
    "tvd": total_variation,
    "mse-logits": mean_square,
    "cosine-logits": cosine,
}


def is_softened(divergence: str) -> bool:
    """Whether T enters it, and T² belongs before it."""
    return divergence not in ("mse-logits", "cosine-logits")


def soft_loss(
    divergence: str, problem: ProblemType, student: torch.Tensor, teacher: torch.Tensor, temperature: float, beta: float
) -> torch.Tensor:
    """Divergence of each row, [R]; of labels that apply or not, the mean over the labels of each one's by itself."""
    compare = DIVERGENCES[divergence]
    if problem != "multi-label" or not is_softened(divergence):
        return compare(student, teacher, temperature, beta)
    pairs = [torch.stack([z, torch.zeros_like(z)], -1).flatten(0, 1) for z in (student, teacher)]  # [R · C, 2]
    return compare(pairs[0], pairs[1], temperature, beta).view(student.shape).mean(-1)


def hard_loss(problem: ProblemType, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Hard predictions (T = 1) against hard labels, [R]. labels: int64 [R], or float32 [R, C]."""
    logits = logits.float()
    if problem == "single-label":
        return F.cross_entropy(logits, labels, reduction="none")
    if problem == "multi-label":
        return F.binary_cross_entropy_with_logits(logits, labels, reduction="none").mean(-1)
    return (logits - labels).square().mean(-1)


def hidden_loss(kind: str, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Loss of each token, [B, L]. mse: mean over D (FitNets, Romero et al., 2015); cosine: 1 − cos (DistilBERT, Sanh et al., 2019)."""
    student, teacher = student.float(), teacher.float()
    if kind == "mse":
        return (student - teacher).square().mean(-1)
    norms = [x.square().sum(-1).clamp(min=_SMALLEST_NORM**2).sqrt() for x in (student, teacher)]
    return 1 - (student * teacher).sum(-1) / (norms[0] * norms[1])


def sum_of_hidden(
    hidden: Hidden,
    student: list[torch.Tensor],
    teacher: Mapping[int, torch.Tensor],
    project: Callable[[int, torch.Tensor], torch.Tensor],
    mask: torch.Tensor,
) -> torch.Tensor:
    """Sum over pairs and real tokens. Pairs count blocks from 0, whose outputs are the states after the embeddings'."""
    losses = [
        (hidden_loss(hidden.loss, project(pair, student[own + 1]), teacher[block + 1]) * mask).sum()
        for pair, (block, own) in enumerate(hidden.layers)
    ]
    return torch.stack(losses).sum()


_UNSEEN = 2.0**30


def attention_loss(kind: str, student: torch.Tensor, teacher: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Sum over what is seen, a mean over heads; see ``src/distill/losses/attention-loss.ts``. Scores [B, H, L, L], seen [B, 1, L, L]."""
    heads = student.shape[1]
    visible = seen.float()
    if kind == "mse":
        return ((student - teacher) * visible).square().sum() / heads
    bias = (visible - 1) * _UNSEEN
    shares = torch.softmax(teacher + bias, -1) * visible
    return -(shares * torch.log_softmax(student + bias, -1)).sum() / heads


def attention_of_pairs(
    attention: Attention,
    student: Mapping[int, torch.Tensor],
    teacher: Mapping[int, torch.Tensor],
    seen: list[torch.Tensor],
    counts: tuple[int, ...],
) -> torch.Tensor:
    """Sum over pairs of blocks, each already divided by what is counted in the whole step: query–key pairs (mse) or queries (ce)."""
    losses = [
        attention_loss(attention.loss, student[own], teacher[block], visible) * (1 / count if count else 0.0)
        for (block, own), visible, count in zip(attention.layers, seen, counts, strict=True)
    ]
    return torch.stack(losses).sum()


def relation_loss(heads: int, student: torch.Tensor, teacher: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Sum over real tokens, a mean over relation heads; see ``src/distill/losses/relation-loss.ts``. Vectors [B, L, W], seen [B, 1, L, L]."""
    visible = seen.float()

    def log_relations(vectors: torch.Tensor) -> torch.Tensor:
        split = split_heads(vectors, heads)  # [B, A, L, W / A]
        scaled = split * split.shape[-1] ** -0.25
        products = (scaled @ scaled.transpose(-1, -2)).float()
        return torch.log_softmax(products + (visible - 1) * _UNSEEN, -1)

    ours, theirs = log_relations(student), log_relations(teacher)
    return (theirs.exp() * visible * (theirs - ours)).sum() / heads


def relations_of_pairs(
    relations: Relations,
    student: Mapping[str, torch.Tensor],
    teacher: Mapping[str, torch.Tensor],
    seen: list[torch.Tensor],
) -> torch.Tensor:
    """Sum over pairs of blocks, kinds of vectors and real tokens. Vectors are named by ``vector_name``."""
    losses = [
        relation_loss(relations.heads, student[vector_name(kind, own)], teacher[vector_name(kind, block)], visible)
        for (block, own), visible in zip(relations.layers, seen, strict=True)
        for kind in relations.of
    ]
    return torch.stack(losses).sum()


def over_vocabulary(
    rows: torch.Tensor,
    vocabulary: Vocabulary,
    per_row: Callable[[torch.Tensor, slice], tuple[torch.Tensor, ...]],
) -> list[torch.Tensor]:
    """Apply ``per_row`` to the logits of some rows at a time, so that [R, V] never exists whole; in the backward pass they are made again.

    rows [R, D]; ``per_row`` gives values a row, which are joined to [R].
    """
    count = rows.shape[0]
    size = max(32, _CHUNK_BYTES // 4 // vocabulary.weight.shape[0])

    def chunk(start: int) -> tuple[torch.Tensor, ...]:
        part = slice(start, min(count, start + size))
        return per_row(vocabulary.logits(rows[part]), part)

    again = torch.is_grad_enabled() and count > size
    parts = [
        checkpoint(chunk, start, use_reentrant=False) if again else chunk(start) for start in range(0, count, size)
    ]
    return [torch.cat(values) for values in zip(*parts, strict=True)]
