"""Token ids of a question and its answer as transformers' apply_chat_template has them, with the tokenizers of data/tokenizers and templates of the kind that models come with.

Each template of data/chat is given a user's message, with what the assistant's answer begins with, and the same with the answer. Writes data/chat/expected.json:
python test/golden/chat_by_transformers.py
"""

import json
from pathlib import Path

from transformers import PreTrainedTokenizerFast

DATA = Path(__file__).parent / "data"

TOKENIZERS = {
    "smollm2": ("qwen2", {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}),
    "llama3": ("llama3", {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}),
    "mistral": ("llama2", {"bos_token": "<s>", "eos_token": "</s>"}),
}

ROWS = [
    ("Who hunts the white whale?", "Captain Ahab of the Pequod."),
    ("  Spaces around,\nand a line.  ", "\nA line first,\ttabs and  spaces "),
    ("Zwölf Boote – naïve 🐳?", "鯨 und <b>Öl</b>\n\n"),
    ("", "What is there to answer?"),
    ("A marker in the text: <|im_end|></s><|eot_id|> and on", "<s> so"),
]


def main():
    expected = []
    for name, (folder, tokens) in TOKENIZERS.items():
        template = (DATA / "chat" / f"{name}.jinja").read_text()
        file = str(DATA / "tokenizers" / folder / "tokenizer.json")
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=file, chat_template=template, **tokens)
        rows = []
        for prompt, completion in ROWS:
            asked = [{"role": "user", "content": prompt}]
            answered = [*asked, {"role": "assistant", "content": completion}]
            row = {"prompt": prompt, "completion": completion}
            for key, messages, goes_on in (("promptIds", asked, True), ("ids", answered, False)):
                made = tokenizer.apply_chat_template(messages, tokenize=True, add_generation_prompt=goes_on, return_dict=False)
                row[key] = made
            rows.append(row)
        expected.append({"name": name, "tokenizer": folder, "tokens": tokens, "rows": rows})
    (DATA / "chat" / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


main()
