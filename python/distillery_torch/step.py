"""One optimizer step: what a batch costs, and the update that follows from it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

from distillery_torch.imitation import IMITATION_LOSSES, Compared
from distillery_torch.losses import hard_loss, is_softened, over_vocabulary, soft_loss
from distillery_torch.models import sight_of
from distillery_torch.transformer import Dropout, Model, States, common_sight, no_dropout, seen_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distillery_torch.architecture import Architecture
    from distillery_torch.data import Batch, Counts
    from distillery_torch.experiment import Objective, Training

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""AdamW's constants, as PyTorch's defaults."""

COMPONENTS = ("total", "soft", "hard", *IMITATION_LOSSES)


@dataclass(frozen=True)
class StepValues:
    """What changes from step to step, and the denominators of the step's means, one for all its batches and processes."""

    temperature: float
    alpha: float
    counts: Counts


class Distiller(nn.Module):
    """What is trained: the student, and a projection for each pair of hidden states whose widths differ.

    ``computes``: what is read of the student's blocks, or computed alike in a control. ``label_smoothing``: a control's, see ``hard_loss``.
    """

    def __init__(
        self,
        student: Model,
        teacher: Architecture | None,
        objective: Objective | None,
        computes: list[str],
        label_smoothing: float = 0,
    ) -> None:
        super().__init__()
        self.student, self.objective, self.computes = student, objective, computes
        self.label_smoothing = label_smoothing
        self.imitations = objective.imitations if objective and teacher else {}
        self.sights = {
            name: [common_sight(sight_of(teacher, one), sight_of(student.a, own)) for one, own in settings.layers]
            for name, settings in self.imitations.items()
            if teacher
        }
        width = teacher.hidden_size if teacher else student.a.hidden_size
        hidden = self.imitations.get("hidden")
        pairs = hidden.layers if hidden and width != student.a.hidden_size else []
        with torch.device("meta"):
            self.projection = nn.ModuleList(nn.Linear(student.a.hidden_size, width, bias=False) for _ in pairs)

    def named(self) -> dict[str, nn.Parameter]:
        """Give everything trained under the names of a checkpoint: Hugging Face's, and ``projection.K``."""
        return {name_in_checkpoint(name): parameter for name, parameter in self.named_parameters()}

    def predict(self, batch: Batch) -> torch.Tensor:
        """Compute the student's prediction alone, in evaluation; see ``Model.predict``."""
        return self.student.predict(batch)[0]

    def project(self, pair: int, x: torch.Tensor) -> torch.Tensor:
        """Bring the student's hidden states to the teacher's width."""
        if len(self.projection) == 0:
            return x
        return F.linear(x, self.projection[pair].get_parameter("weight"))

    def forward(
        self, batch: Batch, targets: Targets | None, values: StepValues, dropout: Dropout = no_dropout
    ) -> dict[str, torch.Tensor]:
        """Give the loss components of a batch, already divided by the step's counts; a component that is not has no entry."""
        prediction, states = self.student.predict(batch, dropout, self.computes)
        losses = self._head_losses(batch, prediction, targets, values)
        objective = self.objective
        if objective is None or targets is None:
            return losses | {"total": losses["hard"]}
        scaled = objective.scale_by_temperature_squared and is_softened(objective.divergence)
        weight = values.alpha * (values.temperature**2 if scaled else 1)
        total = weight * losses["soft"] + (1 - values.alpha) * losses["hard"]
        for name, loss in self._imitation_losses(batch, states, targets, values.counts).items():
            losses[name] = loss
            total = total + self.imitations[name].weight * loss
        return losses | {"total": total}

    def compared(self, batch: Batch) -> list[int]:
        """Count, of each pair of blocks, what the mean of its loss is over, where that is not real tokens."""
        mask = batch.attention_mask
        return [
            count(settings, mask, seen_pairs(mask, sight))
            for name, settings in self.imitations.items()
            if (count := IMITATION_LOSSES[name].count)
            for sight in self.sights[name]
        ]

    def _imitation_losses(
        self, batch: Batch, states: States, targets: Targets, counts: Counts
    ) -> dict[str, torch.Tensor]:
        """Give each loss: the sum over pairs of blocks and over what is read of them."""
        mask, compared = batch.attention_mask, iter(counts.compared)
        seen_within = functools.cache(functools.partial(seen_pairs, mask))
        losses = {}
        for name, settings in self.imitations.items():
            of, terms = IMITATION_LOSSES[name], []
            for pair, ((block, own), sight) in enumerate(zip(settings.layers, self.sights[name], strict=True)):
                inverse = _inverse(next(compared)) if of.count else 1.0
                for reading in of.reads(settings):
                    student = states.read(f"{reading}.{own}")
                    ours = self.project(pair, student) if name == "hidden" else student
                    theirs = targets.inside[f"{reading}.{block}"]
                    terms.append(
                        of.loss(settings, Compared(ours, theirs, mask, functools.partial(seen_within, sight))) * inverse
                    )
            losses[name] = torch.stack(terms).sum() * (1.0 if of.count else _inverse(counts.tokens))
        return losses

    def _head_losses(
        self, batch: Batch, prediction: torch.Tensor, targets: Targets | None, values: StepValues
    ) -> dict[str, torch.Tensor]:
        a, objective = self.student.a, self.objective

        def per_row(logits: torch.Tensor, part: slice) -> tuple[torch.Tensor, ...]:
            hard = hard_loss(a.problem_type, logits, batch.labels[part], self.label_smoothing)
            if objective is None or targets is None:
                return (hard,)
            teacher = targets.logits_of(part)[:, : logits.shape[1]]
            soft = soft_loss(objective.divergence, a.problem_type, logits, teacher, values.temperature, objective.beta)
            return hard, soft

        rows = (
            over_vocabulary(prediction, self.student.vocabulary(), per_row)
            if a.is_language_model
            else list(per_row(prediction, slice(None)))
        )
        losses = {"hard": (rows[0] * batch.labelled).sum() * _inverse(values.counts.labelled)}
        if len(rows) > 1:
            losses["soft"] = (rows[1] * batch.counted).sum() * _inverse(values.counts.predictions)
        return losses


