"""Quality on validation rows, and closeness to the teacher: the metrics of ``src/distill/evaluation/`` under the same names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from distillery_torch.data import EVALUATION_SEED, Masking, Planned, Rows, bucket_lengths, collate, plan_epoch
from distillery_torch.entities import are_entity_tags, entity_f1
from distillery_torch.losses import over_vocabulary
from distillery_torch.step import Targets

if TYPE_CHECKING:
    from distillery_torch.answers import Kept
    from distillery_torch.data import Batch, Counts
    from distillery_torch.experiment import Job
    from distillery_torch.step import Distiller
    from distillery_torch.transformer import Model

_BATCH = 32
"""Rows of an evaluation batch; results do not depend on it."""

_BINS = 15
"""Of the calibration error, as Guo et al. (2017) have them."""

Metrics = dict[str, float]


class Evaluator:
    """Evaluates one model as it learns, each process some of the batches."""

    def __init__(self, job: Job, rows: Rows, device: torch.device, rank: int, world: int) -> None:
        self._job, self._rows, self._device = job, rows, device
        buckets = bucket_lengths(rows.lengths, job.max_length)
        plan = plan_epoch(
            rows.lengths,
            batch_size=_BATCH,
            buckets=buckets,
            seed=0,
            epoch=0,
            shuffle=False,
            group_by_length=True,
        )
        self._plan = [
            plan[index] if index < len(plan) else Planned(buckets[0], []) for index in _share(plan, rank, world)
        ]
        self._world = world
        self.served: Kept | None = None
        """What a teacher behind a server has said of these rows."""

    def masking(self) -> Masking | None:
        """Give what hides tokens in evaluations: the same ones each time, whatever the training's seed."""
        job = self._job
        if job.task != "masked-lm" or job.mask_id is None:
            return None
        return Masking(EVALUATION_SEED, 0, job.vocabulary_size, job.mask_id)

    def evaluate(self, distiller: Distiller, teacher: Model | None) -> Metrics:
        """Measure; the same on all processes."""
        measured = [self._measure(distiller, teacher, planned) for planned in self._plan]
        names = list(measured[0])
        columns = {name: torch.cat([one[name] for one in measured]) for name in names}
        if self._world > 1:
            gathered: list[dict[str, torch.Tensor]] = [{} for _ in range(self._world)]
            dist.all_gather_object(gathered, columns)
            columns = {name: torch.cat([one[name] for one in gathered]) for name in names}
        return _metrics(self._job, columns)

    def probe(self, distiller: Distiller, index: int, most: int) -> torch.Tensor:
        """Give the logits of a row's first counted positions, [positions, V] or [1, C]."""
        planned = Planned(self._rows.lengths[index], [index])
        batch, _ = self._collate(planned, 1)
        with torch.no_grad():
            prediction = distiller.predict(batch)
            if distiller.student.a.predicts_tokens:
                prediction = prediction[batch.counted.nonzero()[:most, 0]]
            if distiller.student.a.is_language_model:
                prediction = distiller.student.vocabulary().logits(prediction)
        return prediction.float().cpu()

    def _collate(self, planned: Planned, size: int) -> tuple[Batch, Counts]:
        batch, counts = collate(
            self._rows,
            planned,
            task=self._job.task,
            batch_size=size,
            pad_id=self._job.pad_id,
            masking=self.masking(),
            rank=0,
            world=1,
        )
        return batch.to(self._device), counts

    @torch.no_grad()
    def _measure(self, distiller: Distiller, teacher: Model | None, planned: Planned) -> dict[str, torch.Tensor]:
        """Give columns of numbers, one a counted prediction."""
        batch, _ = self._collate(planned, _BATCH)
        student, prediction = distiller.student, distiller.predict(batch)
        targets: Targets | None = None
        if self.served:
            targets = self.served.of(batch)
        elif teacher:
            targets = Targets.asked(teacher, batch)
        counted = batch.counted.bool()
        if not student.a.is_language_model:
            columns = {"logits": prediction.float()[counted], "labels": batch.labels[counted]}
            if student.a.predicts_tokens:
                numbers = torch.tensor(batch.examples, dtype=torch.int64, device=batch.counted.device)
                columns["texts"] = numbers[batch.prediction_rows[counted] // batch.input_ids.shape[1]]
            if targets:
                columns["teacher"] = targets.logits_of(slice(None)).float()[counted]
            return {name: value.cpu() for name, value in columns.items()}

        def per_row(logits: torch.Tensor, part: slice) -> tuple[torch.Tensor, ...]:
            own = torch.log_softmax(logits.float(), -1)
            best, choice = own.max(-1)
            loss = -own.gather(1, batch.labels[part, None])[:, 0]
            values = (loss, (choice == batch.labels[part]).float(), best.exp())
            if targets is None:
                return values
            theirs = torch.log_softmax(targets.logits_of(part)[:, : own.shape[1]].float(), -1)
            kl = (theirs.exp() * (theirs - own) - theirs.exp() + own.exp()).sum(-1)
            return (*values, (choice == theirs.argmax(-1)).float(), kl)

        values = over_vocabulary(prediction, student.vocabulary(), per_row)
        names = ("loss", "correct", "confidence", "agreement", "teacherKl")
        return {name: value[counted].double().cpu() for name, value in zip(names, values, strict=False)}


def _share(plan: list[Planned], rank: int, world: int) -> range:
    """Batches of a process, as many for each: a model in shards must be run by all of them at once."""
    return range(rank, math.ceil(len(plan) / world) * world, world)


def _metrics(job: Job, columns: dict[str, torch.Tensor]) -> Metrics:
    if job.student.is_language_model:
        loss = float(columns["loss"].mean())
        own = {
            "accuracy": float(columns["correct"].mean()),
            "perplexity": math.exp(loss),
            "loss": loss,
            "calibrationError": calibration_error(columns["confidence"], columns["correct"]),
        }
        return own | {name: float(columns[name].mean()) for name in ("agreement", "teacherKl") if name in columns}
    logits, labels, teacher = columns["logits"].double(), columns["labels"], columns.get("teacher")
    if job.student.problem_type == "regression":
        return _of_numbers(logits[:, 0], labels[:, 0].double(), teacher)
    if job.student.problem_type == "multi-label":
        return _of_labels(logits, labels.double(), teacher)
    metrics = _of_classes(logits, labels, teacher)
    return _of_words(job, logits, columns, metrics) if job.student.predicts_tokens else metrics


def _of_words(job: Job, logits: torch.Tensor, columns: dict[str, torch.Tensor], metrics: Metrics) -> Metrics:
    """Of words the classes have no F1 of their own; entities have, where they are tags of such."""
    del metrics["macroF1"]
    names = job.student.labels or []
    if not are_entity_tags(names):
        return metrics
    said: dict[int, tuple[list[str], list[str]]] = {}
    choices, labels = logits.argmax(-1).tolist(), columns["labels"].tolist()
    for text, choice, label in zip(columns["texts"].tolist(), choices, labels, strict=True):
        own, there = said.setdefault(text, ([], []))
        own.append(names[choice])
        there.append(names[label])
    return metrics | {"entityF1": entity_f1([own for own, _ in said.values()], [there for _, there in said.values()])}


def _of_classes(logits: torch.Tensor, labels: torch.Tensor, teacher: torch.Tensor | None) -> Metrics:
    log = torch.log_softmax(logits, -1)
    confidence, choice = log.exp().max(-1)
    metrics = {
        "accuracy": float((choice == labels).double().mean()),
        "macroF1": macro_f1(choice, labels),
        "loss": float(-log.gather(1, labels[:, None]).mean()),
        "calibrationError": calibration_error(confidence, (choice == labels).double()),
    }
    if teacher is not None:
        theirs = torch.log_softmax(teacher.double(), -1)
        metrics["agreement"] = float((choice == teacher.argmax(-1)).double().mean())
        metrics["teacherKl"] = float((theirs.exp() * (theirs - log)).sum(-1).mean())
    return metrics


def _of_labels(logits: torch.Tensor, applies: torch.Tensor, teacher: torch.Tensor | None) -> Metrics:
    """Of labels of which several may apply: each is a decision of its own."""
    said = (logits > 0).double()
    probabilities = torch.sigmoid(logits)
    hits, occurrences = (said * applies).sum(0), said.sum(0) + applies.sum(0)
    present = occurrences > 0
    precisions = [
        average_precision(logits[:, label], applies[:, label])
        for label in range(logits.shape[1])
        if applies[:, label].any()
    ]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, applies)
    metrics = {
        "meanAveragePrecision": sum(precisions) / len(precisions) if precisions else 0.0,
        "microF1": float(2 * hits.sum() / occurrences.sum()) if present.any() else 0.0,
        "macroF1": float((2 * hits[present] / occurrences[present]).mean()) if present.any() else 0.0,
        "loss": float(loss),
        "calibrationError": calibration_error(
            torch.maximum(probabilities, 1 - probabilities).flatten(), (said == applies).double().flatten()
        ),
    }
    if teacher is not None:
        theirs = teacher.double()
        log_sigmoid = torch.nn.functional.logsigmoid
        kl = torch.sigmoid(theirs) * (log_sigmoid(theirs) - log_sigmoid(logits))
        kl = kl + torch.sigmoid(-theirs) * (log_sigmoid(-theirs) - log_sigmoid(-logits))
        metrics["agreement"] = float(((theirs > 0).double() == said).double().mean())
        metrics["teacherKl"] = float(kl.mean())
    return metrics


