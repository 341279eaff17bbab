"""Golden entities: what seqeval 1.2.2 (default mode) finds in drawn tags, and its F1 of pairs of such texts.

Run with seqeval==1.2.2; it writes data/entities.json.
"""

import json
import random
import warnings
from pathlib import Path

from seqeval.metrics import f1_score
from seqeval.metrics.sequence_labeling import get_entities

warnings.simplefilter("ignore")
TAGS = ["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
KINDS = {
    "IOB2": TAGS,
    "IOBES": [*TAGS, "E-PER", "S-PER", "E-LOC", "S-LOC"],
    "without types": ["O", "B", "I", "E", "S"],
    "types with dashes": ["O", "B-art-work", "I-art-work", "B-art", "I-art"],
}
draw = random.Random(7)
cases = []
for name, tags in KINDS.items():
    for texts in (1, 4):
        there = [[draw.choice(tags) for _ in range(draw.randrange(1, 9))] for _ in range(texts)]
        said = [[tag if draw.random() < 0.7 else draw.choice(tags) for tag in text] for text in there]
        entities = [[list(entity) for entity in get_entities(text)] for text in said]
        cases.append(
            {"kind": name, "there": there, "said": said, "entities": entities, "f1": float(f1_score(there, said))}
        )
nothing = [["O", "O"]]
cases.append({"kind": "nothing", "there": nothing, "said": nothing, "entities": [[]], "f1": float(f1_score(nothing, nothing))})
text = "[\n" + ",\n".join(f" {json.dumps(case)}" for case in cases) + "\n]\n"
(Path(__file__).parent / "data" / "entities.json").write_text(text)
