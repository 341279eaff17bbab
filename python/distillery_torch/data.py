"""Rows as tokens, and the batches of an epoch: the same rows in the same order as ``src/dataset/batches.ts`` has them."""

from __future__ import annotations

import json
import math
import struct
from array import array
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import torch

from distillery_torch.randomness import random_stream, shuffled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Task = Literal["text-classification", "causal-lm", "masked-lm", "token-classification"]

NOT_COUNTED = -100
"""Positions with this label count in no loss."""

_BUCKET_STEP = 8
_MOST_BUCKETS = 4
_WORTH_A_BUCKET = 0.05
_WINDOW_BATCHES = 50
_MASKED_SHARE = 0.15
_MASKING_STREAM = 0x6D61736B
EVALUATION_SEED = 0x5EED


class Rows:
    """Tokenized rows of a file that the runner has written, each read when it is asked for.

    What a process holds of them are their lengths and places, 12 bytes a row.
    """

    def __init__(self, file: Path, task: Task) -> None:
        self._path, self._file = file, file.open("rb", buffering=0)
        (size,) = struct.unpack("<Q", self._bytes(0, 8))
        self._begin = 8 + size
        self._tensors: dict[str, dict[str, Any]] = json.loads(self._bytes(8, size))
        self.lengths = array("i")
        first, end = self._tensors["lengths"]["data_offsets"]
        self.lengths.frombytes(self._bytes(self._begin + first, end - first))
        self._starts = array("q", accumulate(self.lengths, initial=0))
        self._per_token = task != "text-classification"

    def __len__(self) -> int:
        return len(self.lengths)

    def input_ids(self, index: int) -> torch.Tensor:
        """Read a row's tokens, int32 [L]."""
        return self._read("inputIds", self._starts[index], self.lengths[index])

    def type_ids(self, index: int) -> torch.Tensor | None:
        """Read their types, int32 [L]; None where no row has others than 0."""
        return self._read("typeIds", self._starts[index], self.lengths[index]) if "typeIds" in self._tensors else None

    def labels(self, index: int) -> torch.Tensor:
        """Read a row's labels: int32 [1], its class; float32 [C], numbers; or int32 [L], one a token, not shifted."""
        if self._per_token:
            return self._read("labels", self._starts[index], self.lengths[index])
        columns = self.columns or 1
        return self._read("labels", index * columns, columns)

    @property
    def columns(self) -> int | None:
        """How many numbers are a row's label; None where it is a class, or one a token."""
        shape: list[int] = self._tensors["labels"]["shape"]
        return shape[1] if len(shape) > 1 else None

    def _read(self, name: str, first: int, count: int) -> torch.Tensor:
        """Read some elements of a tensor, each of 4 bytes."""
        dtype = _DTYPES[self._tensors[name]["dtype"]]
        if count == 0:
            return torch.empty(0, dtype=dtype)
        place = self._begin + self._tensors[name]["data_offsets"][0] + 4 * first
        return torch.frombuffer(self._bytes(place, 4 * count), dtype=dtype)

    def _bytes(self, place: int, count: int) -> bytearray:
        self._file.seek(place)
        content = bytearray(count)
        view, done = memoryview(content), 0
        while done < count:
            read = self._file.readinto(view[done:])
            if not read:
                raise SystemExit(f"{self._path} is cut off.")
            done += read
        return content


_DTYPES = {"I32": torch.int32, "F32": torch.float32}


