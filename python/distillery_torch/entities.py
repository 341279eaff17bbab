"""Named entities in the tags of a text's words, as ``src/protocol/entities.ts`` finds them: seqeval's default mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAG = re.compile(r"(?:O|[BIES](?:-.*)?)")


def are_entity_tags(tags: Sequence[str]) -> bool:
    """Whether all are tags of entities, and one at least says more than that there is none."""
    return any(tag != "O" for tag in tags) and all(_TAG.fullmatch(tag) for tag in tags)


def entities_in(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """Find the entities of a text: type, first and last word."""
    found: set[tuple[str, int, int]] = set()
    before, kind, start = "O", "O", -1
    for i, tag in enumerate([*tags, "O"]):
        here, own = tag[0], (tag[1:].split("-", maxsplit=1)[-1] or "_") if tag != "O" else "O"
        ends = before in "ES" or (before != "O" and (here in "BSO" or kind != own))
        begins = here in "BS" or (here != "O" and (before in "ESO" or kind != own))
        if start >= 0 and ends:
            found.add((kind, start, i - 1))
            start = -1
        if begins:
            start = i
        before, kind = here, own
    return found


def entity_f1(said: Sequence[Sequence[str]], there: Sequence[Sequence[str]]) -> float:
    """F1 over all entities of some texts (micro); 0 where there are none."""
    pairs = [(entities_in(own), entities_in(hard)) for own, hard in zip(said, there, strict=True)]
    both = sum(len(own & hard) for own, hard in pairs)
    either = sum(len(own) + len(hard) for own, hard in pairs)
    return 2 * both / either if either else 0.0