def name_in_checkpoint(name: str) -> str:
    """Give what a checkpoint calls a parameter of a ``Distiller``."""
    return name.removesuffix(".weight") if name.startswith("projection.") else name.removeprefix("student.")


def _inverse(count: int) -> float:
    """1 / count, and 0 for 0: where nothing counts the loss is 0, not NaN."""
    return 0.0 if count == 0 else 1 / count


class Targets:
    """The frozen teacher's answers to a batch, as ``Model.predict`` gives them; ``inside``: what was read of its blocks, by its names.

    ``teacher``: whose head makes a language model's logits; None where the prediction is logits.
    """

    def __init__(self, prediction: torch.Tensor, inside: Mapping[str, torch.Tensor], teacher: Model | None) -> None:
        self.prediction, self.inside = prediction, inside
        with torch.no_grad():
            self._head = teacher.vocabulary() if teacher and teacher.a.is_language_model else None

    @classmethod
    def asked(cls, teacher: Model, batch: Batch, reads: Iterable[str] = ()) -> Targets:
        """Ask; ``reads``: what is wanted of its blocks."""
        names = list(reads)
        with torch.no_grad():
            prediction, states = teacher.predict(batch, no_dropout, names)
        return cls(prediction, {name: states.read(name) for name in names}, teacher)

    def logits_of(self, part: slice) -> torch.Tensor:
        """Give the logits of some predictions. A head padded beyond the tokenizer's size is the caller's to cut."""
        rows = self.prediction[part]
        if self._head is None:
            return rows
        with torch.no_grad():
            return self._head.logits(rows)


def rate_factors(model: Model, training: Training) -> dict[str, float]:
    """What the learning rate is multiplied by: layerDecay ^ (L + 1 − depth), embeddings at depth 0; 0 for what is frozen."""
    a, factors = model.a, {}
    of_block = {id(p): i + 1 for i, block in enumerate(model.blocks()) for p in block.parameters()}
    above, frozen = a.layers + 1, min(training.frozen_blocks, a.layers)
    passed = False
    for name, parameter in model.named_parameters():
        depth = of_block.get(id(parameter))
        passed |= depth is not None
        if depth is None:
            depth = above if passed else 0
        factors[name] = 0.0 if frozen > 0 and depth <= frozen else training.layer_decay ** (above - depth)
    return factors


def freeze(distiller: Distiller, training: Training) -> dict[str, float]:
    """Take gradients of what learns alone. Gives ``rate_factors``."""
    factors = rate_factors(distiller.student, training)
    for name, parameter in distiller.named().items():
        parameter.requires_grad_(factors.get(name, 1.0) > 0)
    return factors


def optimizer_of(distiller: Distiller, training: Training) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019): matrices and embeddings decay, biases and norms where they are to. What is frozen is left out."""
    factors = freeze(distiller, training)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in distiller.named().items():
        factor = factors.get(name, 1.0)
        decays = training.decay_bias_and_norm or (parameter.ndim > 1 and not name.endswith("bias"))
        if factor > 0:
            groups.setdefault((factor, decays), []).append(parameter)
    parameters = [
        {"params": some, "factor": factor, "weight_decay": training.weight_decay if decays else 0.0}
        for (factor, decays), some in groups.items()
    ]
    return torch.optim.AdamW(parameters, lr=0.0, betas=(BETA1, BETA2), eps=EPSILON)


def learning_rate_at(update: int, training: Training, updates: int) -> float:
    """Rate of the k-th update, from 0, as transformers' schedules: it rises from 0, then falls to its least."""
    warmup = math.ceil(training.warmup * updates) if training.warmup < 1 else int(training.warmup)
    if update < warmup:
        return training.learning_rate * update / warmup
    progress = min(1.0, (update - warmup) / max(1, updates - warmup))
    if training.schedule == "constant":
        return training.learning_rate
    fall = 1 - progress if training.schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2
    least = training.min_learning_rate_ratio
    return training.learning_rate * (least + (1 - least) * fall)


def apply_update(
    optimizer: torch.optim.AdamW, parameters: Iterable[nn.Parameter], rate: float, clip_norm: float
) -> float:
    """Clip the gradients by their global norm and update. Gives the norm before."""
    learning = [one for one in parameters if one.requires_grad]
    gradients = [one.grad for one in learning if one.grad is not None]
    norm: Any = nn.utils.get_total_norm(gradients)
    value = float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)
    if not math.isfinite(value):
        raise NotFiniteError("the gradient norm", value)
    if clip_norm > 0:
        nn.utils.clip_grads_with_norm_(learning, clip_norm, norm)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return value


class NotFiniteError(Exception):
    """A loss or a gradient is no finite number."""

    def __init__(self, what: str, value: float) -> None:
        super().__init__(f"{what} is {value}")
        self.what, self.value = what, value


def finite(values: dict[str, float], what: str = "") -> None:
    """Raise where a number is none."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise NotFiniteError(f"the {name}{what}", value)
