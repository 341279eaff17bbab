"""The frozen teacher's answers to the training rows, asked once and kept for all epochs and runs.

The files are those of ``src/run-directory/teacher-cache-files.ts``, with records at the places of ``src/distill/teacher/cache-layout.ts``: the
built-in engines read what is written here, and the reverse. Each process asks about its share of the blocks, and reads its rows' records alone.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch.distributed.fsdp import FSDPModule

from distillery_torch.data import Planned, collate
from distillery_torch.records import tell
from distillery_torch.step import NotFiniteError, Targets

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from distillery_torch.data import Batch, Rows
    from distillery_torch.experiment import Answers, Cache, Job, RecordPart
    from distillery_torch.processes import Processes
    from distillery_torch.transformer import Model

_RECORD, _VALUES, _LOG = "cache.json", "values.bin", "filled.log"
_SPARED_BYTES = 2_000_000_000
"""Room on the disk that a cache leaves to others."""
_LARGEST_FLOAT16 = 65504
_LOGGED = re.compile(rb"(\d+) ([0-9a-f]{8})")


class StoppedError(Exception):
    """The training was asked to stop before the teacher's answers were all there."""


class _NotKeptError(Exception):
    """Why answers cannot be kept; known to all processes."""


class Layout:
    """Where each row's record lies, and the blocks of rows that the teacher is asked about together."""

    def __init__(self, file: Path, lengths: Iterable[int], parts: list[RecordPart]) -> None:
        """``file``: the rows in the order of their records, what counts of each, and of each block its length, batch and first row."""
        stored = load_file(file)
        self._rows, self._blocks = stored["rows"], stored["blocks"]
        size_of = {kind: sum(one.row_bytes for one in parts if one.rows == kind) for kind in _KINDS}
        tokens = torch.tensor(list(lengths), dtype=torch.int64)
        sizes = stored["predictions"].long() * size_of["predictions"] + tokens * size_of["tokens"]
        sizes = (sizes + tokens.square() * size_of["pairs"])[self._rows.long()]
        ends = sizes.cumsum(0)
        self._starts = torch.empty_like(ends)
        self._starts[self._rows.long()] = ends - sizes
        self._ends = ends
        self.size = int(ends[-1])
        self.parts = parts

    def __len__(self) -> int:
        """Count the blocks."""
        return len(self._blocks)

    def block(self, index: int) -> tuple[Planned, int]:
        """Give the rows that are asked about together, and how many the batch has."""
        length, batch, first = self._blocks[index].tolist()
        return Planned(length, self._rows[first : self._end(index)].tolist()), batch

    def bounds(self, index: int) -> tuple[int, int]:
        """Give a block's first byte, and the first after it."""
        first = int(self._blocks[index, 2])
        return int(self._ends[first - 1]) if first > 0 else 0, int(self._ends[self._end(index) - 1])

    def start(self, row: int) -> int:
        """Give the first byte of a row's record."""
        return int(self._starts[row])

    def _end(self, index: int) -> int:
        return int(self._blocks[index + 1, 2]) if index + 1 < len(self) else len(self._rows)


_KINDS = ("predictions", "tokens", "pairs")


