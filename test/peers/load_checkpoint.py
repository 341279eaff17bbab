"""Loads model folders that Distillery wrote and records what Python transformers makes of them.

Usage: python load_checkpoint.py FOLDER...

Each folder holds a model and `inputs.safetensors` (input_ids, attention_mask, perhaps token_type_ids). Written into it:
`peer.safetensors` with the logits in evaluation (`logits`) and with dropout (`logits.dropout`), and `saved/`, the model as
save_pretrained writes it. Standard output: one JSON object, folder -> what loading reported.

Dropout is replaced by a fixed pattern, x * (1 + rate * cos(i)) for element i, so that both sides can apply the same one and
a wrong place, shape or rate shows in the logits.
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def patterned_dropout(x, p=0.5, training=True, inplace=False):
    if not training or p == 0:
        return x
    pattern = torch.cos(torch.arange(x.numel(), dtype=torch.float64)).reshape(x.shape)
    return x * (1 + p * pattern).to(x.dtype)


def load(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model_class = getattr(transformers, config["architectures"][0])
    model, report = model_class.from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    return model, {name: sorted(map(str, found)) for name, found in report.items() if not isinstance(found, str)}


@torch.no_grad()
def compare(folder):
    model, report = load(folder)
    inputs = {name: tensor.long() for name, tensor in load_file(folder / "inputs.safetensors").items()}
    outputs = {"logits": model.eval()(**inputs).logits, "logits.dropout": model.train()(**inputs).logits}
    save_file({name: tensor.contiguous() for name, tensor in outputs.items()}, folder / "peer.safetensors")
    model.save_pretrained(folder / "saved")
    return report


def main():
    torch.set_num_threads(1)
    torch.nn.functional.dropout = patterned_dropout
    print(json.dumps({folder: compare(Path(folder)) for folder in sys.argv[1:]}))


if __name__ == "__main__":
    main()
