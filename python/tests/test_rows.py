"""Rows as a process reads them: those of its own part of a batch, and no others."""

import json
import math
import multiprocessing
import struct
import sys

import pytest
import torch
from safetensors.torch import save_file

from distillery_torch import data
from distillery_torch.data import Masking, Planned, Rows, collate, placed

LENGTHS = [5, 3, 8, 2, 6, 7, 4]
TOKENS = sum(LENGTHS)


def file_of(folder, labels, *, types=True):
    ids = torch.arange(TOKENS, dtype=torch.int32) + 5
    tensors = {"lengths": torch.tensor(LENGTHS, dtype=torch.int32), "inputIds": ids, "labels": labels(ids)}
    if types:
        tensors["typeIds"] = ids % 2
    save_file(tensors, folder / "rows.safetensors")
    return folder / "rows.safetensors"


def all_but_first(ids):
    labels = ids.clone()
    labels[[sum(LENGTHS[:row]) for row in range(len(LENGTHS))]] = -100
    return labels


KINDS = {
    "text-classification": lambda _: torch.tensor([0, 1, -100, 2, 1, 0, 2], dtype=torch.int32),
    "causal-lm": all_but_first,
    "masked-lm": all_but_first,
}


def parts_of(rows, task, world):
    planned = Planned(8, [4, 2, 0, 6, 1])
    masking = Masking(3, 1, 60, 4) if task == "masked-lm" else None
    return [
        collate(rows, planned, task=task, batch_size=6, pad_id=0, masking=masking, rank=rank, world=world)
        for rank in range(world)
    ]


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("task", KINDS)
def test_the_parts_of_a_batch_are_the_batch(tmp_path, task, world):
    rows = Rows(file_of(tmp_path, KINDS[task]), task)
    [(whole, of_whole)] = parts_of(rows, task, 1)
    parts = parts_of(rows, task, world)
    for name in ("predictions", "labelled", "tokens"):
        assert sum(getattr(counts, name) for _, counts in parts) == getattr(of_whole, name)
    for name in ("input_ids", "type_ids", "attention_mask"):
        assert torch.equal(torch.cat([getattr(batch, name) for batch, _ in parts]), getattr(whole, name))
    before = 0
    for batch, counts in parts:
        part = placed(batch, before, of_whole.predictions) if task == "masked-lm" else batch
        assert (part.whole_predictions, part.predicts_few) == (whole.whole_predictions, whole.predicts_few)
        own = part.counted.bool()
        assert torch.equal(part.labels[own], whole.labels[part.prediction_places[own]])
        assert whole.counted[part.prediction_places[own]].all()
        before += counts.predictions


def test_numbers_are_labels_where_they_are_known(tmp_path):
    numbers = torch.arange(14, dtype=torch.float32).view(7, 2)
    numbers[2] = math.nan
    rows = Rows(file_of(tmp_path, lambda _: numbers, types=False), "text-classification")
    planned = Planned(8, [4, 2])
    batch, counts = collate(
        rows, planned, task="text-classification", batch_size=3, pad_id=0, masking=None, rank=0, world=1
    )
    assert (counts.predictions, counts.labelled) == (2, 1)
    assert batch.labels.tolist() == [[8, 9], [0, 0], [0, 0]]
    assert batch.type_ids.sum() == 0


def test_a_process_reads_its_own_rows_alone(tmp_path, monkeypatch):
    rows = Rows(file_of(tmp_path, all_but_first), "causal-lm")
    read = set()
    before = Rows.input_ids

    def input_ids(self, index):
        read.add(index)
        return before(self, index)

    monkeypatch.setattr(data.Rows, "input_ids", input_ids)
    collate(rows, Planned(8, [4, 2, 0, 6, 1]), task="causal-lm", batch_size=6, pad_id=0, masking=None, rank=1, world=3)
    assert read == {0, 6}


ROWS, LENGTH = 2**16, 2**15
"""Of a file of 16 GiB, nearly all of it a hole."""


def read_with_little_memory(file, answers):
    import resource  # noqa: PLC0415

    with open("/proc/self/statm", encoding="utf-8") as statm:  # noqa: PTH123
        held = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 2**29, held + 2**29))
    rows = Rows(file, "causal-lm")
    batch, counts = collate(
        rows, Planned(LENGTH, [1, ROWS - 1]), task="causal-lm", batch_size=2, pad_id=0, masking=None, rank=0, world=1
    )
    answers.put((batch.input_ids[1, -3:].tolist(), counts.tokens))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and files with holes")
def test_a_file_may_be_larger_than_what_a_process_may_hold(tmp_path):
    size = 4 * ROWS * LENGTH
    offsets = {"lengths": [0, 4 * ROWS], "inputIds": [4 * ROWS, 4 * ROWS + size]}
    offsets["labels"] = [offsets["inputIds"][1], offsets["inputIds"][1] + size]
    header = json.dumps(
        {
            name: {"dtype": "I32", "shape": [(end - start) // 4], "data_offsets": [start, end]}
            for name, (start, end) in offsets.items()
        }
    ).encode()
    file = tmp_path / "rows.safetensors"
    with file.open("wb") as opened:
        opened.write(struct.pack("<Q", len(header)) + header)
        opened.write(struct.pack("<i", LENGTH) * ROWS)
        opened.seek(8 + len(header) + offsets["inputIds"][1] - 12)
        opened.write(struct.pack("<3i", 7, 8, 9))
        opened.truncate(8 + len(header) + offsets["labels"][1])
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=read_with_little_memory, args=(file, answers))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert answers.get() == ([7, 8, 9], 2 * LENGTH)
