"""Golden texts of tables of characters (`precompiled_charsmap`): what Hugging Face's tokenizers makes of them, and from where each character comes.

Run with the packages of test/peers/requirements.txt and sentencepiece==0.2.3; it writes data/tokenizers/characters.json. The table is SentencePiece's own
making, of some rules of its NFKC and of some that no normalization has.
"""

import base64
import io
import json
import random
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

OUT = Path(__file__).parent / "data" / "tokenizers" / "characters.json"
RULES = {
    "e\u0301": "é", "E\u0301": "É", "A\u030a": "Å", "\u212b": "Å", "a\u0323": "ạ", "が": "ga", "か\u3099": "が",
    "ﬁ": "fi", "½": "1⁄2", "…": "...", "①": "1", "ﷺ": "صلى الله عليه وسلم", "\t": " ", "\n": " ", "\r": " ", "\u200b": " ",
    "\u3000": " ", "\x07": "", "Ａ": "A", "ß": "ss", "x": "ks", "한": "han", "🤖": "robot", "ab": "c",
}  # fmt: skip
TEXTS = [
    "cafe\u0301 e\u0301te\u0301", "e\u0301\u0301", "a\u0323\u0301", "A\u030a\u0301 \u212b\u0301", "plain text", "a\r\nb\tc\n", "ﬁ\u0301 ½\u0301",
    "👨\u200d👩\u200d👧 🤖\u200d🤖", "ﷺ…①Ａ", "a\x07a\x07", "가한글", "か\u3099 が", "xßx", "", "\u200b", "क\u094d\u200dष", "ab abab", "\u0301e",
    "e\u0301\u20dd", "🤖\ufe0f", "\ud7a3\u11a8",
]  # fmt: skip


def table() -> bytes:
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        for source, target in RULES.items():
            hexes = [" ".join(f"{ord(c):X}" for c in text) for text in (source, target)]
            rules.write("\t".join(hexes) + "\n")
        rules.flush()
        made = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the whale", "the sea"] * 50), model_writer=made, vocab_size=16, hard_vocab_limit=False,
            model_type="unigram", normalization_rule_tsv=rules.name, minloglevel=2,
        )  # fmt: skip
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(made.getvalue())
    return model.normalizer_spec.precompiled_charsmap


def units(text: str, index: int) -> int:
    return len(text[:index].encode("utf-16-le")) // 2


charsmap = table()
tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
tokenizer.normalizer = normalizers.Precompiled(charsmap)
tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
random.seed(1)
# tokenizers counts what is removed against what the character before it became, and forgets what is removed from the beginning of a text.
parts = [*(source for source in RULES if RULES[source]), *"abeé \u0301\u0323\u200d👩क語", "\r\n"]
texts = TEXTS + ["".join(random.choices(parts, k=12)) for _ in range(60)]
cases = []
for text in texts:
    normalized = tokenizer.normalizer.normalize_str(text)
    offsets = tokenizer.encode(text).offsets
    assert len(offsets) == len(normalized)
    cases.append({
        "text": text,
        "normalized": normalized,
        "starts": [units(text, start) for start, _ in offsets],
        "ends": [units(text, end) for _, end in offsets],
    })  # fmt: skip
rows = ",\n".join(f"  {json.dumps(case)}" for case in cases)
OUT.write_text(f'{{\n "charsmap": "{base64.b64encode(charsmap).decode()}",\n "cases": [\n{rows}\n ]\n}}\n')
