"""Rows as tokens, and the batches of an epoch: the same rows in the same order as ``src/dataset/batches.ts`` has them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors.torch import load_file

from distillery_torch.randomness import random_stream, shuffled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from distillery_torch.experiment import Task

NOT_COUNTED = -100
"""Positions with this label count in no loss."""

_BUCKET_STEP = 8
_MOST_BUCKETS = 4
_WORTH_A_BUCKET = 0.05
_WINDOW_BATCHES = 50
_MASKED_SHARE = 0.15
_MASKING_STREAM = 0x6D61736B
EVALUATION_SEED = 0x5EED


@dataclass(frozen=True)
class Rows:
    """Tokenized rows, as they lie in a file that all processes map into memory.

    ``labels``: int32 [N], a class a row; float32 [N, C], numbers; or int32 [tokens], one a token, not shifted.
    """

    lengths: list[int]
    starts: list[int]
    input_ids: torch.Tensor
    type_ids: torch.Tensor | None
    labels: torch.Tensor
    per_token: bool

    @classmethod
    def load(cls, file: Path, task: Task) -> Rows:
        """Read a file that the runner has written."""
        tensors = load_file(file)
        lengths: list[int] = tensors["lengths"].tolist()
        starts = [0]
        for length in lengths:
            starts.append(starts[-1] + length)
        per_token = task != "text-classification"
        return cls(lengths, starts, tensors["inputIds"], tensors.get("typeIds"), tensors["labels"], per_token)

    def __len__(self) -> int:
        return len(self.lengths)


@dataclass(frozen=True)
class Planned:
    """One batch to be: which rows, and the length that they are padded to."""

    length: int
    indices: list[int]


@dataclass(frozen=True)
class Masking:
    """Of masked-lm: what decides which tokens are hidden."""

    seed: int
    epoch: int
    vocabulary_size: int
    mask_id: int


def bucket_lengths(lengths: Sequence[int], max_length: int) -> list[int]:
    """Choose up to four lengths, ascending, to pad to, so that little is padding; multiples of 8, none above the largest."""
    counts: list[int] = []
    for length in lengths:
        k = max(0, math.ceil(min(length, max_length) / _BUCKET_STEP) - 1)
        counts.extend([0] * (k + 1 - len(counts)))
        counts[k] += 1
    if not counts:
        return [min(_BUCKET_STEP, max_length)]
    prefix = [0]
    for count in counts:
        prefix.append(prefix[-1] + count)
    # best[k]: fewest steps of 8 tokens for the rows up to k if k is a bucket, and the buckets.
    best = [(prefix[k + 1] * (k + 1), [k]) for k in range(len(counts))]
    chosen = best[-1]
    for _ in range(2, _MOST_BUCKETS + 1):
        previous = best
        best = []
        for k in range(len(counts)):
            choice = previous[k]
            for below in range(k):
                cost = previous[below][0] + (prefix[k + 1] - prefix[below + 1]) * (k + 1)
                if cost < choice[0]:
                    choice = (cost, [*previous[below][1], k])
            best.append(choice)
        if best[-1][0] < chosen[0] * (1 - _WORTH_A_BUCKET):
            chosen = best[-1]
    return [min((k + 1) * _BUCKET_STEP, max_length) for k in chosen[1]]


def plan_epoch(
    lengths: Sequence[int],
    *,
    batch_size: int,
    buckets: Sequence[int],
    seed: int,
    epoch: int,
    shuffle: bool,
    group_by_length: bool | Literal["auto"],
) -> list[Planned]:
    """Plan the batches of one epoch; each has one length, each row is in one batch."""
    count = len(lengths)
    batches = math.ceil(count / batch_size)
    random = random_stream(seed, epoch)
    is_mixed = group_by_length is not True and shuffle
    examples = shuffled(range(count), random) if is_mixed else list(range(count))

    def bucket_of(example: int) -> int:
        return next(i for i, limit in enumerate(buckets) if lengths[example] <= limit)

    if group_by_length is False:
        windows = batches
    elif group_by_length is True:
        windows = 1
    else:
        windows = batches // _WINDOW_BATCHES or batches
    planned: list[Planned] = []
    sequence = list(range(batches))
    for window in range(windows):
        first, end = window * batches // windows, (window + 1) * batches // windows
        within = examples[first * batch_size : min(end * batch_size, count)]
        if end - first == 1:
            # A batch alone is padded to the longest of its rows.
            parts = [(max(bucket_of(one) for one in within), within)]
        else:
            members: list[list[int]] = [[] for _ in buckets]
            for one in within:
                members[bucket_of(one)].append(one)
            parts = list(enumerate(members))
        last = max(bucket_of(one) for one in within)
        waiting: list[int] = []
        for bucket, own in parts:
            waiting += own if is_mixed or not shuffle else shuffled(own, random)
            whole = len(waiting) if bucket >= last else len(waiting) - len(waiting) % batch_size
            ends = [(at, min(at + batch_size, whole)) for at in range(0, whole, batch_size)]
            planned += [Planned(buckets[bucket], waiting[at:end]) for at, end in ends]
            waiting = waiting[whole:]
        if shuffle:
            sequence[first:end] = shuffled(sequence[first:end], random)
    return [planned[batch] for batch in sequence]


def mask_tokens(input_ids: list[int], labels: list[int], index: int, masking: Masking) -> tuple[list[int], list[int]]:
    """Hide tokens of one row (Devlin et al., 2019, section 3.1); depends on seed, epoch and the row's index alone."""
    random = random_stream(masking.seed, masking.epoch, index, _MASKING_STREAM)
    candidates = [i for i, label in enumerate(labels) if label != NOT_COUNTED]
    chosen = [i for i in candidates if random() < _MASKED_SHARE]
    if not chosen and candidates:
        chosen.append(candidates[math.floor(random() * len(candidates))])
    hidden, wanted = list(input_ids), [NOT_COUNTED] * len(labels)
    for i in chosen:
        wanted[i] = labels[i]
        draw = random()
        if draw < 0.8:
            hidden[i] = masking.mask_id
        elif draw < 0.9:
            hidden[i] = math.floor(random() * masking.vocabulary_size)
    return hidden, wanted


