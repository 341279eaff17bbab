"""Golden decoders: a tiny model of a family with drawn weights, and what Python transformers computes with them.

Run with the packages of test/peers/requirements.txt. `decoders_by_transformers.py FAMILY '{"a config key": 1}'` writes the folder data/models/FAMILY;
`--check` computes anew what lies in the folders of language models that see what is before a token, and says how far it is from that.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

MODELS = Path(__file__).parent / "data" / "models"
SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
LENGTHS, PROMPT = (16, 11), 3
"""Tokens of the two rows, and those at the start of the first that are a prompt."""


def drawn(model):
    """Matrices of a deviation of a quarter, norms by as much around the value that leaves all as it is."""
    generator = torch.Generator().manual_seed(20)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        unit = parameter.data if parameter.dim() == 1 else 0  # a new norm's weight
        parameter.data = unit + noise * (0.2 if parameter.dim() == 1 else 0.25)


def inputs_of(config):
    """Rows padded on the right, and the same padded on the left."""
    generator = torch.Generator().manual_seed(21)
    longest, pad = max(LENGTHS), config.pad_token_id if config.pad_token_id is not None else 3
    ids = torch.randint(5, config.vocab_size, (len(LENGTHS), longest), generator=generator, dtype=torch.int32)
    mask = torch.tensor([[int(k < n) for k in range(longest)] for n in LENGTHS], dtype=torch.int32)
    ids = torch.where(mask == 1, ids, pad).int()
    labels = torch.where(mask == 1, ids, -100).int()
    labels[0, :PROMPT] = -100
    rolled = [longest - n for n in LENGTHS]
    left_ids, left_mask = (torch.stack([row.roll(k) for row, k in zip(x, rolled)]) for x in (ids, mask))
    positions = (left_mask.cumsum(-1) - 1).clamp(min=0).int()
    left = {"left.input_ids": left_ids, "left.attention_mask": left_mask, "left.position_ids": positions}
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, **left}


def load(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval()


def computed(model, inputs):
    """All outputs on the inputs, and each parameter's gradient of the loss."""
    model.zero_grad()
    given = {name: inputs[name].long() for name in ("input_ids", "attention_mask", "labels")}
    out = model(**given, output_hidden_states=True, output_attentions=True, use_cache=False)
    out.loss.backward()
    values = {
        "logits": out.logits,
        "loss": out.loss,
        "hidden_states": torch.stack(out.hidden_states),
        "attentions": torch.stack(out.attentions),
    }
    if "left.input_ids" in inputs:
        left = {name: inputs[f"left.{name}"].long() for name in ("input_ids", "attention_mask", "position_ids")}
        values["left.logits"] = model(**left, use_cache=False).logits
    gradients = {name: parameter.grad.contiguous() for name, parameter in model.named_parameters()}
    return {name: value.detach().contiguous() for name, value in values.items()}, gradients


def older(config):
    """The config in the style of transformers 4."""
    rope = config.pop("rope_parameters")
    assert rope["rope_type"] == "default", "Rotary positions that are scaled are spelt by hand."
    config["torch_dtype"] = config.pop("dtype")
    return {**config, "rope_theta": rope["rope_theta"], "transformers_version": "4.46.3"}


def write(family, own):
    config = transformers.AutoConfig.for_model(family, **SIZES, **own)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    drawn(model)
    folder = MODELS / family
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    inputs = inputs_of(config)
    model = load(folder)
    expected, gradients = computed(model, inputs)
    metadata = {"format": "pt"}
    save_file({**expected, **inputs}, folder / "expected.safetensors", metadata)
    save_file(gradients, folder / "gradients.safetensors", metadata)
    saved = json.loads((folder / "config.json").read_text())
    (folder / "config.v4.json").write_text(json.dumps(older(saved), indent=2, sort_keys=True) + "\n")
    (folder / "config.json").write_text((folder / "config.json").read_text().rstrip("\n") + "\n")
    case = {
        "task": "causal-lm",
        "model_type": family,
        "transformers_class": type(model).__name__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tied": {"lm_head.weight": "model.embed_tokens.weight"} if config.tie_word_embeddings else {},
        "loss": expected["loss"].item(),
        "zero_gradients": [name for name, gradient in gradients.items() if not gradient.any()],
    }
    (folder / "case.json").write_text(json.dumps(case, indent=2) + "\n")


def check():
    for folder in sorted(MODELS.iterdir()):
        case = folder / "case.json"
        if not case.exists() or json.loads(case.read_text())["task"] != "causal-lm":
            continue
        stored, gradients = (load_file(folder / f"{name}.safetensors") for name in ("expected", "gradients"))
        found, slopes = computed(load(folder), stored)
        real = stored["attention_mask"].bool()
        far = max((found[name][real] - stored[name][real]).abs().max().item() for name in ("logits",))
        steep = max((slopes[name] - gradient).abs().max().item() for name, gradient in gradients.items())
        print(
            f"{folder.name}: logits by {far:.1e}, loss by {abs(found['loss'] - stored['loss']).item():.1e}, gradients by {steep:.1e}"
        )


if sys.argv[1:] == ["--check"]:
    check()
else:
    write(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