class Store:
    """The files of one cache. What is read by a line of its log is checked by the checksum in it."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folder, self._layout = folder, layout
        self._reads: int | None = None
        self._writes: int | None = None

    def make(self, record: dict[str, Any]) -> None:
        """Make the cache where it is not there; done by one process. When its record was last changed says when it was last used."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / _RECORD
        if not file.exists():
            aside = file.with_name(f".{_RECORD}.{os.getpid()}.tmp")
            aside.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
            aside.replace(file)
        os.utime(file)
        os.close(_open(self._folder / _VALUES, os.O_WRONLY | os.O_CREAT))

    def whole(self, share: range) -> list[int]:
        """Of some blocks, those that are there, each read and held against its checksum."""
        try:
            log = (self._folder / _LOG).read_bytes()
        except FileNotFoundError:
            return []
        checksums: dict[int, set[int]] = {}
        for line in log[: log.rfind(b"\n") + 1].split(b"\n"):
            match = _LOGGED.fullmatch(line)
            if match and int(match[1]) in share:
                checksums.setdefault(int(match[1]), set()).add(int(match[2], 16))
        return [block for block, known in checksums.items() if self._checksum(block) in known]

    def write(self, block: int, content: bytes) -> int:
        """Write a block's records to their place. Gives its checksum, which counts once it is in the log."""
        start, end = self._layout.bounds(block)
        if len(content) != end - start:
            raise AssertionError(f"block {block} has {len(content)} bytes and not {end - start}")
        if self._writes is None:
            # Not for reading: see ``shards.write``.
            self._writes = _open(self._folder / _VALUES, os.O_WRONLY)
        os.lseek(self._writes, start, os.SEEK_SET)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._writes, rest) :]
        return zlib.crc32(content)

    def log(self, written: list[tuple[int, int]]) -> None:
        """Say of blocks that they are there, with their checksums; done by one process."""
        log = _open(self._folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(log, b"".join(b"%d %08x\n" % one for one in written))
        finally:
            os.close(log)

    def written(self) -> None:
        """Put on disk what this process has written: other hosts read it next."""
        if self._writes is not None:
            os.fsync(self._writes)
            os.close(self._writes)
            self._writes = None

    def read(self, start: int, size: int) -> bytearray:
        """Read some bytes. Raises OSError where they are not there."""
        if self._reads is None:
            self._reads = _open(self._folder / _VALUES, os.O_RDONLY)
        os.lseek(self._reads, start, os.SEEK_SET)
        content = bytearray()
        while len(content) < size:
            read = os.read(self._reads, size - len(content))
            if not read:
                raise OSError(f"{self._folder / _VALUES} has been cut off")
            content += read
        return content

    def _checksum(self, block: int) -> int | None:
        start, end = self._layout.bounds(block)
        try:
            return zlib.crc32(self.read(start, end - start))
        except OSError:
            return None

    def close(self) -> None:
        """Close its files."""
        for descriptor in (self._reads, self._writes):
            if descriptor is not None:
                os.close(descriptor)
        self._reads = self._writes = None


def _open(file: Path, flags: int) -> int:
    """Open a file, which is never a link: the folder may be a stranger's."""
    return os.open(file, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0), 0o666)


class Kept:
    """The answers of a full cache, to any batch.

    ``teacher``: whose head makes logits of them; None of one behind a server, whose logits they are.
    """

    def __init__(self, layout: Layout, store: Store, teacher: Model | None, *, of_tokens: bool) -> None:
        self._layout, self._store, self._teacher, self._of_tokens = layout, store, teacher, of_tokens

    def of(self, batch: Batch) -> Targets:
        """Read those of a batch's rows; what counts in no loss is 0. Raises OSError where they cannot be read."""
        predicting, tokens = _counts(batch, of_tokens=self._of_tokens)
        pieces: list[list[bytearray]] = [[] for _ in self._layout.parts]
        for place, row in enumerate(batch.examples):
            counts = {"predictions": predicting[place], "tokens": tokens[place], "pairs": tokens[place] ** 2}
            sizes = [counts[part.rows] * part.row_bytes for part in self._layout.parts]
            record, at = self._store.read(self._layout.start(row), sum(sizes)), 0
            for piece, size in zip(pieces, sizes, strict=True):
                piece.append(record[at : at + size])
                at += size
        answers: dict[str, torch.Tensor] = {}
        for part, piece in zip(self._layout.parts, pieces, strict=True):
            if part.top is not None:
                mask = batch.counted.bool().cpu()
                top = MostProbable.read(bytearray().join(piece), mask, part, part.top)
                return ServedTargets(top.to(batch.input_ids.device))
            answers[part.name] = _joined(part, piece, batch).to(batch.input_ids.device)
        if isinstance(self._teacher, FSDPModule):
            # A forward pass, which none is done of here, would have gathered what lies outside of its blocks.
            self._teacher.unshard()
        return Targets(answers["prediction"], answers, self._teacher)

    def close(self) -> None:
        """Close its files."""
        self._store.close()


