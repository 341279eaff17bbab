"""Entities and their F1 are those of seqeval, as the tests of Distillery's own engines have them (test/golden/data)."""

import json

import pytest
from golden import DATA

from distillery_torch.entities import are_entity_tags, entities_in, entity_f1

CASES = json.loads((DATA / "entities.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_finds_what_seqeval_finds(case):
    for tags, entities in zip(case["said"], case["entities"], strict=True):
        assert entities_in(tags) == {tuple(entity) for entity in entities}
    assert entity_f1(case["said"], case["there"]) == pytest.approx(case["f1"], abs=1e-12)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [(["O", "B-PER"], True), (["O"], False), (["NOUN", "B-X"], False), (["U-PER", "O"], False)],
)
def test_knows_tags_of_entities(tags, expected):
    assert are_entity_tags(tags) is expected
