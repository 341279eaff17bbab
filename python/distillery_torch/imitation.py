"""The losses that imitate what is inside the teacher, side by side: settings, what is read of a pair of blocks, and what is made of that.

Definitions and sources are those of ``src/distill/losses/``; sums are over the batch, means the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from distillery_torch.transformer import UNSEEN, split_heads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Hidden:
    """Which hidden states are imitated: pairs [teacher block, student block], from 0."""

    loss: Literal["mse", "cosine"]
    layers: list[tuple[int, int]]
    weight: float


@dataclass(frozen=True)
class Attention:
    """Whose attention is imitated: pairs [teacher block, student block], from 0."""

    loss: Literal["mse", "ce"]
    layers: list[tuple[int, int]]
    weight: float


@dataclass(frozen=True)
class Relations:
    """Which relations between tokens are imitated: of these vectors, in so many relation heads; pairs [teacher block, student block], from 0."""

    of: list[Literal["queries", "keys", "values"]]
    heads: int
    layers: list[tuple[int, int]]
    weight: float


Imitation = Hidden | Attention | Relations

_SMALLEST_NORM = 1e-8


@dataclass(frozen=True)
class Compared:
    """What is read of a block of the student and of the teacher's: hidden states or vectors [B, L, D], or scores [B, H, L, L]."""

    student: torch.Tensor
    teacher: torch.Tensor
    mask: torch.Tensor
    """[B, L]: 1 at real tokens."""
    seen: Callable[[], torch.Tensor]
    """Bool [B, 1, L, L]: where a real token sees a real token in both models."""


def hidden_loss(kind: str, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Loss of each token, [B, L]. mse: mean over D (FitNets, Romero et al., 2015); cosine: 1 − cos (DistilBERT, Sanh et al., 2019)."""
    student, teacher = student.float(), teacher.float()
    if kind == "mse":
        return (student - teacher).square().mean(-1)
    norms = [x.square().sum(-1).clamp(min=_SMALLEST_NORM**2).sqrt() for x in (student, teacher)]
    return 1 - (student * teacher).sum(-1) / (norms[0] * norms[1])


def hidden(settings: Hidden, compared: Compared) -> torch.Tensor:
    """Sum over real tokens."""
    return (hidden_loss(settings.loss, compared.student, compared.teacher) * compared.mask).sum()


def attention(settings: Attention, compared: Compared) -> torch.Tensor:
    """Sum over what is seen, a mean over heads; see ``src/distill/losses/attention-loss.ts``."""
    student, teacher = compared.student, compared.teacher
    heads = student.shape[1]
    visible = compared.seen().float()
    if settings.loss == "mse":
        return ((student - teacher) * visible).square().sum() / heads
    bias = (visible - 1) * UNSEEN
    shares = torch.softmax(teacher + bias, -1) * visible
    return -(shares * torch.log_softmax(student + bias, -1)).sum() / heads


def attended(settings: Attention, mask: torch.Tensor, seen: torch.Tensor) -> int:
    """Count query–key pairs (mse) or queries (ce)."""
    return int((mask if settings.loss == "ce" else seen).sum())


def relations(settings: Relations, compared: Compared) -> torch.Tensor:
    """Sum over real tokens, a mean over relation heads; see ``src/distill/losses/relation-loss.ts``."""
    visible = compared.seen().float()

    def log_relations(vectors: torch.Tensor) -> torch.Tensor:
        split = split_heads(vectors, settings.heads)  # [B, A, L, W / A]
        scaled = split * split.shape[-1] ** -0.25
        products = (scaled @ scaled.transpose(-1, -2)).float()
        return torch.log_softmax(products + (visible - 1) * UNSEEN, -1)

    ours, theirs = log_relations(compared.student), log_relations(compared.teacher)
    return (theirs.exp() * visible * (theirs - ours)).sum() / settings.heads


@dataclass(frozen=True)
class ImitationLoss:
    """One of the losses."""

    settings: type[Imitation]
    reads: Callable[[Any], Sequence[str]]
    """What it reads of each block; the loss is the sum over pairs of blocks and over these."""
    loss: Callable[[Any, Compared], torch.Tensor]
    """Of one pair of blocks and one reading."""
    count: Callable[[Any, torch.Tensor, torch.Tensor], int] | None = None
    """What its mean is over, of the mask and of seen pairs; None: real tokens."""


IMITATION_LOSSES = {
    "hidden": ImitationLoss(Hidden, lambda _: ["hidden"], hidden),
    "attention": ImitationLoss(Attention, lambda _: ["attention"], attention, attended),
    "relations": ImitationLoss(Relations, lambda settings: settings.of, relations),
}


def read_of_teacher(imitations: Mapping[str, Imitation]) -> list[str]:
    """Name what all of them read of the teacher's blocks, once."""
    names = (
        f"{reading}.{block}"
        for name, settings in imitations.items()
        for block, _ in settings.layers
        for reading in IMITATION_LOSSES[name].reads(settings)
    )
    return list(dict.fromkeys(names))