def masked_capacity(rows: int, length: int) -> int:
    """Count the prediction rows that the recorded engines reserve in a masked batch; shapes of dropout masks follow from it."""
    tokens = rows * length
    mean = tokens * _MASKED_SHARE
    deviation = math.sqrt(mean * (1 - _MASKED_SHARE))
    return _round_up(min(tokens, math.ceil(mean + 6 * deviation) + rows))


def _round_up(rows: int) -> int:
    return math.ceil(rows / 8) * 8


@dataclass(frozen=True)
class Batch:
    """One process's rows of a batch, and what counts in the whole of it.

    A language model's prediction p is made from position ``prediction_rows[p]`` of [rows · length]; a classifier's from row p.
    """

    input_ids: torch.Tensor  # int64 [B, L]
    type_ids: torch.Tensor  # int64 [B, L]
    attention_mask: torch.Tensor  # float32 [B, L]: 1 real, 0 padding
    prediction_rows: torch.Tensor  # int64 [R]
    labels: torch.Tensor  # int64 [R], or float32 [R, C]
    counted: torch.Tensor  # float32 [R]
    labelled: torch.Tensor  # float32 [R]
    whole_rows: int
    """Rows of the batch in all processes, filler rows included."""
    whole_predictions: int
    """Predictions of the batch in all processes, as a recorded engine has them."""
    row_places: torch.Tensor  # int64 [B]: of these rows in the whole batch
    prediction_places: torch.Tensor  # int64 [R]: of these predictions in the whole batch
    predicts_few: bool
    """Whether the last block computes nothing but the rows that predict."""

    def to(self, device: torch.device) -> Batch:
        """Move its tensors to a device."""
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Counts:
    """What counts in a batch, of all processes."""

    predictions: int
    labelled: int
    tokens: int


def collate(
    rows: Rows,
    planned: Planned,
    *,
    task: Task,
    batch_size: int,
    pad_id: int,
    masking: Masking | None,
    rank: int,
    world: int,
) -> tuple[Batch, Counts]:
    """Make one process's part of a batch: rows rank · k … (rank + 1) · k of it, k = ⌈batch size / processes⌉."""
    length = planned.length
    share = math.ceil(batch_size / world)
    places = range(rank * share, (rank + 1) * share)
    ids = torch.full((share, length), pad_id, dtype=torch.int64)
    types = torch.zeros((share, length), dtype=torch.int64)
    mask = torch.zeros((share, length))
    by_row: list[list[int]] = []
    for row, index in enumerate(planned.indices):
        start, width = rows.starts[index], rows.lengths[index]
        tokens = rows.input_ids[start : start + width]
        labels: list[int] = []
        if rows.per_token:
            labels = rows.labels[start : start + width].tolist()
            if masking:
                hidden, labels = mask_tokens(tokens.tolist(), labels, index, masking)
                tokens = torch.tensor(hidden, dtype=torch.int64)
        by_row.append(labels)
        if row in places:
            own = row - places.start
            ids[own, :width] = tokens
            mask[own, :width] = 1
            if rows.type_ids is not None:
                types[own, :width] = rows.type_ids[start : start + width]
    token_count = sum(rows.lengths[index] for index in planned.indices)
    here = [row for row in places if row < len(planned.indices)]
    if task == "text-classification":
        predictions, counts = _rows_of_classes(rows, planned.indices, here, places)
        whole, few = batch_size, True
    else:
        positions = _causal if task == "causal-lm" else _masked
        predictions, whole, total = positions(by_row, places, batch_size, length)
        counts = (total, total)
        few = 2 * whole <= batch_size * length
    prediction_rows, targets, counted, labelled, prediction_places = predictions
    batch = Batch(
        ids,
        types,
        mask,
        prediction_rows,
        targets,
        counted,
        labelled,
        batch_size,
        whole,
        # Filler rows beyond the whole batch have no place of their own in it.
        torch.tensor(places).clamp(max=batch_size - 1),
        prediction_places.clamp(max=whole - 1),
        few,
    )
    return batch, Counts(counts[0], counts[1], token_count)