@dataclass(frozen=True)
class Planned:
    """One batch to be: which rows, and the length that they are padded to."""

    length: int
    indices: Sequence[int]


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
    examples = shuffled(range(count), random) if is_mixed else array("i", range(count))

    def bucket_of(example: int) -> int:
        return next(i for i, limit in enumerate(buckets) if lengths[example] <= limit)

    if group_by_length is False:
        windows = batches
    elif group_by_length is True:
        windows = 1
    else:
        windows = batches // _WINDOW_BATCHES or batches
    planned: list[Planned] = []
    sequence = array("i", range(batches))
    for window in range(windows):
        first, end = window * batches // windows, (window + 1) * batches // windows
        within = examples[first * batch_size : min(end * batch_size, count)]
        if end - first == 1:
            # A batch alone is padded to the longest of its rows.
            parts = [(max(bucket_of(one) for one in within), within)]
        else:
            members = [array("i") for _ in buckets]
            for one in within:
                members[bucket_of(one)].append(one)
            parts = list(enumerate(members))
        last = max(bucket_of(one) for one in within)
        waiting = array("i")
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

    A prediction p of tokens is made from position ``prediction_rows[p]`` of [rows · length]; one of a text from row p.
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
    examples: Sequence[int] = ()
    """Its rows' numbers in their file; the filler rows after them have none."""

    def to(self, device: torch.device) -> Batch:
        """Move its tensors to a device."""
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Counts:
    """What counts in a batch, or in a part of it."""

    predictions: int
    labelled: int
    tokens: int
    compared: tuple[int, ...] = ()
    """Of each pair of blocks that is compared, what its mean is over, where that is not tokens."""


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
    """Make one process's part of a batch: rows rank · k … (rank + 1) · k of it, k = ⌈batch size / processes⌉. No other row is read.

    What it counts is its own; of a masked batch, ``placed`` tells what depends on the others'.
    """
    length = planned.length
    share = math.ceil(batch_size / world)
    places = range(rank * share, (rank + 1) * share)
    own = planned.indices[places.start : places.stop]
    ids = torch.full((share, length), pad_id, dtype=torch.int64)
    types = torch.zeros((share, length), dtype=torch.int64)
    mask = torch.zeros((share, length))
    labels: list[torch.Tensor] = []
    for row, index in enumerate(own):
        width = rows.lengths[index]
        tokens, wanted = rows.input_ids(index), rows.labels(index)
        if masking:
            tokens, wanted = (
                torch.tensor(one, dtype=torch.int64)
                for one in mask_tokens(tokens.tolist(), wanted.tolist(), index, masking)
            )
        labels.append(wanted)
        ids[row, :width] = tokens
        mask[row, :width] = 1
        types_of_row = rows.type_ids(index)
        if types_of_row is not None:
            types[row, :width] = types_of_row
    whole, few = batch_size, True
    if task == "text-classification":
        predictions = _rows_of_classes(labels, share, rows.columns)
        prediction_places = torch.tensor(places)
    elif task == "causal-lm":
        predictions = _causal(labels, share, length)
        whole = batch_size * (length - 1)
        prediction_places = torch.arange(places.start * (length - 1), places.stop * (length - 1))
        few = 2 * whole <= batch_size * length
    elif task == "token-classification":
        predictions = _words(labels, share, length)
        whole, few = batch_size * length, False
        prediction_places = torch.arange(places.start * length, places.stop * length)
    else:
        predictions = _masked(labels, length)
        prediction_places = torch.arange(len(predictions[0]))
    prediction_rows, targets, counted, labelled = predictions
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
        own,
    )
    counts = Counts(int(counted.sum()), int(labelled.sum()), sum(rows.lengths[index] for index in own))
    return placed(batch, 0, counts.predictions) if task == "masked-lm" else batch, counts


def placed(batch: Batch, before: int, total: int) -> Batch:
    """Tell a part of a masked batch that there are so many predictions in the whole of it, and so many before this part's."""
    length = batch.input_ids.shape[1]
    whole = max(masked_capacity(batch.whole_rows, length), _round_up(total))
    places = torch.arange(before, before + len(batch.prediction_rows)).clamp(max=whole - 1)
    few = 2 * whole <= batch.whole_rows * length
    return replace(batch, whole_predictions=whole, prediction_places=places, predicts_few=few)


_Predictions = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def _rows_of_classes(labels: list[torch.Tensor], share: int, columns: int | None) -> _Predictions:
    """One prediction a row; a row without a label counts in the soft loss alone."""
    counted, labelled = torch.zeros(share), torch.zeros(share)
    targets = torch.zeros(share, columns) if columns else torch.zeros(share, dtype=torch.int64)
    for row, label in enumerate(labels):
        counted[row] = 1
        known = not bool(label[0].isnan()) if columns else int(label[0]) != NOT_COUNTED
        if known:
            labelled[row] = 1
            targets[row] = label if columns else label[0]
    return torch.arange(share), targets, counted, labelled


def _causal(labels: list[torch.Tensor], share: int, length: int) -> _Predictions:
    """Position i predicts token i + 1; the shift is applied here and nowhere else."""
    targets, counted = torch.zeros((share, length - 1), dtype=torch.int64), torch.zeros((share, length - 1))
    for row, of_row in enumerate(labels):
        following = of_row[1:]
        known = following != NOT_COUNTED
        targets[row, : len(following)] = following * known
        counted[row, : len(following)] = known.float()
    positions = torch.arange(share)[:, None] * length + torch.arange(length - 1)
    flat = counted.flatten()
    return positions.flatten(), targets.flatten(), flat, flat


def _words(labels: list[torch.Tensor], share: int, length: int) -> _Predictions:
    """All positions predict; those count where a word begins, which alone have a label."""
    targets, counted = torch.zeros((share, length), dtype=torch.int64), torch.zeros((share, length))
    for row, of_row in enumerate(labels):
        known = of_row != NOT_COUNTED
        targets[row, : len(of_row)] = of_row * known
        counted[row, : len(of_row)] = known.float()
    flat = counted.flatten()
    return torch.arange(share * length), targets.flatten(), flat, flat


def _masked(labels: list[torch.Tensor], length: int) -> _Predictions:
    """Only masked positions predict; one filler row stands where a process has none of them."""
    masked = [(row * length + int(i), int(of_row[i])) for row, of_row in enumerate(labels) for i in _known(of_row)]
    counted = torch.ones(len(masked)) if masked else torch.zeros(1)
    positions, targets = zip(*masked or [(0, 0)], strict=True)
    return torch.tensor(positions), torch.tensor(targets), counted, counted


def _known(labels: torch.Tensor) -> torch.Tensor:
    return (labels != NOT_COUNTED).nonzero()[:, 0]


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
