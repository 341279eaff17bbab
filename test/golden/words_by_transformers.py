"""Golden tokens of words: what Python transformers' fast tokenizers make of texts that are given word by word.

Run with the packages of test/peers/requirements.txt; it writes data/tokenizers/words.json from the folders beside it. A tokenizer of bytes
has a space before each word where transformers' run_ner.py asks for one (`add_prefix_space`); "modernbert" is as it is without. No word is in
another form than composed: transformers 5.24 makes XLM-R's tokenizer anew without the normalizer that its tokenizer.json names, which all others read.
"""

import json
from pathlib import Path

from transformers import AutoTokenizer

TOKENIZERS = Path(__file__).parent / "data" / "tokenizers"
SPACED = ("roberta",)
SENTENCES = [
    ["EU", "rejects", "German", "call", "to", "boycott", "British", "lamb", "."],
    ["Peter", "Blackburn-Smith", "U.S.-based", "1996-08-22", "don't", "3.14", "%"],
    ["Zürich", "東京", "naïve", "\U0001f600", "İstanbul", "a b"],
    ["", "\u200b", "x", " ", "unaffable", "--", "``"],
]
CUT = 10

encoded = {}
for name in ("bert-cased", "bert-uncased", "mpnet", "modernbert", "roberta", "xlm-roberta"):
    options = {"add_prefix_space": True} if name in SPACED else {}
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZERS / name, **options)
    rows = []
    for words in SENTENCES:
        for most in (None, CUT):
            made = tokenizer(words, is_split_into_words=True, truncation=most is not None, max_length=most)
            ofWord = [-1 if word is None else word for word in made.word_ids()]
            rows.append({"words": words, "maxLength": most, "ids": made["input_ids"], "wordIds": ofWord})
    encoded[name] = rows
text = "{\n" + ",\n".join(
    f' {json.dumps(name)}: [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]" for name, rows in encoded.items()
)
(TOKENIZERS / "words.json").write_text(text + "\n}\n")
