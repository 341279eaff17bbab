"""Random numbers, orders of rows, masks: bit for bit those of Distillery's own engines (test/torchrun/draws.test.ts writes them)."""

import json
from pathlib import Path

import pytest

from distillery_torch.data import Masking, bucket_lengths, mask_tokens, masked_capacity, plan_epoch
from distillery_torch.randomness import keep_mask, random_stream, random_words, shuffled

DRAWS = json.loads((Path(__file__).parent / "draws.json").read_text("utf-8"))


@pytest.mark.parametrize("case", DRAWS["words"], ids=lambda case: str(case["keys"]))
def test_words(case):
    following = random_words(*case["keys"])
    assert [following() for _ in case["words"]] == case["words"]


def test_shuffled():
    assert list(shuffled(range(20), random_stream(5))) == DRAWS["shuffled"]


@pytest.mark.parametrize("case", DRAWS["plans"])
def test_plans(case):
    buckets = bucket_lengths(case["lengths"], 48)
    assert buckets == case["buckets"]
    plan = plan_epoch(
        case["lengths"],
        batch_size=case["batchSize"],
        buckets=buckets,
        seed=3,
        epoch=2,
        shuffle=case["shuffle"],
        group_by_length=case["groupByLength"],
    )
    assert [(one.length, list(one.indices)) for one in plan] == [
        (one["length"], one["indices"]) for one in case["batches"]
    ]


@pytest.mark.parametrize("case", DRAWS["masks"])
def test_dropout(case):
    mask = keep_mask(case["size"], case["rate"], (case["seed"], case["step"], 0))
    assert (~mask).nonzero()[:, 0].tolist() == case["dropped"]


@pytest.mark.parametrize("case", DRAWS["hidden"])
def test_masked_tokens(case):
    ids = [i + 5 for i in range(30)]
    labels = [-100 if i in (0, 29) else one for i, one in enumerate(ids)]
    masked = mask_tokens(ids, labels, case["index"], Masking(1, 4, 50, 3))
    assert masked == (case["inputIds"], case["labels"])


def test_room_for_masked_tokens():
    for case in DRAWS["capacities"]:
        assert masked_capacity(case["rows"], case["length"]) == case["capacity"]