_Predictions = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def _rows_of_classes(
    rows: Rows, indices: list[int], here: list[int], places: range
) -> tuple[_Predictions, tuple[int, int]]:
    """One prediction a row; a row without a label counts in the soft loss alone."""
    labels = rows.labels[torch.tensor(indices, dtype=torch.int64)]
    known = labels != NOT_COUNTED if labels.ndim == 1 else ~labels[:, 0].isnan()
    share = len(places)
    counted, labelled = torch.zeros(share), torch.zeros(share)
    is_class = labels.ndim == 1
    targets = torch.zeros(share, dtype=torch.int64) if is_class else torch.zeros(share, labels.shape[1])
    if here:
        part = slice(here[0], here[-1] + 1)
        counted[: len(here)] = 1
        labelled[: len(here)] = known[part].float()
        own = torch.where(known[part] if is_class else known[part, None], labels[part], torch.zeros_like(labels[part]))
        targets[: len(here)] = own
    predictions = (torch.arange(share), targets, counted, labelled, torch.tensor(places))
    return predictions, (len(indices), int(known.sum()))


def _causal(by_row: list[list[int]], places: range, rows: int, length: int) -> tuple[_Predictions, int, int]:
    """Position i predicts token i + 1; the shift is applied here and nowhere else."""
    total = sum(label != NOT_COUNTED for labels in by_row for label in labels[1:])
    targets, counted = torch.zeros((len(places), length - 1), dtype=torch.int64), torch.zeros((len(places), length - 1))
    for own, row in enumerate(places):
        if row < len(by_row):
            for i, label in enumerate(by_row[row][1:]):
                if label != NOT_COUNTED:
                    targets[own, i] = label
                    counted[own, i] = 1
    positions = torch.arange(len(places))[:, None] * length + torch.arange(length - 1)
    here = torch.arange(places.start * (length - 1), places.stop * (length - 1))
    flat = counted.flatten()
    return (positions.flatten(), targets.flatten(), flat, flat, here), rows * (length - 1), total


def _masked(by_row: list[list[int]], places: range, rows: int, length: int) -> tuple[_Predictions, int, int]:
    """Only masked positions predict; one filler row stands where a process has none of them."""
    masked = [(row, i) for row, labels in enumerate(by_row) for i, label in enumerate(labels) if label != NOT_COUNTED]
    whole = max(masked_capacity(rows, length), _round_up(len(masked)))
    here = [(place, row, i) for place, (row, i) in enumerate(masked) if row in places]
    positions = [(row - places.start) * length + i for _, row, i in here] or [0]
    targets = [by_row[row][i] for _, row, i in here] or [0]
    counted = torch.ones(len(here)) if here else torch.zeros(1)
    prediction_places = torch.tensor([place for place, _, _ in here] or [0])
    return (torch.tensor(positions), torch.tensor(targets), counted, counted, prediction_places), whole, len(masked)


@dataclass(frozen=True)
class Epochs:
    """The batches of a training, by the update: the rows of one large batch, divided."""

    rows: Rows
    updates_of: Callable[[int], list[Planned]]
    steps_per_epoch: int
    batch_size: int

    def batches_of(self, step: int) -> tuple[int, list[Planned]]:
        """Give the epoch of an update, and its batches."""
        epoch = step // self.steps_per_epoch
        update = self.updates_of(epoch)[step % self.steps_per_epoch]
        size = self.batch_size
        parts = [update.indices[at : at + size] for at in range(0, len(update.indices), size)]
        return epoch, [Planned(update.length, part) for part in parts]


def epochs_of(
    rows: Rows,
    count: int,
    *,
    batch_size: int,
    gradient_accumulation: int,
    group_by_length: bool | Literal["auto"],
    seed: int,
    max_length: int,
) -> Epochs:
    """Plan a training on the first ``count`` rows."""
    lengths = rows.lengths[:count]
    buckets = bucket_lengths(lengths, max_length)
    large = batch_size * gradient_accumulation
    kept: dict[int, list[Planned]] = {}

    def updates_of(epoch: int) -> list[Planned]:
        if epoch not in kept:
            kept.clear()
            kept[epoch] = plan_epoch(
                lengths,
                batch_size=large,
                buckets=buckets,
                seed=seed,
                epoch=epoch,
                shuffle=True,
                group_by_length=group_by_length,
            )
        return kept[epoch]

    return Epochs(rows, updates_of, math.ceil(count / large), batch_size)