def _of_numbers(values: torch.Tensor, labels: torch.Tensor, teacher: torch.Tensor | None) -> Metrics:
    rmse = float((values - labels).square().mean().sqrt())
    metrics = {
        "rmse": rmse,
        "pearson": pearson(values, labels),
        "spearman": pearson(_ranks(values), _ranks(labels)),
        "loss": rmse**2,
    }
    if teacher is not None:
        metrics["teacherRmse"] = float((values - teacher[:, 0].double()).square().mean().sqrt())
    return metrics


def macro_f1(predictions: torch.Tensor, labels: torch.Tensor) -> float:
    """Mean F1 over the classes that occur, as scikit-learn's f1_score(average="macro")."""
    classes = int(max(predictions.max(), labels.max())) + 1
    hits = torch.bincount(labels[predictions == labels], minlength=classes)
    occurrences = torch.bincount(labels, minlength=classes) + torch.bincount(predictions, minlength=classes)
    present = occurrences > 0
    return float((2 * hits[present].double() / occurrences[present]).mean())


def average_precision(scores: torch.Tensor, applies: torch.Tensor) -> float:
    """Σ (Rₙ − Rₙ₋₁) Pₙ over the thresholds, rows of equal scores taken together, as scikit-learn's average_precision_score."""
    order = scores.argsort(descending=True, stable=True)
    sorted_scores, hits = scores[order], applies[order].cumsum(0)
    ends = torch.cat([sorted_scores[1:] != sorted_scores[:-1], torch.tensor([True])])
    hits, seen = hits[ends], (torch.arange(len(order)) + 1)[ends]
    gained = torch.diff(hits, prepend=torch.zeros(1, dtype=hits.dtype))
    return float((gained * hits / seen).sum() / hits[-1])


