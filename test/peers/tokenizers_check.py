"""Encode texts with Python's tokenizers: JSON list of texts on stdin, records with UTF-16 offsets on stdout.

Usage: python tokenizers_check.py TOKENIZER_JSON
"""

import json
import sys

from tokenizers import Tokenizer


def utf16_bounds(text):
    bounds = [0]
    for character in text:
        bounds.append(bounds[-1] + (2 if ord(character) > 0xFFFF else 1))
    return bounds


def record(tokenizer, text):
    encoding = tokenizer.encode(text)
    bounds = utf16_bounds(text)
    return {
        "ids": encoding.ids,
        "offsets": [[bounds[start], bounds[end]] for start, end in encoding.offsets],
        "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=False),
    }


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    json.dump([record(tokenizer, text) for text in json.load(sys.stdin)], sys.stdout)


main()
