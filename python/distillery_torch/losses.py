"""The combined loss by the names of the experiment file: α · T² · soft + (1 − α) · hard. What imitates the teacher's inside is in imitation.py.

z_s, z_t: student's and teacher's logits [R, V]; S = softmax(z_s / T), Q = softmax(z_t / T). Every function gives a value a row, [R]; masks and
means are the caller's. Definitions and sources are those of ``src/distill/losses/``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from distillery_torch.architecture import ProblemType
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


def hard_loss(problem: ProblemType, logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0) -> torch.Tensor:
    """Hard predictions (T = 1) against hard labels, [R]. labels: int64 [R], or float32 [R, C].

    ``smoothing``: of each label all classes share so much alike (Szegedy et al., 2016); 0 where labels are numbers.
    """
    logits = logits.float()
    if problem == "single-label":
        return F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
    if problem == "multi-label":
        smoothed = labels * (1 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, smoothed, reduction="none").mean(-1)
    return (logits - labels).square().mean(-1)


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