def pearson(a: torch.Tensor, b: torch.Tensor) -> float:
    """Pearson's correlation; 0 where either is constant."""
    x, y = a - a.mean(), b - b.mean()
    scale = (x.square().sum() * y.square().sum()).sqrt()
    return 0.0 if scale == 0 else float(((x * y).sum() / scale).clamp(-1, 1))


def _ranks(values: torch.Tensor) -> torch.Tensor:
    """Ranks; those of equal values are their mean."""
    _, inverse, counts = torch.unique(values, return_inverse=True, return_counts=True)
    ranks: torch.Tensor = counts.cumsum(0).double() - counts / 2
    return ranks[inverse]


def calibration_error(confidences: torch.Tensor, correct: torch.Tensor) -> float:
    """Mean over all predictions of |accuracy − mean confidence| of their bin; a bin includes its upper end."""
    bins = ((confidences * _BINS).ceil() - 1).clamp(0, _BINS - 1).long()
    gaps = torch.zeros(_BINS, dtype=torch.float64).index_add(0, bins, correct.double() - confidences.double())
    return float(gaps.abs().sum() / len(confidences))


_QUALITIES = (
    ("entityF1", 1),
    ("meanAveragePrecision", 1),
    ("macroF1", 1),
    ("rmse", -1),
    ("perplexity", -1),
    ("accuracy", 1),
)
"""In this order: metrics of several labels have macro-F1 too, and nearly all have accuracy."""


def quality_of(metrics: Metrics) -> tuple[float, float]:
    """Give what evaluations are compared by, the larger the better: the task's quality, then the loss."""
    for key, sign in _QUALITIES:
        if key in metrics:
            return sign * metrics[key], -metrics["loss"]
    raise ValueError("These metrics have no quality.")
