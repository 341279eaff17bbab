"""What Python transformers makes of an exported model: what loading reports, the ids of a text, the logits of those ids.

Usage: python load_student.py FOLDER TEXT
Standard output: one JSON object {report, ids, logits}.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import transformers  # noqa: E402

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


@torch.no_grad()
def main():
    folder, text = sys.argv[1:]
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        model_class = getattr(transformers, json.load(file)["architectures"][0])
    model, report = model_class.from_pretrained(folder, output_loading_info=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    logits = model.eval()(input_ids=ids).logits
    found = {name: sorted(map(str, value)) for name, value in report.items() if not isinstance(value, str)}
    print(json.dumps({"report": found, "ids": ids[0].tolist(), "logits": logits.flatten().tolist()}))


if __name__ == "__main__":
    main()
