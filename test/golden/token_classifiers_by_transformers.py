"""Golden classifiers of tokens: a tiny one of each encoder family with drawn weights, and what Python transformers computes with them.

Run with the packages of test/peers/requirements.txt. Without arguments it writes the folders data/models/FAMILY-token-classification;
`--check` computes anew what lies there, and says how far it is from that.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

MODELS = Path(__file__).parent / "data" / "models"
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
NAMES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
RATES = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0}
FAMILIES = {
    "bert": {**NAMES, **RATES},
    "distilbert": {
        **{"dim": 32, "hidden_dim": 48, "n_layers": 1, "n_heads": 4},
        **{"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0, "qa_dropout": 0.0},
    },
    "roberta": {**NAMES, **RATES, "type_vocab_size": 1},
    "electra": {**NAMES, **RATES, "embedding_size": 16},
    "mpnet": {**NAMES, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "pad_token_id": 1},
    "modernbert": {**NAMES, "num_hidden_layers": 2, "global_attn_every_n_layers": 2, "local_attention": 6},
}
LENGTHS = (12, 9)
"""Tokens of the two rows, of which about half begin a word."""


def drawn(model):
    """Matrices of a deviation of a quarter, norms and biases by as much around what they are."""
    generator = torch.Generator().manual_seed(22)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        unit = parameter.data if parameter.dim() == 1 else 0
        parameter.data = unit + noise * (0.2 if parameter.dim() == 1 else 0.25)


def inputs_of(pad):
    """Rows padded on the right, with a class where a word begins."""
    generator = torch.Generator().manual_seed(23)
    longest = max(LENGTHS)
    ids = torch.randint(5, 99, (len(LENGTHS), longest), generator=generator, dtype=torch.int32)
    mask = torch.tensor([[int(k < n) for k in range(longest)] for n in LENGTHS], dtype=torch.int32)
    classes = torch.randint(0, len(LABELS), ids.shape, generator=generator, dtype=torch.int32)
    begins = (torch.rand(ids.shape, generator=generator) < 0.5) & (mask == 1)
    begins[:, 0] = False  # as a [CLS] has none
    return {
        "input_ids": torch.where(mask == 1, ids, pad).int(),
        "attention_mask": mask,
        "labels": torch.where(begins, classes, -100).int(),
    }


def load(folder):
    return transformers.AutoModelForTokenClassification.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def computed(model, inputs):
    """All outputs on the inputs, and each parameter's gradient of the loss."""
    model.zero_grad()
    given = {name: inputs[name].long() for name in ("input_ids", "attention_mask", "labels")}
    out = model(**given, output_hidden_states=True, output_attentions=True)
    out.loss.backward()
    values = {
        "logits": out.logits,
        "loss": out.loss,
        "hidden_states": torch.stack(out.hidden_states),
        "attentions": torch.stack(out.attentions),
    }
    gradients = {name: parameter.grad.contiguous() for name, parameter in model.named_parameters()}
    return {name: value.detach().contiguous() for name, value in values.items()}, gradients


def write(family, sizes):
    config = transformers.AutoConfig.for_model(
        family,
        **{"vocab_size": 99, "max_position_embeddings": 64, "pad_token_id": 0, **sizes},
        **{"bos_token_id": None, "eos_token_id": None, "cls_token_id": None, "sep_token_id": None},
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    model = transformers.AutoModelForTokenClassification.from_config(config, dtype=torch.float32)
    drawn(model)
    folder = MODELS / f"{family}-token-classification"
    model.save_pretrained(folder)
    inputs = inputs_of(config.pad_token_id)
    model = load(folder)
    expected, gradients = computed(model, inputs)
    metadata = {"format": "pt"}
    save_file({**expected, **inputs}, folder / "expected.safetensors", metadata)
    save_file(gradients, folder / "gradients.safetensors", metadata)
    saved = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text((folder / "config.json").read_text().rstrip("\n") + "\n")
    (folder / "config.v4.json").write_text(json.dumps(older(saved), indent=2, sort_keys=True) + "\n")
    case = {
        "task": "token-classification",
        "model_type": family,
        "transformers_class": type(model).__name__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tied": {},
        "loss": expected["loss"].item(),
        "zero_gradients": [name for name, gradient in gradients.items() if gradient.abs().max() < 1e-7],
    }
    (folder / "case.json").write_text(json.dumps(case, indent=2) + "\n")


def older(config):
    """The config in the style of transformers 4."""
    config["torch_dtype"] = config.pop("dtype")
    config.pop("layer_types", None)
    ropes = config.pop("rope_parameters", None)
    if ropes:
        config["global_rope_theta"] = ropes["full_attention"]["rope_theta"]
        config["local_rope_theta"] = ropes["sliding_attention"]["rope_theta"]
    return {**config, "transformers_version": "4.46.3"}


def check():
    for family in FAMILIES:
        folder = MODELS / f"{family}-token-classification"
        stored, gradients = (load_file(folder / f"{name}.safetensors") for name in ("expected", "gradients"))
        found, slopes = computed(load(folder), stored)
        real = stored["attention_mask"].bool()
        far = (found["logits"][real] - stored["logits"][real]).abs().max().item()
        steep = max((slopes[name] - gradient).abs().max().item() for name, gradient in gradients.items())
        print(f"{folder.name}: logits by {far:.1e}, gradients by {steep:.1e}")


if sys.argv[1:] == ["--check"]:
    check()
else:
    for family, sizes in FAMILIES.items():
        write(family, sizes)