@dataclass(frozen=True)
class MostProbable:
    """Of each prediction the most probable tokens with their log-probabilities, and that of each of all others."""

    others: torch.Tensor  # float32 [R]
    ids: torch.Tensor  # int64 [R, K]
    values: torch.Tensor  # float32 [R, K]
    width: int
    """Tokens of the vocabulary."""

    @classmethod
    def read(cls, content: bytearray, mask: torch.Tensor, part: RecordPart, top: int) -> MostProbable:
        """Read the rows that ``mask`` has; the others are 0."""
        rows = torch.frombuffer(content or bytearray(1), dtype=torch.uint8)[: len(content)].view(-1, part.row_bytes)
        start, end = 4 + part.id_bytes * top, 4 + (part.id_bytes + 2) * top
        others = torch.zeros(mask.shape)
        ids, values = torch.zeros((*mask.shape, top), dtype=torch.int64), torch.zeros((*mask.shape, top))
        others[mask] = rows[:, :4].clone().view(torch.float32)[:, 0]
        kind = torch.int16 if part.id_bytes == 2 else torch.int32
        ids[mask] = rows[:, 4:start].clone().view(kind).long() & (2 ** (8 * part.id_bytes) - 1)
        values[mask] = rows[:, start:end].clone().view(torch.float16).float()
        return cls(others, ids, values, part.width)

    def to(self, device: torch.device) -> MostProbable:
        """Move it to a device."""
        return MostProbable(self.others.to(device), self.ids.to(device), self.values.to(device), self.width)

    def logits_of(self, part: slice) -> torch.Tensor:
        """Give log-probabilities [R, V] of some predictions, which as logits say the same."""
        logits = self.others[part, None].repeat(1, self.width)
        return logits.scatter_(1, self.ids[part], self.values[part])


class ServedTargets(Targets):
    """What a language model behind a server says of a batch."""

    def __init__(self, top: MostProbable) -> None:
        super().__init__(top.values, {}, None)
        self._top = top

    def logits_of(self, part: slice) -> torch.Tensor:
        """Give the logits of some predictions."""
        return self._top.logits_of(part)


def open_served(answers: Answers, rows: Rows, processes: Processes, *, of_tokens: bool) -> Kept:
    """Open all answers of a teacher that cannot be asked from here. Raises OSError where one of them is not there."""
    (cache,) = answers.caches
    layout = Layout(answers.layout, rows.lengths, cache.parts)
    store = Store(cache.folder, layout)
    missing = _missing(processes, store, layout)
    if missing:
        raise OSError(f"{cache.folder} lacks {len(missing)} of {len(layout)} blocks of the teacher's answers")
    return Kept(layout, store, None, of_tokens=of_tokens)


def _missing(processes: Processes, store: Store, layout: Layout) -> list[int]:
    """Find the blocks that are not there, or not in all folders; each process looks at some."""
    count = len(layout)
    there = torch.zeros(count, dtype=torch.int64)
    there[store.whole(range(processes.place, count, processes.places))] = 1
    found: list[int] = (processes.gather(there).sum(0) < processes.folders).nonzero()[:, 0].tolist()
    return found


