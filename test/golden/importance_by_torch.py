"""Importance of heads, MLP units and dimensions of golden models, by hooks on transformers' modules: prints what lies in data/importance.json.

Run in the environment of `npm run peers`: python test/golden/importance_by_torch.py > test/golden/data/importance.json
"""

import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file

MODELS = pathlib.Path(__file__).parent / "data" / "models"

# Of each folder: class, its blocks, and below a block: norms whose output matrices read, the attention's output matrix, the MLP's second;
# then norms outside of blocks, and what the classifier reads.
CASES = {
    "bert-sequence-classification": ("BertForSequenceClassification", "bert.encoder.layer", ["attention.output.LayerNorm", "output.LayerNorm"], "attention.output.dense", "output.dense", ["bert.embeddings.LayerNorm"], "classifier"),
    "gpt2": ("GPT2LMHeadModel", "transformer.h", ["ln_1", "ln_2"], "attn.c_proj", "mlp.c_proj", ["transformer.ln_f"], None),
    "llama": ("LlamaForCausalLM", "model.layers", ["input_layernorm", "post_attention_layernorm"], "self_attn.o_proj", "mlp.down_proj", ["model.norm"], None),
    "modernbert-masked-lm": ("ModernBertForMaskedLM", "model.layers", ["attn_norm", "mlp_norm"], "attn.Wo", "mlp.Wo", ["model.final_norm"], None),
}


def aggregated(values, mask):
    """Mean over a row's tokens, norm over the rows (Muralidharan et al., 2024, table 9). values [B, L, N] ≥ 0"""
    rows = [row[real.bool()].mean(0) for row, real in zip(values, mask)]
    return torch.stack(rows).square().sum(0).sqrt()


@torch.no_grad()
def importance(folder, name, blocks, norms, attention, mlp, others, classifier):
    model = getattr(transformers, name).from_pretrained(MODELS / folder, attn_implementation="eager", dtype=torch.float32).eval()
    stored = load_file(MODELS / folder / "expected.safetensors")
    inputs = {key: stored[key].long() for key in ("input_ids", "attention_mask", "token_type_ids") if key in stored}
    mask = inputs["attention_mask"]
    seen = {}

    def reads(key):
        return lambda _module, args: seen.__setitem__(key, args[0])

    def gives(key):
        return lambda _module, _args, output: seen.__setitem__(key, output)

    layers = model.get_submodule(blocks)
    heads = model.config.num_attention_heads
    for index, layer in enumerate(layers):
        layer.get_submodule(attention).register_forward_pre_hook(reads(f"heads.{index}"))
        layer.get_submodule(mlp).register_forward_pre_hook(reads(f"inner.{index}"))
        for norm in norms:
            layer.get_submodule(norm).register_forward_hook(gives(f"width.{index}.{norm}"))
    for norm in others:
        model.get_submodule(norm).register_forward_hook(gives(f"width.{norm}"))
    if classifier:
        model.get_submodule(classifier).register_forward_pre_hook(reads("pooled"))
    model(**inputs)
    batch, length = mask.shape
    result = {
        "heads": [aggregated(seen[f"heads.{i}"].view(batch, length, heads, -1).norm(dim=-1), mask).tolist() for i in range(len(layers))],
        "inner": [aggregated(seen[f"inner.{i}"].view(batch, length, -1).abs(), mask).tolist() for i in range(len(layers))],
        "width": sum(aggregated(value.abs(), mask) for key, value in seen.items() if key.startswith("width.")).tolist(),
    }
    if classifier:
        result["pooled"] = seen["pooled"].square().sum(0).sqrt().tolist()
    return result


def rounded(value):
    return [rounded(one) for one in value] if isinstance(value, list) else float(f"{value:.6g}")


print(json.dumps({folder: {key: rounded(value) for key, value in importance(folder, *case).items()} for folder, case in CASES.items()}))
