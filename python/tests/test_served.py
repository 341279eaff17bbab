"""Answers of a teacher behind a server: records of its most probable tokens."""

import struct

import pytest
import torch

from distillery_torch.answers import MostProbable
from distillery_torch.experiment import RecordPart


def record(width: int, others: float, tokens: list[tuple[int, float]]) -> bytes:
    ids, values = [one for one, _ in tokens], [value for _, value in tokens]
    kind = "H" if width <= 2**16 else "I"
    content = struct.pack(f"<f{len(ids)}{kind}{len(ids)}e", others, *ids, *values)
    return content + bytes(-len(content) % 4)


@pytest.mark.parametrize("width", [99, 2**16, 70_000])
def test_the_most_probable_have_their_own_logits_and_all_others_one(width: int) -> None:
    part = RecordPart("prediction", "predictions", width, 4, 3)
    known = [[(7, -0.5), (width - 1, -1.25), (0, -30.0)], [(3, -0.25), (3, -0.25), (4, -2.0)]]
    rows = [record(width, others, tokens) for others, tokens in zip((-9.5, -11.0), known, strict=True)]
    assert all(len(row) == part.row_bytes for row in rows)
    mask = torch.tensor([True, False, True])
    top = MostProbable.read(bytearray(b"".join(rows)), mask, part, 3)
    wanted = torch.zeros(3, width)
    for place, others, tokens in zip((0, 2), (-9.5, -11.0), known, strict=True):
        wanted[place] = others
        for token, value in tokens:
            wanted[place, token] = value
    assert torch.equal(top.logits_of(slice(None)), wanted)
    assert torch.equal(top.logits_of(slice(2, 3)), wanted[2:])


def test_a_batch_in_which_nothing_counts_has_no_records() -> None:
    part = RecordPart("prediction", "predictions", 99, 4, 3)
    top = MostProbable.read(bytearray(), torch.zeros(4, dtype=torch.bool), part, 3)
    assert torch.equal(top.logits_of(slice(None)), torch.zeros(4, 99))