def _joined(part: RecordPart, pieces: list[bytearray], batch: Batch) -> torch.Tensor:
    """Put together what is kept of a batch's rows; what counts in no loss is 0."""
    dtype = torch.float16 if part.bytes == 2 else torch.float32
    rows, length = batch.attention_mask.shape
    if part.rows == "pairs":
        scores = torch.zeros((rows, part.width, length, length))
        for row, piece in enumerate(pieces):
            tokens = math.isqrt(len(piece) // (part.width * part.bytes))
            if tokens:
                own = torch.frombuffer(piece, dtype=dtype).view(part.width, tokens, tokens)
                scores[row, :, :tokens, :tokens] = own.float()
        return scores
    mask = (batch.counted if part.rows == "predictions" else batch.attention_mask).bool().cpu()
    answer = torch.zeros((*mask.shape, part.width))
    content = bytearray().join(pieces)
    if content:
        answer[mask] = torch.frombuffer(content, dtype=dtype).view(-1, part.width).float()
    return answer


def _counts(batch: Batch, *, of_tokens: bool) -> tuple[list[int], list[int]]:
    """Count of each row the predictions that count, and the real tokens; ``of_tokens``: whether predictions are of tokens."""
    rows = batch.attention_mask.shape[0]
    places = batch.prediction_rows
    if of_tokens:
        places = places // batch.attention_mask.shape[1]
    predicting = torch.bincount(places[batch.counted.bool()], minlength=rows)
    return predicting.tolist(), batch.attention_mask.sum(1).long().tolist()


class Asking:
    """Finds a cache that is full, or fills one; all processes take part."""

    def __init__(
        self,
        job: Job,
        processes: Processes,
        rows: Rows,
        teacher: Model,
        *,
        autocast: Callable[[], contextlib.AbstractContextManager[Any]],
        goes_on: Callable[[], bool],
    ) -> None:
        self._job, self._processes, self._rows, self._teacher = job, processes, rows, teacher
        self._autocast, self._goes_on = autocast, goes_on

    def open(self) -> Kept | None:
        """Give what is kept, or None where the teacher is to be asked in every step. Raises StoppedError."""
        answers = self._job.answers
        if answers is None:
            return None
        reason = ""
        for cache in answers.caches:
            layout = Layout(answers.layout, self._rows.lengths, cache.parts)
            store = Store(cache.folder, layout)
            try:
                if self._is_full(cache, store, layout):
                    of_tokens = self._teacher.a.predicts_tokens
                    return Kept(layout, store, self._teacher, of_tokens=of_tokens)
            except _NotKeptError as error:
                reason = str(error)
            store.close()
        self._tell("answers", state="asked", reason=reason)
        return None

    def _is_full(self, cache: Cache, store: Store, layout: Layout) -> bool:
        """Whether all answers are there, after asking for what is missing of a cache that is ours to fill."""
        processes = self._processes
        if cache.record is not None:
            self._on_one(lambda: store.make(cache.record or {}))
        missing = _missing(processes, store, layout)
        if not missing:
            self._tell("answers", state="known", folder=str(cache.folder), bytes=layout.size, by=cache.computed_by)
            return True
        if cache.record is None:
            return False
        self._on_one(lambda: _require_room(cache.folder, layout.size * len(missing) // len(layout)))
        started = len(missing) < len(layout)
        self._tell("answers", state="asking", folder=str(cache.folder), bytes=layout.size, started=started)
        for at in range(0, len(missing), processes.world):
            if not self._goes_on():
                raise StoppedError
            self._tell("answering", step=len(layout) - len(missing) + at, steps=len(layout))
            own = at + processes.rank
            self._fill(store, layout, missing[own] if own < len(missing) else None)
        self._each(store.written)
        processes.wait()
        return True

    def _fill(self, store: Store, layout: Layout, block: int | None) -> None:
        """Ask about one block, or, where others still have one, about nothing: a teacher in shards is run by all at once."""
        said: tuple[int, int] | None = None
        planned, size = layout.block(block if block is not None else 0)
        if block is None:
            planned = Planned(planned.length, [])
        content: bytes | None = None
        problem: str | None = None
        try:
            if block is not None or isinstance(self._teacher, FSDPModule):
                content = self._ask(layout, planned, size)
            if block is not None and content is not None and self._processes.folders == 1:
                said = (block, store.write(block, content))
        except (_NotKeptError, OSError) as error:
            problem = f"its answers cannot be kept ({error})"
        except NotFiniteError as error:
            problem = f"not finite {error.value}"
        every = self._processes.collect((said, problem))
        for _, found in every:
            if found is None:
                continue
            if found.startswith("not finite "):
                raise NotFiniteError("the teacher's answers", float(found.removeprefix("not finite ")))
            raise _NotKeptError(found)
        if self._processes.folders == 1:
            self._on_one(lambda: store.log([one for one, _ in every if one is not None]))
            return
        # Hosts have folders of their own: each keeps what all have been told.
        answered = self._processes.collect((block, content))
        self._on_one(
            lambda: store.log(
                [(one, store.write(one, bytes_)) for one, bytes_ in answered if one is not None and bytes_ is not None]
            )
        )

    @torch.no_grad()
    def _ask(self, layout: Layout, planned: Planned, size: int) -> bytes:
        job = self._job
        batch, _ = collate(
            self._rows,
            planned,
            task=job.task,
            batch_size=size,
            pad_id=job.pad_id,
            masking=None,
            rank=0,
            world=1,
        )
        reads = [part.name for part in layout.parts if part.rows != "predictions"]
        with self._autocast():
            on_device = batch.to(self._processes.device)
            asked = Targets.asked(self._teacher, on_device, reads)
        if not planned.indices:
            return b""
        predicting, tokens = _counts(batch, of_tokens=self._teacher.a.predicts_tokens)
        counts = {"predictions": predicting[: len(planned.indices)], "tokens": tokens[: len(planned.indices)]}
        pieces = [
            _scores_of(part, asked, counts["tokens"])
            if part.rows == "pairs"
            else torch.split(_rows_of(part, asked, batch), counts[part.rows])
            for part in layout.parts
        ]
        return b"".join(bytes(piece.numpy()) for record in zip(*pieces, strict=True) for piece in record)

    def _on_one(self, act: Callable[[], None]) -> None:
        """Do it on the process that keeps the folder; raises _NotKeptError on all where it fails."""
        self._each(act if self._processes.keeps else lambda: None)

    def _each(self, act: Callable[[], None]) -> None:
        problem: str | None = None
        try:
            act()
        except _NotKeptError as error:
            problem = str(error)
        except OSError as error:
            problem = f"its answers cannot be kept ({error})"
        found = next((one for one in self._processes.collect(problem) if one is not None), None)
        if found is not None:
            raise _NotKeptError(found)

    def _tell(self, event: str, **values: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        if self._processes.is_first:
            tell(event, **values)


def _rows_of(part: RecordPart, asked: Targets, batch: Batch) -> torch.Tensor:
    """What is kept of a batch for one part of the records, [rows, width]."""
    if part.rows == "predictions":
        answer, mask = asked.prediction, batch.counted
    else:
        answer, mask = asked.inside[part.name], batch.attention_mask
    return _as_kept(part, answer.float().cpu()[mask.bool()])


def _scores_of(part: RecordPart, asked: Targets, tokens: list[int]) -> list[torch.Tensor]:
    """What is kept of a batch's attention in one block: of each row [heads, n, n]."""
    scores = asked.inside[part.name].float().cpu()
    return [_as_kept(part, scores[row, :, :count, :count]) for row, count in enumerate(tokens)]


def _as_kept(part: RecordPart, values: torch.Tensor) -> torch.Tensor:
    if not bool(values.isfinite().all()):
        raise NotFiniteError("the teacher's answers", float(values[~values.isfinite()][0]))
    if part.bytes == 4:
        return values.contiguous()
    if values.numel() > 0 and float(values.abs().max()) > _LARGEST_FLOAT16:
        raise _NotKeptError(f"they are larger than float16 can hold ({_LARGEST_FLOAT16})")
    return values.half().contiguous()


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed + _SPARED_BYTES > free:
        raise _NotKeptError(f"its answers would take {needed / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB left")
